"""A pair with known losses, and the two ways of working losses out."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from models.embedding.utrack import batched_losses, reid_losses
from models.outrack.options import LossOptions


def golden_pair() -> tuple[Tensor, Tensor]:
    """f[i, k] = sin(0.7 i + 0.13 k i + k), rows 0-2 in one frame, 5 and 6 in the other; the padded slot is garbage."""
    i, k = torch.tensor([0.0, 1, 2, 5, 6])[:, None], torch.arange(4.0)[None]
    rows = torch.sin(0.7 * i + 0.13 * k * i + k)
    features = torch.full((1, 2, 3, 4), 7.0)
    features[0, 0], features[0, 1, :2] = rows[:3], rows[3:]
    return features, torch.tensor([[[True, True, True], [True, True, False]]])


def slopes(loss: Any, features: Tensor, valid: Tensor, positive: Tensor, options: LossOptions) -> Tensor:
    """The gradient of a total."""
    given = features.clone().requires_grad_()
    loss(given, valid, positive, options).backward()
    assert given.grad is not None
    return given.grad


def compiled(*given: Any) -> Tensor:
    return reid_losses(*given).total


def batched(*given: Any) -> Tensor:
    return torch.stack(batched_losses(*given)).sum()
