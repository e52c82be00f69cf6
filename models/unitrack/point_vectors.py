"""Point vectors: what a feature map holds at its cells."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor
from torch.nn import functional


class Cleaned(NamedTuple):
    """A feature map without NaN or infinity.

    Attributes:
        features: as given, with zero vectors where a channel was not finite.
        broken: how many point vectors that were.
    """

    features: Tensor
    broken: int


def unit(features: Tensor, dim: int = 0) -> Tensor:
    """Features of length 1 along `dim`; zero vectors stay zero."""
    return functional.normalize(features, dim=dim, eps=1e-12)


def clean(features: Tensor, dim: int = 0) -> Cleaned:
    """Point vectors that are not finite become zero vectors, which are alike to nothing, and are counted.

    Args:
        features: any shape.
        dim: of the channels.
    """
    broken = ~features.isfinite().all(dim, keepdim=True)
    count = int(broken.sum())
    return Cleaned(features.masked_fill(broken, 0.0) if count else features, count)
