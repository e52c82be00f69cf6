"""The depth focal loss of the spatial adapter, as MonoDETR and FDTA have it."""

from __future__ import annotations

import torch
from torch import Tensor

from models.dense.depth import bin_index

ALPHA, GAMMA = 0.25, 2.0
SMOOTHING = 1e-6  # added to every class of the truth, as released


def pixel_losses(logits: Tensor, classes: Tensor) -> Tensor:
    """Softmax focal loss of each pixel: logits (N, K + 1, h, w) and classes (N, h, w) int64 to (N, h, w)."""
    log_p = logits.to(torch.promote_types(logits.dtype, torch.float32)).log_softmax(1)
    costs = -ALPHA * (1 - log_p.exp()) ** GAMMA * log_p
    # the truth is a one and K zeros, all raised by the same amount
    return costs.gather(1, classes[:, None])[:, 0] + SMOOTHING * costs.sum(1)


def depth_loss(
    logits: Tensor, depth: Tensor, foreground: Tensor, limits: tuple[float, float], foreground_weight: float, *, zero_is_background: bool
) -> Tensor:
    """Sum over frames of the mean of the weighted losses of their pixels; a scalar, 0 where no depth is known.

    Args:
        logits: (N, K + 1, h, w).
        depth: (N, h, w) in the space that bins divide.
        foreground: (N, h, w) bool, weighted by `foreground_weight`; other pixels count once.
        limits: nearest and farthest depth of the bins; what lies outside is background.
        foreground_weight: inside boxes.
        zero_is_background: whether a depth of 0 is background (released) or unknown, and left out of the mean.
    """
    classes = bin_index(depth, *limits, logits.shape[1] - 1)
    known = torch.ones_like(depth) if zero_is_background else (depth > 0).to(depth.dtype)
    weights = torch.where(foreground, foreground_weight, 1.0) * known
    frames = (pixel_losses(logits, classes) * weights).flatten(1).sum(1) / known.flatten(1).sum(1).clamp(min=1)
    return frames.sum()
