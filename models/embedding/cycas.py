"""Cycle association (CycAs), the baseline of the OUTrack paper's Table 1: who is followed to the other frame and back returns to himself.

Only similarities between the two frames count: there is no placeholder and no term within a frame. Negative pairs teach nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.embedding.options import UtrackOptions
from models.embedding.utrack import NEVER, temperature


class Cycas(nn.Module):
    """`cycle_loss` as an objective.

    Args:
        options: temperature and margin.
    """

    def __init__(self, options: UtrackOptions) -> None:
        super().__init__()
        self.options = options

    def forward(self, embeddings: Tensor, valid: Tensor, same_scene: Tensor, identities: Tensor | None) -> dict[str, Tensor]:
        """See models/embedding/objectives.py."""
        return {"reid": cycle_loss(embeddings, valid, same_scene, self.options)}


def cycle_loss(embeddings: Tensor, valid: Tensor, positive: Tensor, options: UtrackOptions) -> Tensor:
    """How far the cycle's diagonal fails to exceed the rest of its row and of its column by the margin.

    A scalar: the sum over rows and columns of all positive pairs, divided by the number of their objects. (UTrack divides by the objects
    of negative pairs too, since there they teach.)

    Args:
        embeddings: (B, 2, K, D) float32, any length; padding may hold anything finite.
        valid: (B, 2, K) bool.
        positive: (B,) bool, False for two frames of different scenes.
        options: temperature T, adaptive = 2 ln(columns + 1) for each of the two softmaxes, and margin.
    """
    taught = valid & positive[:, None, None]
    cycle, exists = _cycle(functional.normalize(embeddings.float(), dim=-1), taught, options)
    kept = cycle.diagonal(dim1=1, dim2=2)
    # 0 where there is no other: a lone object always returns to itself
    others = cycle.masked_fill(torch.eye(cycle.shape[1], dtype=torch.bool, device=cycle.device), 0.0)
    hinges = sum(functional.relu(others.amax(side) + options.margin - kept) for side in (1, 2))
    return (hinges * exists).sum() / taught.sum().clamp(min=1)


def _cycle(features: Tensor, exists: Tensor, options: UtrackOptions) -> tuple[Tensor, Tensor]:
    """A_f A_b (B, K, K), and which of its rows and columns exist (B, K): the objects of the frame with fewer, the first if equal.

    The way back through the smaller frame would leave some of the larger one's objects nowhere to return from.
    """
    counts = exists.sum(2)
    swap = counts[:, 0] > counts[:, 1]
    features = torch.where(swap[:, None, None, None], features.flip(1), features)
    exists = torch.where(swap[:, None, None], exists.flip(1), exists)
    similarity = features[:, 0] @ features[:, 1].transpose(1, 2)
    forward = _assigned(similarity, exists[:, 1], options)
    backward = _assigned(similarity.transpose(1, 2), exists[:, 0], options)
    pairs = exists[:, 0, :, None] & exists[:, 1, None]
    return (forward * pairs) @ backward, pairs.any(2)


def _assigned(similarity: Tensor, columns: Tensor, options: UtrackOptions) -> Tensor:
    """Softmax of each row of (B, K, K) over the columns (B, K) that exist."""
    allowed = similarity.masked_fill(~columns[:, None], NEVER)
    return (allowed * temperature(columns.sum(1), options)[:, None, None]).softmax(2)
