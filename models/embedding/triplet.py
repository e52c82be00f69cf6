"""Batch-hard triplets with a soft margin (Hermans et al. 2017): each box, the farthest that is the same and the nearest that is not."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def batch_hard(vectors: Tensor, identities: Tensor) -> Tensor:
    """Mean of log(1 + exp(farthest positive - nearest negative)), Euclidean, over the boxes that have both, and over branches.

    Args:
        vectors: (R, B, D) float32, of B branches, each of which picks by itself.
        identities: (R,) int64; -1 is unknown, and neither anchor nor partner.

    Returns:
        A scalar; 0 with a gradient of 0 where no box has both.
    """
    known = identities >= 0
    same = identities[:, None] == identities[None]
    pairs = known[:, None] & known[None]
    positive, negative = pairs & same & ~torch.eye(len(identities), dtype=torch.bool, device=same.device), pairs & ~same
    anchors = torch.nonzero(positive.any(1) & negative.any(1))[:, 0]
    if not len(anchors):
        return 0.0 * vectors.sum()
    branches = vectors.transpose(0, 1)
    with torch.no_grad():
        distances = torch.cdist(branches[:, anchors], branches)
        farthest = distances.masked_fill(~positive[anchors], -torch.inf).argmax(2)
        nearest = distances.masked_fill(~negative[anchors], torch.inf).argmin(2)
    # gradients need the distances of the chosen pairs alone; computed again, they are exact and no (B, A, R) matrix is kept
    return functional.softplus(_apart(branches, anchors, farthest) - _apart(branches, anchors, nearest)).mean()


def _apart(branches: Tensor, anchors: Tensor, partners: Tensor) -> Tensor:
    """Distances (B, A) of the anchors (A,) from their partners (B, A); the gradient between equal vectors is 0."""
    rows = torch.arange(len(branches), device=branches.device)[:, None]
    return torch.linalg.vector_norm(branches[:, anchors] - branches[rows, partners], dim=2)
