"""Depth as classification over linearly increasing bins (FDTA, supplement B.1, Eqs. 11-13)."""

from __future__ import annotations

import torch
from torch import Tensor

ALPHA, GAMMA = 0.25, 2.0


def bin_values(minimum: float, maximum: float, bins: int, device: torch.device | None = None) -> Tensor:
    """(K + 1,) float32, the depth that stands for each bin and, last, for the background (Eqs. 11 and 12).

    Eq. 12 is each bin's near edge, not its centre; the background stands at `maximum`.
    """
    i = torch.arange(bins, dtype=torch.float32, device=device)
    size = bin_size(minimum, maximum, bins)
    values = (i + 0.5) ** 2 * size / 2 - size / 8 + minimum
    return torch.cat([values, values.new_tensor([maximum])])


def bin_size(minimum: float, maximum: float, bins: int) -> float:
    """Eq. 11: the step by which bins grow."""
    return 2 * (maximum - minimum) / (bins * (1 + bins))


def bin_index(depth: Tensor, minimum: float, maximum: float, bins: int) -> Tensor:
    """Class of each depth, int64: its bin, or K (background) where it is below `minimum`, not below `maximum` or not a number."""
    steps = -0.5 + 0.5 * torch.sqrt(1 + 8 * (depth - minimum) / bin_size(minimum, maximum, bins))
    known = torch.isfinite(steps) & (depth >= minimum) & (depth < maximum)
    return torch.where(known, steps.nan_to_num(bins).floor().clamp(0, bins - 1), float(bins)).long()


def expected_depth(logits: Tensor, minimum: float, maximum: float) -> Tensor:
    """Eq. 13: (N, K + 1, h, w) logits -> (N, h, w) depth."""
    values = bin_values(minimum, maximum, logits.shape[1] - 1, logits.device)
    return torch.einsum("nkhw,k->nhw", logits.float().softmax(1), values)


def depth_loss(logits: Tensor, depth: Tensor, foreground: Tensor, minimum: float, maximum: float, foreground_weight: float) -> Tensor:
    """Softmax focal loss (alpha 0.25, gamma 2), a scalar: the mean over the pixels whose depth is known; 0 where none is.

    Args:
        logits: (N, K + 1, h, w).
        depth: (N, h, w) in the labels' unit, growing with distance, 0 unknown.
        foreground: (N, h, w) bool, weighted by `foreground_weight`; other pixels count once.
        minimum: least depth of the bins.
        maximum: greatest depth of the bins.
        foreground_weight: weight inside boxes.
    """
    target = bin_index(depth, minimum, maximum, logits.shape[1] - 1)
    log_p = logits.float().log_softmax(1).gather(1, target[:, None])[:, 0]
    focal = -ALPHA * (1 - log_p.exp()) ** GAMMA * log_p
    weight = torch.where(foreground, foreground_weight, 1.0) * (depth > 0)
    return (focal * weight).sum() / (depth > 0).sum().clamp(min=1)


@torch.no_grad()
def depth_error(logits: Tensor, depth: Tensor, minimum: float, maximum: float) -> Tensor:
    """Mean absolute error of the expected depth over labels (N, h, w) within the bins' range, in their unit; 0 where there are none."""
    inside = (depth > 0) & (depth >= minimum) & (depth < maximum)
    return ((expected_depth(logits, minimum, maximum) - depth).abs() * inside).sum() / inside.sum().clamp(min=1)
