"""Anchors lie in the middle of their cells and come in the order of the maps. Golden value Q9 was computed apart, in float64."""

from __future__ import annotations

import pytest
import torch

from models.regions.anchors import anchors


def test_the_anchor_of_a_cell_has_the_stated_corners() -> None:
    (level,) = anchors([(6, 5)], [4], 8.0, [0.5, 1.0, 2.0])
    tall = level.view(6, 5, 3, 4)[2, 3, 2]  # cell (3, 2), ratio 2
    assert tall.tolist() == pytest.approx([2.686292, -12.627417, 25.313708, 32.627417], abs=1e-5)


def test_levels_differ_in_stride_alone() -> None:
    fine, coarse = anchors([(2, 3), (1, 2)], [4, 8], 8.0, [1.0])
    assert fine.tolist()[0] == [-14.0, -14.0, 18.0, 18.0]  # centre (2, 2), side 32
    assert coarse.tolist() == [[-28.0, -28.0, 36.0, 36.0], [-20.0, -28.0, 44.0, 36.0]]
    assert fine.dtype == torch.float32
    assert len(fine) == 6
