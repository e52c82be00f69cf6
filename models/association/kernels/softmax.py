"""Bi-softmax of cosines (QDTrack, Eq. 8), between the tracks that take part in a stage and all detections of a frame."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.association.kernels.vectors import dot
from pipeline.numerics.jit import compiled

Array = NDArray[Any]

ADAPTIVE = -1.0  # in the place of a scale: 2 ln(C + 1) for a softmax over C


@compiled
def bisoftmax(looks: Array, rows: Array, features: Array, scale: float) -> Array:
    """The mean of the softmax over tracks and the softmax over detections; a softmax over one element is 1.

    Args:
        looks: (N, D) float32, embeddings of all tracks, of unit length.
        rows: (R,) which of them are compared.
        features: (M, D) float32, embeddings of detections, of unit length.
        scale: what cosines are multiplied by, or `ADAPTIVE`.

    Returns:
        (R, M) float32 in [0, 1].
    """
    count, width = len(rows), len(features)
    over_tracks, over_detections = _scale(scale, count), _scale(scale, width)
    cosines, found = np.empty((count, width)), np.zeros((count, width), np.float32)
    for row in range(count):
        for column in range(width):
            cosines[row, column] = dot(looks[rows[row]], features[column])
    _add_half(found, cosines, over_detections)
    _add_half(found.T, cosines.T, over_tracks)
    return found


@compiled
def _add_half(found: Array, cosines: Array, scale: float) -> None:
    """Add half of the softmax over each row of `cosines`."""
    rows, columns = cosines.shape
    for row in range(rows):
        most = -np.inf
        for column in range(columns):
            most = max(most, cosines[row, column])
        total = 0.0
        for column in range(columns):
            total += np.exp(scale * (cosines[row, column] - most))
        for column in range(columns):
            found[row, column] += 0.5 * np.exp(scale * (cosines[row, column] - most)) / total


@compiled
def _scale(scale: float, count: int) -> float:
    return 2.0 * np.log(count + 1.0) if scale == ADAPTIVE else scale
