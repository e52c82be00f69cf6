"""A pair with known losses."""

from __future__ import annotations

import torch
from torch import Tensor


def golden_pair() -> tuple[Tensor, Tensor]:
    """f[i, k] = sin(0.7 i + 0.13 k i + k), rows 0-2 in one frame, 5 and 6 in the other; the padded slot is garbage."""
    i, k = torch.tensor([0.0, 1, 2, 5, 6])[:, None], torch.arange(4.0)[None]
    rows = torch.sin(0.7 * i + 0.13 * k * i + k)
    features = torch.full((1, 2, 3, 4), 7.0)
    features[0, 0], features[0, 1, :2] = rows[:3], rows[3:]
    return features, torch.tensor([[[True, True, True], [True, True, False]]])
