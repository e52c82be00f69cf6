"""Box arithmetic on hand-computed boxes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.numerics import boxes

A = np.array([[0, 0, 10, 10], [100, 100, 110, 120]], np.float32)
B = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30], [0, 0, 5, 10]], np.float32)
some = arrays(np.float64, st.tuples(st.integers(0, 6), st.just(4)), elements=st.integers(-200, 200).map(float))


def test_iou_by_hand() -> None:
    np.testing.assert_allclose(boxes.iou(A, B), [[1, 1 / 3, 0, 0.5], [0, 0, 0, 0]], rtol=1e-6)


def test_iou_of_half_is_exactly_half() -> None:
    assert boxes.iou(A[:1], B[3:])[0, 0] >= 0.5


def test_intersection_over_area_divides_by_the_first() -> None:
    np.testing.assert_allclose(boxes.intersection_over_area(A[:1], B), [[1, 0.5, 0, 0.5]], rtol=1e-6)
    np.testing.assert_allclose(boxes.intersection_over_area(B[3:], A[:1]), [[1]])


def test_nothing_overlaps_nothing() -> None:
    none = np.zeros((0, 4), np.float32)
    assert boxes.iou(none, B).shape == (0, 4)
    assert boxes.iou(A, none).shape == (2, 0)
    empty = np.array([[5, 5, 5, 5]], np.float32)
    assert boxes.iou(empty, empty)[0, 0] == 0
    assert boxes.intersection_over_area(empty, A)[0, 0] == 0


def test_inverted_boxes_have_no_area() -> None:
    assert boxes.area(np.array([[10, 10, 0, 0]], np.float32))[0] == 0


def test_clip_cuts_at_the_image() -> None:
    np.testing.assert_array_equal(boxes.clip(np.array([[-5, -5, 700, 20]], np.float32), 640, 480), [[0, 0, 640, 20]])


@given(some)
def test_conversion_there_and_back(values: np.ndarray) -> None:
    np.testing.assert_array_equal(boxes.xyxy_to_xywh(boxes.xywh_to_xyxy(values)), values.reshape(-1, 4))


@given(some, some)
def test_iou_is_symmetric_and_bounded(first: np.ndarray, second: np.ndarray) -> None:
    found = boxes.iou(first, second)
    np.testing.assert_array_equal(found, boxes.iou(second, first).T)
    assert ((found >= 0) & (found <= 1)).all()


def test_centres_by_hand() -> None:
    assert boxes.centres(B[1:3]).tolist() == [[10, 5], [25, 25]]
    assert boxes.centres(np.zeros((0, 4), np.float32)).shape == (0, 2)
