"""Masks as objects: their points, their boxes, and masks that vanish."""

from __future__ import annotations

import pytest
import torch

from models.unitrack.mask_objects import LIMITS, centre_point, mask_box, mask_points

SIZE = (96, 160)


def _mask(top: int, left: int, height: int, width: int) -> torch.Tensor:
    mask = torch.zeros(SIZE, dtype=torch.bool)
    mask[top : top + height, left : left + width] = True
    return mask


def _map() -> torch.Tensor:
    """(2, 12, 20): row and column of each cell."""
    return torch.stack(torch.meshgrid(torch.arange(12.0), torch.arange(20.0), indexing="ij"))


@pytest.mark.parametrize(
    ("mask", "extent", "box"),
    [
        (_mask(20, 40, 12, 30), "whole", (40, 18, 70, 34)),  # 12 rows, but no side is less than two cells
        (_mask(20, 40, 48, 30), "whole", (40, 20, 70, 68)),  # a filled rectangle is its own box
        (_mask(20, 40, 48, 40), "paper", (50, 32, 70, 56)),  # as printed: half of it
    ],
)
def test_a_rectangles_box(mask: torch.Tensor, extent: str, box: tuple[float, ...]) -> None:
    found = mask_box(mask, 8, extent=extent)  # type: ignore[arg-type]
    assert found is not None
    assert found.tolist() == pytest.approx(box)


def test_twelve_rows_give_twelve() -> None:
    found = mask_box(_mask(20, 40, 12, 30), 1)
    assert found is not None
    assert found.tolist() == pytest.approx([40, 20, 70, 32])


def test_points_are_the_cells_inside() -> None:
    points = mask_points(_map(), _mask(16, 24, 16, 8), LIMITS["mots"])
    assert points.tolist() == [[2, 3], [3, 3]]


def test_large_masks_are_read_at_fewer_points() -> None:
    points = mask_points(_map(), _mask(0, 0, 96, 160), 60)  # 240 cells: half of the rows and of the columns
    assert points.tolist() == [[0.5 + 2 * y, 0.5 + 2 * x] for y in range(6) for x in range(10)]


def test_an_empty_mask_has_no_points_and_no_box() -> None:
    empty = _mask(0, 0, 0, 0)
    assert tuple(mask_points(_map(), empty, 200).shape) == (0, 2)
    assert mask_box(empty, 8) is None
    assert tuple(centre_point(_map(), empty).shape) == (0, 2)


def test_a_mask_that_vanishes_at_stride_8_has_a_box_but_no_points() -> None:
    thin = _mask(16, 17, 40, 2)
    assert tuple(mask_points(_map(), thin, 200).shape) == (0, 2)
    box = mask_box(thin, 8)
    assert box is not None
    assert box.tolist() == [10, 16, 26, 56]


def test_the_centre_of_mass_is_one_point() -> None:
    assert centre_point(_map(), _mask(16, 24, 8, 8)).tolist() == [[2, 3]]
