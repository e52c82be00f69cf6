"""RoIAlign (He et al. 2017, aligned as in Detectron2): features of a fixed size for regions of any size, read from a pyramid.

torchvision is not needed. On a CPU machine code reads and scatters (kernels/align.py); elsewhere each output cell is a weighted sum of
rows of the maps, which `embedding_bag` takes in one call, with a deterministic gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from models.regions.kernels import align as kernels
from models.regions.kernels.align import MAX_SAMPLES
from models.regions.levels import levels

Size: TypeAlias = int | tuple[int, int]  # cells along each side of a region, or down and across


def align(
    maps: Sequence[Tensor],
    strides: Sequence[int],
    boxes: Tensor,
    images: Tensor,
    *,
    size: Size = 7,
    sampling: int = 2,
    finest: float = 56.0,
) -> Tensor:
    """Features of regions, each read from the level that suits its size.

    Args:
        maps: (N, C, h, w) of each level, of any precision; channels-last ones are not copied.
        strides: pixels per cell of each level.
        boxes: (R, 4) float32, xyxy pixels; no gradient flows to them. Beyond the map's border cells features are 0.
        images: (R,) int64, which of the N images each box lies in.
        size: cells along each side of the result, or down and across.
        sampling: sample points along each side of a cell; 0: adaptive, one for each map cell that a result's cell covers (at most 64).
        finest: pixels; boxes of less than twice this side are read from the first level (see `levels.levels`).

    Returns:
        (R, C, down, across) float32, channels-last in memory. A box that is not finite gives zeros on a CPU and is not allowed elsewhere.
    """
    level = levels(boxes, len(maps), finest)
    if boxes.device.type == "cpu":
        tables = [m.float().permute(0, 2, 3, 1).contiguous() for m in maps]
        pooled = cast(Tensor, _Align.apply(boxes, images, level, tuple(strides), _sides(size), sampling, *tables))
        return pooled.permute(0, 3, 1, 2)
    return plain_align(maps, strides, boxes, images, level, size=size, sampling=sampling)


def plain_align(
    maps: Sequence[Tensor], strides: Sequence[int], boxes: Tensor, images: Tensor, level: Tensor, *, size: Size, sampling: int
) -> Tensor:
    """`align` in plain PyTorch, for regions whose level is known; boxes must be finite."""
    down, across = _sides(size)
    table = torch.cat([m.float().permute(0, 2, 3, 1).flatten(0, 2) for m in maps])
    shape = torch.tensor([m.shape[-2:] for m in maps], device=boxes.device)
    counts = [m.shape[0] * m.shape[2] * m.shape[3] for m in maps]
    first = torch.tensor(np.cumsum([0, *counts[:-1]]), device=boxes.device)
    scale = 1 / torch.tensor(strides, dtype=torch.float32, device=boxes.device)
    scaled = boxes.float() * scale[level, None]
    heights, widths = shape[level].unbind(1)
    base = first[level] + images * heights * widths
    result = table.new_zeros(len(boxes), down * across, table.shape[1])
    for rows, grid in _grids(scaled, (down, across), sampling):
        y, x = (
            _axis(scaled[rows, i], scaled[rows, i + 2], sizes[rows], cells, points)
            for i, sizes, cells, points in ((1, heights, down, grid[0]), (0, widths, across, grid[1]))
        )
        where = y[0][:, :, None, :, None] * widths[rows, None, None, None, None] + x[0][:, None, :, None, :]
        where = (base[rows, None, None, None, None] + where).flatten(3).flatten(0, 2)
        weights = (y[1][:, :, None, :, None] * x[1][:, None, :, None, :]).flatten(3).flatten(0, 2)
        bags = functional.embedding_bag(where, table, mode="sum", per_sample_weights=weights)
        result = result.index_copy(0, rows, bags.view(len(rows), down * across, -1))
    return result.view(len(boxes), down, across, -1).permute(0, 3, 1, 2)


class _Align(torch.autograd.Function):
    """(R, down, across, C) features from channels-last maps (N, h, w, C), by machine code."""

    @staticmethod
    def forward(
        ctx: Any,
        boxes: Tensor,
        images: Tensor,
        level: Tensor,
        strides: tuple[int, ...],
        size: tuple[int, int],
        sampling: int,
        *maps: Tensor,
    ) -> Tensor:
        where = boxes.detach().float().contiguous().numpy(), images.contiguous().numpy()
        rows = [torch.nonzero(level == number)[:, 0].numpy() for number in range(len(maps))]
        result = torch.zeros(len(boxes), *size, maps[0].shape[3])
        for each, stride, chosen in zip(maps, strides, rows, strict=True):
            if len(chosen):
                kernels.forward(each.detach().numpy(), *where, chosen, 1.0 / stride, sampling, result.numpy())
        ctx.where, ctx.rows, ctx.strides, ctx.sampling = where, rows, strides, sampling
        ctx.shapes = [each.shape for each in maps]
        return result

    @staticmethod
    def backward(ctx: Any, slopes: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        given = slopes.float().contiguous().numpy()
        found = [torch.zeros(shape) for shape in ctx.shapes]
        for each, stride, chosen in zip(found, ctx.strides, ctx.rows, strict=True):
            if len(chosen):
                kernels.backward(given, *ctx.where, chosen, 1.0 / stride, ctx.sampling, each.numpy())  # type: ignore[call-arg]
        return (None,) * 6 + tuple(found)


def _sides(size: Size) -> tuple[int, int]:
    """Cells down and across."""
    return (size, size) if isinstance(size, int) else size


def _grids(scaled: Tensor, size: tuple[int, int], sampling: int) -> list[tuple[Tensor, tuple[int, int]]]:
    """Groups of regions that have the same numbers of sample points down and across a cell: their rows, and these numbers."""
    everything = torch.arange(len(scaled), device=scaled.device)
    if sampling > 0 or not len(scaled):
        return [(everything, (max(sampling, 1), max(sampling, 1)))] if len(scaled) else []
    cells = torch.tensor([size[1], size[0]], device=scaled.device)
    points = ((scaled[:, 2:] - scaled[:, :2]) / cells).ceil().clamp(1, MAX_SAMPLES).long()
    code = points[:, 1] * (MAX_SAMPLES + 1) + points[:, 0]
    return [(everything[code == each], divmod(int(each), MAX_SAMPLES + 1)) for each in code.unique()]


def _axis(start: Tensor, end: Tensor, sizes: Tensor, cells: int, points: int) -> tuple[Tensor, Tensor]:
    """Along one axis: map cells (R, cells, 2 * points) that each output cell reads, and their weights, which sum to at most 1."""
    steps = (torch.arange(cells * points, device=start.device) + 0.5) / (cells * points)
    point = (start - 0.5)[:, None] + steps * (end - start)[:, None]
    last = sizes[:, None] - 1
    inside = (point >= -1) & (point <= last + 1)
    point = torch.minimum(point.clamp(min=0), last.to(point.dtype))
    low = torch.minimum(point.long(), (last - 1).clamp(min=0))
    high = torch.minimum(low + 1, last)
    far = point - low
    weights = torch.stack([1 - far, far], -1) * (inside / points)[..., None]
    cell = torch.stack([low, high], -1)
    return cell.view(len(start), cells, -1), weights.view(len(start), cells, -1)
