"""Masks as objects of an association: their points and their boxes (section 2.4, appendix C.1)."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

LIMITS = {"mots": 200, "pose": 400, "vis": 1000}  # cells; larger masks are read at fewer points (released code)
LEAST_CELLS = 2.0  # least side of a mask's box


def mask_points(features: Tensor, mask: Tensor, limit: int) -> Tensor:
    """The points of the map inside a mask.

    Args:
        features: (C, h, w).
        mask: (H, W) bool of the whole image; a cell is inside if the pixel at its middle is.
        limit: above so many cells mask and map are shrunk, by the square root of limit over cells.

    Returns:
        (S, C); S is 0 for a mask that vanishes at the map's stride (the released code draws random features then).
    """
    cells = _nearest(mask, (features.shape[1], features.shape[2]))
    area = int(cells.sum())
    if area <= limit:
        return features[:, cells].T
    factor = math.sqrt(limit / area)
    size = (max(round(features.shape[1] * factor), 1), max(round(features.shape[2] * factor), 1))
    masked = functional.interpolate((features * cells)[None], size, mode="bilinear", align_corners=False)[0]
    return masked[:, _nearest(cells, size)].T


def mask_box(mask: Tensor, stride: float, *, extent: Literal["whole", "paper"] = "whole") -> Tensor | None:
    """The box of a mask: its mean place, and its mean distances from it.

    Args:
        mask: (H, W) bool.
        stride: pixels per cell, for the least side of two cells.
        extent: "whole": 4/N times the sum of distances, the side of a filled rectangle; "paper": 2/N as printed, half of it.

    Returns:
        (4,) float64 xyxy pixels; None for an empty mask.
    """
    places = mask.nonzero().to(torch.float64) + 0.5
    if not len(places):
        return None
    centre = places.mean(0)
    side = (places - centre).abs().mean(0) * (4 if extent == "whole" else 2)
    half = side.clamp(min=LEAST_CELLS * stride) / 2
    return torch.stack([centre - half, centre + half]).flip(1).flatten()


def centre_point(features: Tensor, mask: Tensor) -> Tensor:
    """(1, C) the point at a mask's centre of mass, or (0, C) for an empty mask."""
    places = mask.nonzero().to(torch.float64)
    if not len(places):
        return features.new_zeros(0, features.shape[0])
    scale = torch.tensor([features.shape[1] / mask.shape[0], features.shape[2] / mask.shape[1]], dtype=torch.float64)
    y, x = ((places.mean(0).cpu() + 0.5) * scale).floor().long().tolist()
    return features[:, y, x][None]


def _nearest(mask: Tensor, size: tuple[int, int]) -> Tensor:
    return functional.interpolate(mask[None, None].to(torch.float32), size, mode="nearest-exact")[0, 0] > 0
