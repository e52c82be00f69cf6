"""Anchors: the boxes that region proposals start from, of one scale and a few shapes at every cell of every level."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def anchors(
    shapes: Sequence[tuple[int, int]], strides: Sequence[int], scale: float, ratios: Sequence[float], device: torch.device | None = None
) -> list[Tensor]:
    """Anchors of each level, in the order in which a level's map is read: row by row, then cell by cell, then ratio by ratio.

    An anchor of ratio r has the height-to-width ratio r and the area (scale * stride)^2 (Faster R-CNN with a feature pyramid: scale 8,
    ratios 0.5, 1 and 2). It is centred in its cell: pixel i covers [i, i + 1), so the centre of cell x is (x + 0.5) * stride. The
    released QDTrack centres at x * stride, half a cell to the left and above.

    Args:
        shapes: rows and columns of each level.
        strides: pixels between the cells of each level.
        scale: side of a square anchor, in strides.
        ratios: height over width.
        device: where the anchors are made.

    Returns:
        For each level (rows * columns * R, 4) float32, xyxy pixels.
    """
    return [_level(shape, stride, scale, ratios, device) for shape, stride in zip(shapes, strides, strict=True)]


def _level(shape: tuple[int, int], stride: int, scale: float, ratios: Sequence[float], device: torch.device | None) -> Tensor:
    side = scale * stride
    root = torch.tensor(ratios, dtype=torch.float64, device=device).sqrt()
    half = torch.stack([side / root, side * root], 1) / 2  # (R, 2): half width, half height
    offsets = torch.cat([-half, half], 1)
    rows, columns = ((torch.arange(count, dtype=torch.float64, device=device) + 0.5) * stride for count in shape)
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    centres = torch.stack([x, y, x, y], -1).reshape(-1, 1, 4)
    return (centres + offsets).reshape(-1, 4).to(torch.float32)
