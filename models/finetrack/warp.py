"""Bilinear reading of a coarse map on a finer grid that a flow has moved; forward and backward are deterministic on every device."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def warp(coarse: Tensor, flow: Tensor) -> Tensor:
    """Enlarge a map to the grid of a flow, each cell reading where the flow points; at zero flow this is bilinear enlargement.

    Args:
        coarse: (N, C, h, w), of any precision.
        flow: (N, 2, H, W), x and y in cells of the fine grid. What points beyond the coarse map reads its border.

    Returns:
        (N, C, H, W) float32.
    """
    # torch's own gradient is added up in one order on a CPU alone
    return _sampled(coarse, flow) if coarse.device.type == "cpu" else plain_warp(coarse, flow)


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


def _sampled(coarse: Tensor, flow: Tensor) -> Tensor:
    x, y = _points(flow)
    grid = torch.stack([x * (2 / flow.shape[3]) - 1, y * (2 / flow.shape[2]) - 1], -1)
    return functional.grid_sample(coarse.float(), grid, mode="bilinear", padding_mode="border", align_corners=False)


def _points(flow: Tensor) -> tuple[Tensor, Tensor]:
    """x and y (N, H, W) of where each fine cell reads, in fine cells; the middle of the first is 0.5."""
    height, width = flow.shape[2:]
    x, y = (torch.arange(count, device=flow.device) + 0.5 for count in (width, height))
    moved = flow.float()
    return moved[:, 0] + x, moved[:, 1] + y[:, None]


def _between(point: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The two cells (..., 2) around each point of an axis, and their weights."""
    inside = point.clamp(0, size - 1)
    low = inside.detach().nan_to_num().floor().long()  # a flow that is not finite gives what is not, and no place beyond the map
    far = inside - low
    return torch.stack([low, (low + 1).clamp(max=size - 1)], -1), torch.stack([1 - far, far], -1)
