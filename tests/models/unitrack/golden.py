"""The inputs of UniTrack's golden values: computed with the released functions, or by independent scripts where the release errs."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def object_points(index: float, points: int = 6, channels: int = 5) -> Tensor:
    """(S, D): f_i[k, s] = sin(.9 i + .31 k + .17 s (k + 1)), of goldens A and B."""
    k, s = torch.arange(channels, dtype=torch.float64)[None], torch.arange(points, dtype=torch.float64)[:, None]
    return torch.sin(0.9 * index + 0.31 * k + 0.17 * s * (k + 1))


def feature_map(time: float, channels: int, height: int, width: int, *, normalised: bool = True) -> Tensor:
    """(C, H, W): f_t[c, y, x] = sin(.5 t + 1.3 c + .7 y (c + 1) + .4 x + .2 x y), of goldens C, E and F."""
    c = torch.arange(channels, dtype=torch.float64)[:, None, None]
    y = torch.arange(height, dtype=torch.float64)[None, :, None]
    x = torch.arange(width, dtype=torch.float64)[None, None, :]
    values = torch.sin(0.5 * time + 1.3 * c + 0.7 * y * (c + 1) + 0.4 * x + 0.2 * x * y)
    return functional.normalize(values, dim=0) if normalised else values
