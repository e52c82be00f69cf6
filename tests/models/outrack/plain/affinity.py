"""How unlike two things are: cost matrices for assignment, as pure functions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.numerics.boxes import iou

Floats = NDArray[np.float64]

MAHALANOBIS_GATE = 9.4877  # 95 % quantile of chi squared with 4 degrees of freedom
APPEARANCE_WEIGHT = 0.98  # of appearance against motion, as in JDE and FairMOT


def cosine_distance(first: NDArray[Any], second: NDArray[Any]) -> Floats:
    """(N, M) 1 - cosine, never below 0, of (N, D) and (M, D) embeddings of unit length; D > 0."""
    distance: Floats = np.maximum(1.0 - (first @ second.T).astype(np.float64), 0.0)
    return distance


def bisoftmax_distance(first: NDArray[Any], second: NDArray[Any], scale: float | str) -> Floats:
    """(N, M) 1 - the mean of the softmax over rows and the softmax over columns of scaled cosines."""
    cosines = (first @ second.T).astype(np.float64)
    both = []
    for axis in (0, 1):
        factor = 2 * np.log(cosines.shape[axis] + 1) if scale == "adaptive" else float(scale)
        powers = np.exp(factor * cosines)
        both.append(powers / np.maximum(powers.sum(axis, keepdims=True), 1e-300))
    return 1.0 - (both[0] + both[1]) / 2


def fuse_motion(
    cost: Floats,
    squared_mahalanobis: Floats,
    *,
    weight: float = APPEARANCE_WEIGHT,
    gate: float = MAHALANOBIS_GATE,
) -> Floats:
    """(N, M) weight * cost + (1 - weight) * squared_mahalanobis, +inf where motion lies beyond the gate."""
    fused = weight * cost + (1.0 - weight) * squared_mahalanobis
    return np.where(squared_mahalanobis > gate, np.inf, fused)


def iou_distance(first: NDArray[Any], second: NDArray[Any]) -> Floats:
    """(N, M) 1 - IoU of xyxy boxes in pixels, 1 where the union is empty.

    Continuous coordinates: a box from 0 to 10 is 10 wide. FairMOT's own distance adds a pixel to every side, which only
    matters for boxes of a few pixels.
    """
    return 1.0 - iou(first, second).astype(np.float64)
