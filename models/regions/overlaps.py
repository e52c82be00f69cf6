"""Overlap of every pair of boxes, as tensors on their device."""

from __future__ import annotations

import torch
from torch import Tensor


def iou(first: Tensor, second: Tensor) -> Tensor:
    """Intersection over union of every pair.

    Args:
        first: (N, 4) float32, xyxy pixels.
        second: (M, 4) float32, xyxy pixels.

    Returns:
        (N, M) float32 in [0, 1], 0 where the union is empty.
    """
    shared = _intersection(first, second)
    union = area(first)[:, None] + area(second)[None, :] - shared
    return _ratio(shared, union)


def intersection_over_area(first: Tensor, second: Tensor) -> Tensor:
    """(N, M) float32: the share of each box of `first` (N, 4) that every box of `second` (M, 4) covers; 0 for empty boxes of `first`."""
    shared = _intersection(first, second)
    return _ratio(shared, area(first)[:, None].expand_as(shared))


def area(boxes: Tensor) -> Tensor:
    """(N,) areas of boxes (N, 4), in square pixels; 0 where a side is not positive."""
    sides = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0)
    return sides[:, 0] * sides[:, 1]


def _intersection(first: Tensor, second: Tensor) -> Tensor:
    # one coordinate at a time: tensors of (N, M, 2) take three times as long
    width = torch.minimum(first[:, None, 2], second[None, :, 2]) - torch.maximum(first[:, None, 0], second[None, :, 0])
    height = torch.minimum(first[:, None, 3], second[None, :, 3]) - torch.maximum(first[:, None, 1], second[None, :, 1])
    return width.clamp_(min=0) * height.clamp_(min=0)


def _ratio(part: Tensor, whole: Tensor) -> Tensor:
    return torch.where(whole > 0, part / whole.clamp(min=torch.finfo(torch.float32).tiny), 0.0)
