"""Features of boxes against RoIAlign written out, published golden values and boxes at the border."""

from __future__ import annotations

import math

import pytest
import torch

from models.unitrack.region_features import centre_points, region_points

RAMP = torch.arange(16.0).view(1, 4, 4)


@pytest.mark.parametrize(
    ("box", "values"),
    [
        ((0, 0, 4, 4), (2.5, 4.5, 10.5, 12.5)),
        ((0.5, 1.25, 3.5, 3.75), (6.25, 7.75, 11.25, 12.75)),  # 1.5 by 1.25 cells a bin: two samples
        ((-2, -2, 2, 2), (0, 0.25, 1, 2.5)),
        ((2, 2, 6, 6), (12.5, 6.5, 7.25, 3.75)),
    ],
)
def test_aligned_values_are_onnxruntimes(box: tuple[float, ...], values: tuple[float, ...]) -> None:
    """Two samples along a bin, which is what the adaptive rule takes of bins of more than one cell and up to two."""
    found = region_points(RAMP, torch.tensor([box], dtype=torch.float32), 1, size=(2, 2), aligned=True)
    assert found[0, :, 0].tolist() == pytest.approx(values)


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize(
    "box",
    [
        (3.0, 5.0, 61.0, 90.0),  # inside
        (-30.0, -9.0, 31.0, 40.0),  # beyond the upper left corner
        (70.0, 60.0, 200.0, 300.0),  # beyond the lower right one
        (40.0, 40.0, 41.0, 42.0),  # smaller than a cell
        (300.0, 10.0, 350.0, 60.0),  # outside: zeros
    ],
)
def test_it_is_the_mean_of_bilinear_samples(box: tuple[float, ...], aligned: bool) -> None:
    torch.manual_seed(0)
    features = torch.randn(3, 12, 15, dtype=torch.float64)
    found = region_points(features, torch.tensor([box]), 8, size=(4, 10), aligned=aligned)
    assert torch.allclose(found[0], _written_out(features, [v / 8 for v in box], 4, 10, aligned))


def test_boxes_that_are_not_finite_have_no_features() -> None:
    found = region_points(RAMP, torch.tensor([[math.nan, 0, 1, 1], [0, 0, 4, 4]]), 1, size=(2, 2))
    assert not bool(found[0].any())
    assert bool(found[1].any())
    assert tuple(region_points(RAMP, torch.zeros(0, 4), 1).shape) == (0, 40, 1)


def test_the_centre_is_the_cell_that_the_middle_lies_in() -> None:
    boxes = torch.tensor([[0.0, 8.0, 16.0, 24.0], [-90.0, -90.0, -80.0, -80.0], [90.0, 90.0, 99.0, 99.0]])
    assert centre_points(RAMP, boxes, 8)[:, 0, 0].tolist() == [9, 0, 15]


def _written_out(features: torch.Tensor, box: list[float], rows: int, columns: int, aligned: bool) -> torch.Tensor:
    left, top, right, bottom = (v - 0.5 * aligned for v in box)
    height, width = bottom - top, right - left
    if not aligned:
        height, width = max(height, 1.0), max(width, 1.0)
    down, across = max(math.ceil(height / rows), 1), max(math.ceil(width / columns), 1)
    points = []
    for i in range(rows):
        for j in range(columns):
            samples = [
                _sample(features, top + (i + (a + 0.5) / down) * height / rows, left + (j + (b + 0.5) / across) * width / columns)
                for a in range(down)
                for b in range(across)
            ]
            points.append(torch.stack(samples).mean(0))
    return torch.stack(points)


def _sample(features: torch.Tensor, y: float, x: float) -> torch.Tensor:
    height, width = features.shape[1:]
    if not (-1 <= y <= height and -1 <= x <= width):
        return features.new_zeros(len(features))
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    low, left = int(y), int(x)
    high, right = min(low + 1, height - 1), min(left + 1, width - 1)
    upper = features[:, low, left] * (1 - x + left) + features[:, low, right] * (x - left)
    lower = features[:, high, left] * (1 - x + left) + features[:, high, right] * (x - left)
    return upper * (1 - y + low) + lower * (y - low)
