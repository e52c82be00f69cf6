"""Peaks of maps."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from models.dense.peaks import _highest_around


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (6, 1), (5, 8)])
def test_peaks_are_largest_among_their_neighbours(size: tuple[int, int]) -> None:
    """As torch's own pooling says, with ties, infinity and NaN."""
    torch.manual_seed(0)
    heat = torch.randint(0, 4, (3, 1, *size)).float()
    heat[1, 0, 0, 0], heat[2, 0, -1, -1] = torch.nan, torch.inf
    torch.testing.assert_close(_highest_around(heat), functional.max_pool2d(heat, 3, 1, 1), rtol=0, atol=0, equal_nan=True)
