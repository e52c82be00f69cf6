"""MPMG, the multi-head part mask generator: where in a box each branch looks, and what it sees there."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

LEAST_MASS = 1e-6  # of a mask, by which its weighted sum is divided
LEAST_LENGTH = 1e-6  # of a vector that has a direction


class Parts(NamedTuple):
    """What R boxes show to K parts and one global branch; all float32.

    Attributes:
        masks: (R, K, Y, X) in (0, 1).
        pooled: (R, K, C), mean of the features weighted by each mask.
        vectors: (R, K + 1, D), of any length; the last is the global branch's.
    """

    masks: Tensor
    pooled: Tensor
    vectors: Tensor


class PartHead(nn.Module):
    """Masks of K parts, and a vector of each and of the whole box.

    The branches share no weight; their convolutions are held as one wide and one grouped convolution, which gives the same numbers.

    Args:
        channels: C of the boxes' features.
        parts: K, 0 or more.
        hidden: channels between a branch's two convolutions.
        size: D.
    """

    def __init__(self, channels: int, parts: int, hidden: int, size: int) -> None:
        super().__init__()
        self.masks = None
        if parts:
            self.masks = nn.Sequential(
                nn.Conv2d(channels, parts * hidden, 3, padding=1, bias=False),
                nn.BatchNorm2d(parts * hidden),
                nn.ReLU(inplace=True),
                nn.Conv2d(parts * hidden, parts, 1, groups=parts),
            )
        self.layers = nn.ModuleList([nn.Linear(channels, size) for _ in range(parts + 1)])

    def forward(self, regions: Tensor) -> Parts:
        """Parts of boxes, from their features `regions` (R, C, Y, X) float32; channels-last ones are not copied. R may be 0."""
        masks = self._masks(regions)
        with torch.autocast(regions.device.type, enabled=False):  # means and cosines need all their digits
            pooled = weighted_means(masks, regions)
            whole = regions.mean((2, 3))[:, None]
            seen = torch.cat([pooled, whole], 1).unbind(1)
            vectors = torch.stack([layer(x) for layer, x in zip(self.layers, seen, strict=True)], 1)
        return Parts(masks, pooled, vectors)

    def _masks(self, regions: Tensor) -> Tensor:
        if self.masks is None or not len(regions):  # batch statistics of no box are not defined
            return regions.new_zeros(len(regions), len(self.layers) - 1, *regions.shape[2:])
        return torch.sigmoid(self.masks(regions).float())


def weighted_means(masks: Tensor, features: Tensor) -> Tensor:
    """Mean of features weighted by each mask, one product of matrices; a mask of zeros gives zeros.

    Args:
        masks: (R, K, Y, X) float32, at least 0.
        features: (R, C, Y, X) float32.

    Returns:
        (R, K, C) float32.
    """
    weights = masks.flatten(2)
    sums = weights @ features.permute(0, 2, 3, 1).flatten(1, 2)
    return sums / weights.sum(2, keepdim=True).clamp(min=LEAST_MASS)


def embedding_of(vectors: Tensor) -> Tensor:
    """The branches' unit vectors side by side, of length 1: the cosine of two is the mean of their branches' cosines.

    Args:
        vectors: (R, B, D) float32.

    Returns:
        (R, B * D) float32.
    """
    lengths = vectors.norm(dim=2, keepdim=True).clamp(min=LEAST_LENGTH)
    return (vectors / lengths / math.sqrt(vectors.shape[1])).flatten(1)
