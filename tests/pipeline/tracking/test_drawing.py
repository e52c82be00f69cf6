"""Drawn pictures: what is coloured where, and that inputs stay as they are."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.tracking.drawing import Boxes, Painter, colour_depth, colour_of, overlay_heat, side_by_side

GROUND = 40


def blank(height: int = 120, width: int = 160) -> NDArray[np.uint8]:
    return np.full((height, width, 3), GROUND, np.uint8)


def boxes(*rows: tuple[float, float, float, float], first: int = 1, recovered: bool = False) -> Boxes:
    count = len(rows)
    return Boxes(np.array(rows, np.float32).reshape(-1, 4), np.arange(first, first + count), np.full(count, recovered))


def has(image: NDArray[np.uint8], colour: tuple[int, int, int], tolerance: int = 0) -> NDArray[np.bool_]:
    return np.abs(image.astype(int) - colour).max(-1) <= tolerance


def test_a_box_is_drawn_in_its_colour_and_the_input_kept() -> None:
    image = blank()
    drawn = Painter(5).paint(image, boxes((50, 50, 90, 110)))
    assert (image == GROUND).all()
    assert has(drawn, colour_of(1))[60:100, 49:52].any(axis=1).all()


def test_a_recovered_box_is_dashed() -> None:
    drawn = has(Painter(5).paint(blank(), boxes((50, 40, 90, 110), recovered=True)), colour_of(1))
    left = drawn[45:105, 49:52].any(axis=1)
    assert left.any()
    assert not left.all()


def test_the_ground_truth_is_white_and_thin() -> None:
    drawn = Painter(5).paint(blank(), boxes(), np.array([[20, 30, 60, 100]], np.float32))
    white = has(drawn, (255, 255, 255))
    assert white[60, 20]
    assert white[60].sum() == 2


def test_a_trail_shows_past_feet_and_ends() -> None:
    painter = Painter(3)
    for x in range(0, 50, 10):
        drawn = painter.paint(blank(), boxes((x, 20, x + 20, 100)))
    trail = has(drawn, colour_of(1), tolerance=90)[99:102]  # antialiased
    assert trail[:, 35:45].any()
    assert not trail[:, :28].any()
    assert not has(painter.paint(painter.paint(painter.paint(blank(), boxes()), boxes()), boxes()), colour_of(1)).any()


@pytest.mark.parametrize("first", [1, 140])
def test_identities_of_one_scene_have_distinct_colours(first: int) -> None:
    for a, b in itertools.combinations(range(first, first + 33), 2):
        assert np.abs(np.subtract(colour_of(a), colour_of(b))).sum() > 50, (a, b)
    assert np.abs(np.subtract(colour_of(first), colour_of(first + 1))).sum() > 200


@pytest.mark.parametrize("size", [(32, 24), (2160, 3840)])
def test_boxes_outside_and_any_size_are_drawn(size: tuple[int, int]) -> None:
    drawn = Painter(5).paint(blank(*size), boxes((-1e7, -50, 30, 1e7), (np.float32(1e5), 0, 1e5 + 1, 3), recovered=True))
    assert drawn.shape == (*size, 3)


def test_heat_is_the_only_colour() -> None:
    heat = np.zeros((12, 16), np.float32)
    heat[6, 8] = 1
    drawn = overlay_heat(np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8), heat).astype(int)
    coloured = np.ptp(drawn, axis=-1) > 0
    assert not coloured[:40].any()
    assert coloured[65, 85]


def test_near_is_brighter_than_far_and_unknown_is_grey() -> None:
    depth = np.array([[0, 5, 10, 20]], np.float32)
    drawn = colour_depth(depth, (4, 1))[0].astype(int).sum(-1)
    assert tuple(colour_depth(depth, (4, 1))[0, 0]) == (110, 110, 110)
    assert drawn[1] > drawn[2] > drawn[3]


def test_depth_without_any_label_is_grey() -> None:
    assert (colour_depth(np.zeros((2, 2), np.float32), (4, 4)) == 110).all()


def test_side_by_side_joins_widths() -> None:
    assert side_by_side([blank(), blank()]).shape == (120, 320, 3)
