"""Quasi-dense similarity learning: contrastive losses with several positives per row (QDTrack, section 3.2).

Each function is of one pair of images: V samples of the key image in rows, K samples of the reference image in columns. Which pairs of
samples are positive, negative or neither is said by two masks. Without any positive the losses are 0, with a gradient of 0.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.embedding.options import QuasiDenseOptions

NOBODY = -2  # the identity of a sample that shows nobody; -1 is an unknown one
NEVER = -1e30  # a similarity whose exponential is 0; finite, so that a row without any choice stays a number

Equation = Literal[3, 5]


class QuasiDense(nn.Module):
    """Both losses as an objective: their weighted sum, the mean over pairs, and each of them.

    Several samples may have one identity. The first frame's samples of known identity are the rows; the second's, and those of `NOBODY`,
    are the columns. Samples of unknown identity teach nothing, nor does a pair without a common identity, whatever its scenes.

    Args:
        options: equation, margin and weights.
    """

    def __init__(self, options: QuasiDenseOptions) -> None:
        super().__init__()
        self.options = options

    def forward(self, embeddings: Tensor, valid: Tensor, same_scene: Tensor, identities: Tensor | None) -> dict[str, Tensor]:
        """See models/embedding/objectives.py.

        Raises:
            ValueError: identities are None.
        """
        if identities is None:
            raise ValueError("quasi_dense needs identities: Needs.identities must be True for these options")
        pairs = [self._pair(embeddings[i].float(), valid[i], identities[i]) for i in range(len(embeddings))]
        embed, auxiliary = (torch.stack(terms).mean() for terms in zip(*pairs, strict=True))
        total = self.options.embed_weight * embed + self.options.auxiliary_weight * auxiliary
        return {"reid": total, "reid_embed": embed, "reid_auxiliary": auxiliary}

    def _pair(self, embeddings: Tensor, valid: Tensor, identities: Tensor) -> tuple[Tensor, Tensor]:
        """L_embed and L_aux of one pair: embeddings (2, K, D), valid (2, K) and identities (2, K)."""
        rows = torch.nonzero(valid[0] & (identities[0] >= 0))[:, 0]
        columns = torch.nonzero(valid[1] & ((identities[1] >= 0) | (identities[1] == NOBODY)))[:, 0]
        key, reference = embeddings[0, rows], embeddings[1, columns]
        masks = pair_masks(identities[0, rows], identities[1, columns])
        cosines = functional.normalize(key, dim=1) @ functional.normalize(reference, dim=1).T
        margin, ratio = self.options.auxiliary_margin, self.options.auxiliary_negatives
        auxiliary = auxiliary_loss(cosines, masks, margin=margin, negatives_per_positive=ratio)
        return embedding_loss(key @ reference.T, masks, self.options.equation), auxiliary


class PairMasks(NamedTuple):
    """Which pairs of samples count; (V, K) bool each, never both.

    Attributes:
        positive: samples of one object.
        negative: samples of different objects, or of an object and of background.
    """

    positive: Tensor
    negative: Tensor


def pair_masks(key: Tensor, reference: Tensor, chosen: Tensor | None = None) -> PairMasks:
    """Masks from what the samples show.

    Args:
        key: (V,) int64, identity of each key sample.
        reference: (K,) int64, identity of each reference sample; for background any number below 0.
        chosen: (K,) bool, reference samples that may be positives (Eq. 2 has one for each identity); others of the row's own
            identity are left out, and stay negatives of the other rows. None: all.
    """
    same = key[:, None] == reference[None, :]
    positive = same if chosen is None else same & chosen[None, :]
    return PairMasks(positive, ~same)


def embedding_loss(similarity: Tensor, masks: PairMasks, equation: Equation = 5) -> Tensor:
    """L_embed, a scalar: the mean over the rows that have a positive.

    Eq. 5 is log(1 + sum over positives and negatives of exp(s- - s+)), which equals softplus(logsumexp(s-) + logsumexp(-s+)) and so needs
    no V x K x K matrix. Eq. 3 sums -log of the positive's share over the positives, counting each negative once per positive; with one
    positive in each row both are Eq. 2.

    Args:
        similarity: (V, K) float32, inner products of the embeddings as they are.
        masks: which of them are positive and negative.
        equation: of the paper.
    """
    used = torch.nonzero(masks.positive.any(dim=1))[:, 0]
    if len(used) == 0:
        return 0.0 * similarity.sum()
    chosen, positive, negative = similarity[used], masks.positive[used], masks.negative[used]
    against = chosen.masked_fill(~negative, NEVER).logsumexp(dim=1)
    if equation == 5:
        return functional.softplus(against + (-chosen).masked_fill(~positive, NEVER).logsumexp(dim=1)).mean()
    return (functional.softplus(against[:, None] - chosen) * positive).sum(dim=1).mean()


def auxiliary_loss(cosines: Tensor, masks: PairMasks, *, margin: float = 0.1, negatives_per_positive: float = 3) -> Tensor:
    """L_aux (Eq. 6), a scalar: one mean over the squares of 1 - cosine of all positives and of the cosines of the pair's hardest negatives.

    As released, negatives are lowered by `margin` and all cosines are cut to [0, 1] first: a positive of negative cosine costs 1 and has no
    gradient. Rows without a positive give negatives, too.

    Args:
        cosines: (V, K) float32.
        masks: which of them are positive and negative.
        margin: cosine of a negative that costs nothing.
        negatives_per_positive: hardest negatives that count, for each positive.
    """
    positives = cosines[masks.positive].clamp(0, 1)
    if len(positives) == 0:
        return 0.0 * cosines.sum()
    costs = (cosines[masks.negative] - margin).clamp(0, 1) ** 2
    hardest = costs.sort(descending=True, stable=True).values[: int(negatives_per_positive * len(positives))]
    return torch.cat([(1 - positives) ** 2, hardest]).mean()
