"""The identity adapter (FDTA, B.3): queries of one person are drawn together, over the whole clip; it is dropped after training."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

CHUNK = 10  # frames of `scope: chunks`
ABSENT = -1e4  # similarity in the place of pairs that are no negatives: its exponential is exactly 0


class IdentityAdapter(nn.Module):
    """Three linear layers from a query to the space in which queries are compared.

    Args:
        width: dimensions of a query.
        hidden: width of all three layers' outputs.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(width, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, hidden)])

    def forward(self, queries: Tensor) -> Tensor:
        """(..., width) to (..., hidden)."""
        for layer in self.layers[:-1]:
            queries = functional.relu(layer(queries))
        result: Tensor = self.layers[-1](queries)
        return result


def contrastive_loss(embeddings: Tensor, people: Tensor, weights: Tensor, temperature: float) -> Tensor:
    """The contrastive loss of P observations (FDTA, B.3): the mean over anchors, observations whose person is seen again, times tau.

    A pair (i, j) of one person costs -w log(exp s_ij / (exp s_ij + sum of exp s_ik over other people's k)), where s is cosine / tau and w
    the harmonic mean of both weights; an anchor i costs the mean over its j.

    Args:
        embeddings: (P, D), of any length.
        people: (P,) int64, the number of each observation's person.
        weights: (P,) in (0, 1].
        temperature: tau.

    Returns:
        A scalar; 0 where no person is seen twice.
    """
    anchors = anchor_losses(embeddings, people, weights, temperature)
    together = _same(people)
    return anchors.sum() / together.any(1).sum().clamp(min=1) * temperature


def anchor_losses(embeddings: Tensor, people: Tensor, weights: Tensor, temperature: float) -> Tensor:
    """(P,) the mean cost of each anchor's pairs; 0 for an anchor without any."""
    unit = functional.normalize(embeddings, dim=1)
    similar = unit @ unit.T / temperature
    others = people[:, None] != people[None]
    pull = similar.masked_fill(~others, ABSENT).logsumexp(1, keepdim=True)
    both = 2 * weights[:, None] * weights[None] / (weights[:, None] + weights[None]).clamp(min=1e-9)
    together = _same(people)
    pairs = torch.where(together, both * functional.softplus(pull - similar), 0.0)
    return pairs.sum(1) / together.sum(1).clamp(min=1)


def spans(frames: int, scope: str) -> list[slice]:
    """The frames whose observations are compared with each other: all of them for a `scope` of "clip", else runs of ten."""
    return [slice(0, frames)] if scope == "clip" else [slice(i, i + CHUNK) for i in range(0, frames, CHUNK)]


def _same(people: Tensor) -> Tensor:
    """(P, P) bool: two observations of one person."""
    return (people[:, None] == people[None]) & ~torch.eye(len(people), dtype=torch.bool, device=people.device)
