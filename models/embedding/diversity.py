"""What keeps the parts of an embedding apart: cosines of their vectors, or the overlap of the masks that they look through.

FineTrack's diversity loss is known by name only. The mean cosine is how it is remembered; the overlap of masks is ours.
"""

from __future__ import annotations

import torch
from torch import Tensor

TINY = 1e-12


def mean_cosine(vectors: Tensor, floor: float | None = None) -> Tensor:
    """Mean cosine over all pairs of parts of a box, and over boxes: 1 for equal parts, at least -1 / (K - 1).

    Args:
        vectors: (R, K, D) float32, K parts of each of R boxes, of any length; a zero vector has a cosine of 0 with all others.
        floor: smaller cosines count as this, with a gradient of 0; None: all count as they are.

    Returns:
        A scalar; 0 with a gradient of 0 for fewer than two parts or no box.
    """
    first, second = _pairs(vectors)
    if not len(vectors) or not len(first):
        return 0.0 * vectors.sum()
    units = vectors * (vectors.square().sum(2, keepdim=True) + TINY).rsqrt()
    cosines = (units @ units.transpose(1, 2))[:, first, second]
    return (cosines if floor is None else cosines.clamp(min=floor)).mean()


def soft_overlap(masks: Tensor) -> Tensor:
    """Sum of minima over sum of maxima, the mean over all pairs of masks of a box, and over boxes: 1 for equal masks, 0 for disjoint ones.

    Args:
        masks: (R, K, P) float32, at least 0: K masks of P cells for each of R boxes. Two masks of zeros do not overlap.

    Returns:
        A scalar; 0 with a gradient of 0 for fewer than two masks or no box.
    """
    first, second = _pairs(masks)
    if not len(masks) or not len(first):
        return 0.0 * masks.sum()
    shared = torch.minimum(masks[:, first], masks[:, second]).sum(2)
    mass = masks.sum(2)
    either = mass[:, first] + mass[:, second] - shared
    return (shared / either.clamp(min=TINY)).mean()


def _pairs(parts: Tensor) -> tuple[Tensor, Tensor]:
    """The numbers of the first and the second of each pair of parts."""
    first, second = torch.triu_indices(parts.shape[1], parts.shape[1], 1, device=parts.device)
    return first, second
