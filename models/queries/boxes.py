"""Box arithmetic on tensors: centre form in [0, 1], corner form and generalised overlap."""

from __future__ import annotations

import torch
from torch import Tensor

LEAST_UNION = 1e-9  # two empty boxes overlap by 0, not by 0 / 0


def to_corners(boxes: Tensor) -> Tensor:
    """(..., 4) centre x, centre y, width, height to (..., 4) left, top, right, bottom."""
    centre, half = boxes[..., :2], boxes[..., 2:] / 2
    return torch.cat([centre - half, centre + half], -1)


def to_centres(boxes: Tensor) -> Tensor:
    """(..., 4) left, top, right, bottom to (..., 4) centre x, centre y, width, height."""
    low, high = boxes[..., :2], boxes[..., 2:]
    return torch.cat([(low + high) / 2, high - low], -1)


def generalised_iou(first: Tensor, second: Tensor) -> Tensor:
    """Generalised intersection over union (Rezatofighi et al. 2019), in [-1, 1].

    Args:
        first: (..., 4) corners.
        second: (..., 4) corners, of a shape that broadcasts with `first`.

    Returns:
        (...) of the broadcast shape; 0 for two empty boxes on one spot.
    """
    shared = _area(torch.maximum(first[..., :2], second[..., :2]), torch.minimum(first[..., 2:], second[..., 2:]))
    areas = _area(first[..., :2], first[..., 2:]) + _area(second[..., :2], second[..., 2:])
    union = (areas - shared).clamp(min=LEAST_UNION)
    hull = _area(torch.minimum(first[..., :2], second[..., :2]), torch.maximum(first[..., 2:], second[..., 2:])).clamp(min=LEAST_UNION)
    return shared / union - (hull - union) / hull


def pairwise_giou(first: Tensor, second: Tensor) -> Tensor:
    """`generalised_iou` of every pair: (..., N, 4) and (..., M, 4) corners to (..., N, M)."""
    return generalised_iou(first[..., :, None, :], second[..., None, :, :])


def _area(low: Tensor, high: Tensor) -> Tensor:
    return (high - low).clamp(min=0).prod(-1)
