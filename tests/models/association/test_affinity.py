"""Cost matrices against hand-computed values."""

from __future__ import annotations

import numpy as np
import pytest

from models.association.affinity import iou_distance


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
