"""Key points as belief maps (Eq. 8): a Gaussian at each, whose width follows the size of the body."""

from __future__ import annotations

import torch
from torch import Tensor

LEAST_SIGMA = 0.5  # cells
READ_FROM = 3  # largest cells that a key point is read from


def draw(points: Tensor, size: tuple[int, int], *, eta: float = 0.01) -> Tensor:
    """The belief maps of one pose.

    Args:
        points: (P, 2) x and y in cells of the map, where cell i has its centre at i; NaN where a joint is not known. Gaussians are
            centred on the rounded cell, as in the released code.
        size: rows and columns of the map.
        eta: standard deviation over the body's size; the paper says .01, the released code has .015.

    Returns:
        (h, w, P) float32 in [0, 1]; all zero for an unknown joint. Joints outside the map lie in it with their tails only.
    """
    sigma = max(eta * body_size(points), LEAST_SIGMA)
    known = points.isfinite().all(1)
    centre = points.masked_fill(~known[:, None], 0.0).round()
    y = torch.arange(size[0], dtype=torch.float32, device=points.device)[:, None] - centre[None, :, 1]
    x = torch.arange(size[1], dtype=torch.float32, device=points.device)[:, None] - centre[None, :, 0]
    maps = torch.exp(-(y[:, None] ** 2 + x[None] ** 2) / (2 * sigma**2))
    return (maps * known).to(torch.float32)


def body_size(points: Tensor) -> float:
    """The larger extent of the known joints of (P, 2) points (Eq. 8); 0 for fewer than two of them."""
    known = points[points.isfinite().all(1)]
    return float((known.amax(0) - known.amin(0)).max()) if len(known) else 0.0


def read(maps: Tensor) -> Tensor:
    """The points of belief maps: the mean of each map's three largest cells, weighted by their values.

    Args:
        maps: (h, w, P), not below 0.

    Returns:
        (P, 2) x and y in cells; NaN where a map is zero everywhere, so that the joint is lost.
    """
    height, width, count = maps.shape
    values, places = maps.reshape(height * width, count).topk(min(READ_FROM, height * width), 0)
    total = values.sum(0)
    cells = torch.stack([places % width, torch.div(places, width, rounding_mode="floor")]).to(maps.dtype)
    points = (cells * values).sum(1) / total
    return points.masked_fill(~(total > 0), torch.nan).T
