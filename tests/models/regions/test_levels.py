"""Sides to levels (golden values Q8) and boxes without a size."""

from __future__ import annotations

import pytest
import torch

from models.regions.levels import levels


@pytest.mark.parametrize(("side", "level"), [(1.0, 0), (111.9, 0), (112.0, 1), (224.0, 2), (448.0, 3), (5000.0, 3)])
def test_sides(side: float, level: int) -> None:
    assert levels(torch.tensor([[3.0, 5.0, 3.0 + side, 5.0 + side]]), 4).tolist() == [level]


def test_boxes_without_a_size_have_the_finest_level() -> None:
    boxes = torch.tensor([[5.0, 5.0, 5.0, 5.0], [9.0, 9.0, 1.0, 1.0], [torch.nan, 0.0, 1.0, 1.0]])
    assert levels(boxes, 4).tolist() == [0, 0, 0]
