"""What all boxes of a sequence together suggest about how they were written."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.files.coordinates import oddities

SHARES, CORNERS = "no box reaches beyond the first pixel", "boxes reach beyond their images"
WHOLE = (0.1, 0.2, 0.4, 0.5)  # xyxy, as read of left, top, width, height
RIGHT = (100, 80, 250, 190)  # as read of the corners 100,80 and 150,110
CASES = [
    pytest.param([WHOLE, (0, 0, 1, 1)], (160, 120), SHARES, id="shares of the image"),
    pytest.param([WHOLE, WHOLE], (np.inf, np.inf), SHARES, id="shares, no image known"),
    pytest.param([WHOLE, (0.1, 0.2, 1.5, 0.5)], (160, 120), "", id="one box larger than a pixel"),
    pytest.param([WHOLE], (160, 120), "", id="one box tells nothing"),
    pytest.param([RIGHT, (20, 20, 50, 60)], (160, 120), CORNERS, id="corners, half of which leave the image"),
    pytest.param([RIGHT, (20, 20, 50, 60)], (np.inf, np.inf), "", id="corners, no image known"),
    pytest.param([RIGHT, (100, 80, 140, 200)], (160, 120), "", id="a box that is none of corners: 40 is left of 100"),
    pytest.param([(150, 90, 170, 130), (140, 100, 165, 125)], (160, 120), "", id="people who leave the image"),
    pytest.param([(10, 10, 50, 60), (20, 20, 60, 70)], (160, 120), "", id="plain boxes"),
    pytest.param(np.zeros((0, 4)), (160, 120), "", id="no box"),
]


@pytest.mark.parametrize(("boxes", "size", "said"), CASES)
def test_only_what_all_boxes_agree_on_is_said(boxes: list[tuple[float, ...]], size: tuple[float, float], said: str) -> None:
    found = oddities(np.array(boxes, np.float64).reshape(-1, 4), np.tile(np.array(size, np.float64), (len(boxes), 1)))
    assert [line.startswith(said) for line in found] == ([True] if said else [])


def test_boxes_of_images_without_a_known_size_do_not_count() -> None:
    boxes, limits = np.array([RIGHT, RIGHT, (0, 0, 900, 900)], np.float64), np.array([(160, 120), (160, 120), (np.inf, np.inf)])
    assert oddities(boxes, limits)[0].startswith(CORNERS)
