"""Sine positions (Vaswani et al. 2017; Carion et al. 2020) of cells, boxes and time slots."""

from __future__ import annotations

import math

import torch
from torch import Tensor

TEMPERATURE = 10000.0
EDGE = 1e-6  # as published: keeps the division finite


def cell_positions(height: int, width: int, channels: int, device: torch.device) -> Tensor:
    """Positions of a map's cells, y in the first half and x in the second; across the map each runs from 0 to 2 pi.

    Args:
        height: of the map, in cells.
        width: of the map, in cells.
        channels: of a position; a multiple of 4.
        device: where positions are made.

    Returns:
        (height * width, channels) float32, row by row; sine at even, cosine at odd places of each half.
    """
    y = (torch.arange(height, dtype=torch.float32, device=device) + 0.5) / (height + EDGE)
    x = (torch.arange(width, dtype=torch.float32, device=device) + 0.5) / (width + EDGE)
    down, across = _waves(y * 2 * math.pi, channels // 2), _waves(x * 2 * math.pi, channels // 2)
    both = torch.cat([down[:, None].expand(-1, width, -1), across[None].expand(height, -1, -1)], -1)
    return both.flatten(0, 1)


def box_positions(boxes: Tensor, channels: int) -> Tensor:
    """Positions of boxes: (..., 4) in [0, 1] to (..., 4 * channels), `channels` waves for each coordinate."""
    return _waves(boxes * 2 * math.pi, channels).flatten(-2)


def slot_positions(slots: int, channels: int, device: torch.device) -> Tensor:
    """Positions of time slots 1 to `slots`, not scaled to 2 pi: (slots, channels) float32."""
    return _waves(torch.arange(1, slots + 1, dtype=torch.float32, device=device), channels)


def _waves(angles: Tensor, channels: int) -> Tensor:
    """(...) to (..., channels): sine and cosine in turn, of ever longer waves."""
    exponents = 2 * (torch.arange(channels, device=angles.device) // 2).to(angles.dtype) / channels
    phases = angles[..., None] / TEMPERATURE**exponents
    return torch.stack([phases[..., 0::2].sin(), phases[..., 1::2].cos()], -1).flatten(-2)
