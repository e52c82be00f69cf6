"""Masks inside boxes, in regions, and pasted back."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from models.regions.masks import in_regions, inside_boxes, paste


def disc(width: int = 60, height: int = 40) -> NDArray[np.bool_]:
    y, x = np.mgrid[:height, :width] + 0.5
    return (x - 30) ** 2 + (y - 20) ** 2 < 15**2


def test_a_mask_survives_its_box_and_a_region() -> None:
    mask, box = disc(), np.array([[15, 5, 45, 35]], np.float32)
    grids = inside_boxes(mask[None], box, 56)
    assert grids.shape == (1, 56, 56)
    seen = in_regions(torch.from_numpy(grids), torch.from_numpy(box), torch.from_numpy(box), 28)
    again = paste(seen[0].numpy(), box[0], 60, 40)
    assert (again & mask).sum() / (again | mask).sum() > 0.93


def test_a_region_beside_the_box_sees_nothing_there() -> None:
    grids = torch.ones(1, 8, 8, dtype=torch.uint8)
    seen = in_regions(grids, torch.tensor([[10.0, 0.0, 20.0, 10.0]]), torch.tensor([[0.0, 0.0, 20.0, 10.0]]), 4)
    assert seen[0].tolist() == [[0, 0, 1, 1]] * 4


def test_boxes_that_leave_the_image_or_have_no_area() -> None:
    ones = np.ones((4, 4), np.float32)
    assert paste(ones, np.array([-5, -5, 3, 2]), 10, 8).sum() == 6
    assert paste(ones, np.array([4, 4, 4, 6]), 10, 8).sum() == 0
    assert paste(ones, np.array([20, 20, 30, 30]), 10, 8).sum() == 0
    assert inside_boxes(np.ones((1, 8, 10), np.bool_), np.array([[-10, 0, 10, 8]], np.float32), 4)[0].tolist() == [[0, 0, 1, 1]] * 4
