"""UTrack, unsupervised re-identification: Eqs. 1 to 8 of the OUTrack paper.

No identity enters. Two facts supervise: objects of one frame differ, and most objects of one frame are in the other. All pairs of a batch
are worked through at once.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.embedding.options import UtrackOptions

NEVER = -1e9  # similarity of what cannot be chosen; finite, so that a row without any choice stays a number


class ReidLosses(NamedTuple):
    """Scalars, each divided by the number of objects of all pairs, as the released code does (Eqs. 6-8 divide pair by pair).

    Attributes:
        intra: Eq. 3; 0 where the options leave it out, as with `inter` and `cycle`.
        inter: Eq. 4.
        cycle: Eq. 5.
        negative: Eq. 7, and with `negative_hinge` the margin to the placeholder that the released code adds.
        total: Eq. 8, their sum, which alone has a gradient; how much positive and negative pairs weigh follows from their object counts.
    """

    intra: Tensor
    inter: Tensor
    cycle: Tensor
    negative: Tensor
    total: Tensor


class Utrack(nn.Module):
    """`reid_losses` as an objective: each part under its name with `reid_` before it, and their sum.

    Args:
        options: temperature, placeholder, margin and which terms count.
    """

    def __init__(self, options: UtrackOptions) -> None:
        super().__init__()
        self.options = options

    def forward(self, embeddings: Tensor, valid: Tensor, same_scene: Tensor, identities: Tensor | None) -> dict[str, Tensor]:
        """See models/embedding/objectives.py."""
        found = reid_losses(embeddings, valid, same_scene, self.options)
        parts = found._asdict()
        return {"reid": parts.pop("total")} | {f"reid_{name}": value for name, value in parts.items()}


def reid_losses(embeddings: Tensor, valid: Tensor, positive: Tensor, options: UtrackOptions) -> ReidLosses:
    """Losses of B pairs with up to K objects per frame.

    Args:
        embeddings: (B, 2, K, D) float32, any length; padding may hold anything finite.
        valid: (B, 2, K) bool.
        positive: (B,) bool, False for two frames of different scenes.
        options: temperature, placeholder, margin and which terms count.
    """
    slots = valid.shape[2]
    exists = valid.flatten(1)
    features = functional.normalize(embeddings.float().flatten(1, 2), dim=-1)
    pairs = exists[:, :, None] & exists[:, None, :] & ~torch.eye(2 * slots, dtype=torch.bool, device=valid.device)
    assigned, placed = _assignment(features @ features.transpose(1, 2), exists, pairs, positive, options)

    frame = torch.arange(2 * slots, device=valid.device) >= slots
    same_frame = frame[:, None] == frame[None, :]
    forward, backward = assigned[:, :slots, slots:], assigned[:, slots:, :slots].transpose(1, 2)
    rows = exists.float()
    positives, negatives = positive.float(), (~positive).float()
    hinge = functional.relu(assigned.amax(2) + options.margin - placed) * rows * options.negative_hinge
    counted = exists.sum().clamp(min=1)
    parts = [
        (positives * assigned.where(same_frame, 0.0).sum((1, 2))).sum() / counted * options.intra,
        (positives * (_margin(assigned, placed, options.margin) * rows).sum(1)).sum() / counted * options.inter,
        (positives * (forward - backward).abs().sum((1, 2))).sum() / counted * options.cycle,
        (negatives * (assigned.sum((1, 2)) + hinge.sum(1))).sum() / counted,
    ]
    intra, inter, cycle, negative = (part.detach() for part in parts)
    return ReidLosses(intra, inter, cycle, negative, torch.stack(parts).sum())


def temperature(columns: Tensor, options: UtrackOptions) -> Tensor:
    """T of Eq. 2 for matrices of C columns, a placeholder included: 2 ln(C + 1), or the number in the options."""
    if options.temperature == "adaptive":
        return 2 * torch.log(columns.float() + 1)
    return torch.full_like(columns, options.temperature, dtype=torch.float32)


def _assignment(similarity: Tensor, exists: Tensor, pairs: Tensor, positive: Tensor, options: UtrackOptions) -> tuple[Tensor, Tensor]:
    """M' (Eq. 2 on S'): among objects (B, 2K, 2K), zero outside `pairs`, and to the placeholder (B, 2K), zero where there is no object.

    Negative pairs always have a placeholder, of similarity 0, since everything shall go there.
    """
    padded = ~positive | (options.placeholder != "none")
    value = torch.zeros_like(positive, dtype=similarity.dtype)
    if options.placeholder == "mean":
        mean = similarity.detach().where(pairs, 0.0).sum((1, 2)) / pairs.sum((1, 2)).clamp(min=1)
        value = torch.where(positive, mean, value)
    column = torch.where(padded, value, NEVER)[:, None, None].expand(-1, similarity.shape[1], 1)
    choices = torch.cat([similarity.masked_fill(~pairs, NEVER), column], 2)
    matrix = (choices * temperature(exists.sum(1) + padded, options)[:, None, None]).softmax(2)
    return matrix[:, :, :-1].where(pairs, 0.0), matrix[:, :, -1] * (exists & padded[:, None])


def _margin(assigned: Tensor, placed: Tensor, margin: float) -> Tensor:
    """Eq. 4 for each row (B, 2K): how far the best choice among objects and placeholder fails to exceed the second by the margin."""
    best, second = torch.cat([assigned, placed[:, :, None]], 2).topk(2, dim=2).values.unbind(2)
    return functional.relu(second + margin - best)
