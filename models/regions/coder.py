"""Boxes relative to a proposal: what heads regress (Faster R-CNN's parametrisation), always in float32."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

MAX_LOG = math.log(1000 / 16)  # largest change of a side's logarithm that is decoded, 4.135167
MIN_SIDE = 1e-3  # pixels: boxes without area are encoded as if this wide, so that no logarithm is infinite
PROPOSAL_SPREAD = (1.0, 1.0, 1.0, 1.0)  # of the region proposal network
BOX_SPREAD = (0.1, 0.1, 0.2, 0.2)  # of the box head


def encode(proposals: Tensor, boxes: Tensor, spread: Sequence[float]) -> Tensor:
    """Deltas (dx / w, dy / h, log(w' / w), log(h' / h)) that lead from each proposal (w, h) to its box (w', h'), divided by `spread`.

    Args:
        proposals: (N, 4) float32, xyxy pixels.
        boxes: (N, 4) float32, xyxy pixels.
        spread: standard deviation that each of the four is divided by.

    Returns:
        (N, 4) float32, finite for finite boxes.
    """
    (centres, sides), (goals, goal_sides) = _centred(proposals), _centred(boxes)
    deltas = torch.cat([(goals - centres) / sides, (goal_sides / sides).log()], 1)
    return deltas / deltas.new_tensor(spread)


def decode(proposals: Tensor, deltas: Tensor, spread: Sequence[float]) -> Tensor:
    """Boxes that `deltas` lead to; the inverse of `encode` where no side grows or shrinks by more than `MAX_LOG`.

    Args:
        proposals: (..., 4) float32, xyxy pixels.
        deltas: (..., 4) of the same shape and any precision.
        spread: as in `encode`.

    Returns:
        (..., 4) float32, xyxy pixels, not clipped to any image.
    """
    scaled = deltas.float() * proposals.new_tensor(spread)
    sides = proposals[..., 2:] - proposals[..., :2]
    centres = proposals[..., :2] + sides / 2 + scaled[..., :2] * sides
    half = sides * scaled[..., 2:].clamp(-MAX_LOG, MAX_LOG).exp() / 2
    return torch.cat([centres - half, centres + half], -1)


def clip(boxes: Tensor, width: float, height: float) -> Tensor:
    """Boxes (..., 4) cut at the borders of an image of width x height pixels."""
    limits = boxes.new_tensor([width, height, width, height])
    return torch.minimum(boxes.clamp(min=0), limits)


def _centred(boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Centres (N, 2) and sides (N, 2), these at least `MIN_SIDE`."""
    boxes = boxes.float()
    return (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]).clamp(min=MIN_SIDE)
