"""Linear-increasing bins (Eqs. 11-13) and their focal loss."""

from __future__ import annotations

import math

import pytest
import torch

from models.dense.depth import bin_index, bin_size, bin_values, depth_error, depth_loss, expected_depth


def test_bins_grow_linearly_and_eq_12_gives_their_near_edges() -> None:
    values = bin_values(0.5, 60.0, 40)
    assert values[0] == 0.5
    assert values[-1] == 60.0
    size = bin_size(0.5, 60.0, 40)
    assert size == pytest.approx(2 * 59.5 / (40 * 41))
    assert torch.diff(values).tolist() == pytest.approx([(i + 1) * size for i in range(40)], rel=1e-3)
    middles = (values[:-1] + values[1:]) / 2
    assert bin_index(middles, 0.5, 60.0, 40).tolist() == list(range(40))


@pytest.mark.parametrize("depth", [0.0, 0.49, 60.0, 1e6, math.inf, math.nan])
def test_depths_outside_the_range_are_background(depth: float) -> None:
    assert bin_index(torch.tensor([depth]), 0.5, 60.0, 40).item() == 40


def test_expected_depth_of_a_certain_bin_is_its_value() -> None:
    logits = torch.full((1, 41, 1, 2), -50.0)
    logits[0, 7, 0, 0] = logits[0, 40, 0, 1] = 50.0
    values = bin_values(0.5, 60.0, 40)
    assert expected_depth(logits, 0.5, 60.0)[0, 0].tolist() == pytest.approx([float(values[7]), 60.0])


def test_loss_is_the_weighted_focal_mean_over_known_pixels() -> None:
    logits = torch.zeros(1, 5, 1, 3)
    depth = torch.tensor([[[1.0, 20.0, 0.0]]])
    foreground = torch.tensor([[[True, False, True]]])
    p = 1 / 5
    focal = -0.25 * (1 - p) ** 2 * math.log(p)
    assert float(depth_loss(logits, depth, foreground, 0.5, 60.0, 6.0)) == pytest.approx((6 + 1) * focal / 2)
    assert float(depth_loss(logits, torch.zeros_like(depth), foreground, 0.5, 60.0, 6.0)) == 0


def test_error_counts_known_depths_in_range_only() -> None:
    logits = torch.full((1, 41, 1, 4), -50.0)
    logits[:, 0] = 50.0  # certain of the nearest bin, 0.5
    depth = torch.tensor([[[1.5, 2.5, 0.0, 100.0]]])
    assert float(depth_error(logits, depth, 0.5, 60.0)) == pytest.approx(1.5)
