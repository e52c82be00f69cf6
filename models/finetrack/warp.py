"""Bilinear reading of a coarse map on a finer grid that a flow has moved; forward and backward are deterministic on every device.

On a CPU machine code reads and scatters all channels of a cell at once (kernels/warp.py); the gradient of torch's `grid_sample` goes
through one channel after the other and takes eight times as long.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional

from models.finetrack.kernels import warp as kernels


def warp(coarse: Tensor, flow: Tensor) -> Tensor:
    """Enlarge a map to the grid of a flow, each cell reading where the flow points; at zero flow this is bilinear enlargement.

    Args:
        coarse: (N, C, h, w), of any precision.
        flow: (N, 2, H, W), x and y in cells of the fine grid. What points beyond the coarse map reads its border.

    Returns:
        (N, C, H, W) float32, channels-last in memory.
    """
    if coarse.device.type != "cpu":
        return plain_warp(coarse, flow)
    return cast(Tensor, _Warp.apply(coarse.float().permute(0, 2, 3, 1).contiguous(), flow.float().contiguous())).permute(0, 3, 1, 2)


def enlarge(coarse: Tensor, height: int, width: int) -> Tensor:
    """Bilinear enlargement of (N, C, h, w), of any precision, to (N, C, height, width), float32 on a CPU."""
    if coarse.device.type != "cpu":
        return functional.interpolate(coarse, (height, width), mode="bilinear", align_corners=False)
    return warp(coarse, torch.zeros(len(coarse), 2, height, width))


def plain_warp(coarse: Tensor, flow: Tensor) -> Tensor:
    """`warp` as weighted sums of rows, which `embedding_bag` takes with a gradient that is sorted before it is added up."""
    images, channels, height, width = coarse.shape
    x, y = (at.float() for at in _points(flow))
    columns, across = _between(x * (width / flow.shape[3]) - 0.5, width)
    lines, down = _between(y * (height / flow.shape[2]) - 0.5, height)
    base = torch.arange(images, device=coarse.device)[:, None, None, None, None] * (height * width)
    cells = base + lines[..., :, None] * width + columns[..., None, :]  # (N, H, W, 2, 2)
    weights = down[..., :, None] * across[..., None, :]
    table = coarse.float().permute(0, 2, 3, 1).flatten(0, 2)
    read = functional.embedding_bag(cells.view(-1, 4), table, mode="sum", per_sample_weights=weights.view(-1, 4))
    return read.view(images, *flow.shape[2:], channels).permute(0, 3, 1, 2)


class _Warp(torch.autograd.Function):
    """(N, H, W, C) from a channels-last map (N, h, w, C) and a flow (N, 2, H, W), by machine code."""

    @staticmethod
    def forward(ctx: Any, coarse: Tensor, flow: Tensor) -> Tensor:
        ctx.save_for_backward(coarse, flow)
        out = coarse.new_empty(len(flow), *flow.shape[2:], coarse.shape[3])
        kernels.forward(coarse.detach().numpy(), flow.detach().numpy(), out.numpy())
        return out

    @staticmethod
    def backward(ctx: Any, slopes: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        coarse, flow = ctx.saved_tensors
        found = torch.zeros_like(coarse), torch.empty_like(flow)
        given = (slopes.float().contiguous(), coarse.detach(), flow.detach(), *found)
        kernels.backward(*(each.numpy() for each in given))
        return found


def _points(flow: Tensor) -> tuple[Tensor, Tensor]:
    """x and y (N, H, W) of where each fine cell reads, in fine cells; the middle of the first is 0.5."""
    height, width = flow.shape[2:]
    x, y = (torch.arange(count, device=flow.device) + 0.5 for count in (width, height))
    moved = flow.float()
    return moved[:, 0] + x, moved[:, 1] + y[:, None]


def _between(point: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The two cells (..., 2) around each point of an axis, and their weights."""
    inside = point.clamp(0, size - 1)
    low = inside.detach().nan_to_num().floor().long()  # a flow of NaN gives NaN, and no index beyond the map
    far = inside - low
    return torch.stack([low, (low + 1).clamp(max=size - 1)], -1), torch.stack([1 - far, far], -1)
