"""Cost matrices against hand-computed values."""

from __future__ import annotations

import numpy as np
import pytest

from models.tracking.affinity import cosine_distance, fuse_motion, iou_distance


def test_cosine_distance() -> None:
    first = np.array([[1, 0], [0.6, 0.8]], np.float32)
    second = np.array([[1, 0], [0, 1], [-1, 0]], np.float32)
    np.testing.assert_allclose(cosine_distance(first, second), [[0, 1, 2], [0.4, 0.2, 1.6]], atol=1e-6)


def test_cosine_distance_of_rounded_equals_is_not_negative() -> None:
    vectors = np.random.default_rng(0).normal(size=(50, 256)).astype(np.float32)
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    assert cosine_distance(vectors, vectors).min() >= 0


def test_motion_is_fused_and_gated() -> None:
    fused = fuse_motion(np.array([[0.1, 0.1, 0.1]]), np.array([[1.0, 9.4877, 9.4878]]))
    np.testing.assert_allclose(fused, [[0.98 * 0.1 + 0.02, 0.98 * 0.1 + 0.02 * 9.4877, np.inf]])


@pytest.mark.parametrize(
    ("box", "distance"),
    [
        ([0, 0, 10, 10], 0.0),  # the same
        ([5, 0, 15, 10], 2 / 3),  # 50 shared of 150; with FairMOT's extra pixel it would be 1 - 66/176
        ([0, 0, 10, 5], 0.5),  # the upper half
        ([10, 0, 20, 10], 1.0),  # touching edges share nothing
        ([50, 50, 60, 60], 1.0),  # apart
        ([5, 5, 5, 5], 1.0),  # empty
    ],
)
def test_iou_distance_is_exact(box: list[float], distance: float) -> None:
    found = iou_distance(np.array([[0.0, 0, 10, 10]]), np.array([box], np.float64))
    assert found[0, 0] == pytest.approx(distance, abs=1e-7)


def test_shapes_without_boxes() -> None:
    none = np.zeros((0, 4))
    assert iou_distance(none, np.zeros((3, 4))).shape == (0, 3)
    assert iou_distance(np.zeros((3, 4)), none).shape == (3, 0)
    assert cosine_distance(np.zeros((0, 8)), np.zeros((2, 8))).shape == (0, 2)
