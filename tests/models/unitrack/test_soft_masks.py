"""Masks to soft labels and back, masks that vanish, overlap or come later."""

from __future__ import annotations

import torch

from models.unitrack.soft_masks import find_overlap, stamp, to_map, to_masks


def _rectangle(top: int, bottom: int, left: int, right: int, size: tuple[int, int] = (48, 64)) -> torch.Tensor:
    mask = torch.zeros(size, dtype=torch.bool)
    mask[top:bottom, left:right] = True
    return mask


def test_masks_of_whole_cells_survive_the_map() -> None:
    masks = torch.stack([_rectangle(8, 24, 16, 40), _rectangle(24, 40, 16, 40)])
    labels = to_map(masks, (6, 8))
    assert torch.allclose(labels.sum(2), torch.ones(6, 8))
    back = to_masks(labels, (48, 64))
    shared, either = (back & masks).sum((1, 2)), (back | masks).sum((1, 2))
    assert bool((shared / either > 0.85).all())
    assert find_overlap(back) is None


def test_a_mask_that_vanishes_at_the_maps_stride_is_empty() -> None:
    labels = to_map(_rectangle(0, 48, 17, 18)[None], (6, 8))
    assert float(labels[..., 1].max()) == 0
    assert not bool(to_masks(labels, (48, 64)).any())


def test_no_object_is_all_background() -> None:
    labels = to_map(torch.zeros(0, 48, 64, dtype=torch.bool), (6, 8))
    assert torch.equal(labels, torch.ones(6, 8, 1))
    assert tuple(to_masks(labels, (48, 64)).shape) == (0, 48, 64)


def test_overlap_names_the_masks() -> None:
    masks = torch.stack([_rectangle(0, 9, 0, 9), _rectangle(20, 30, 20, 30), _rectangle(29, 40, 29, 40)])
    assert find_overlap(masks) == (1, 2)
    assert find_overlap(masks[:2]) is None
    assert find_overlap(masks[:1]) is None


def test_an_object_that_comes_later_displaces_the_others_where_it_is() -> None:
    labels = torch.tensor([[[0.2, 0.8], [0.9, 0.1]]])
    given = torch.tensor([[[0.25, 0.75], [1.0, 0.0]]])
    expected = torch.tensor([[[0.05, 0.2, 0.75], [0.9, 0.1, 0.0]]])
    assert torch.allclose(stamp(labels, given, [2]), expected)
