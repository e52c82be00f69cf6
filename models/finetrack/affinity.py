"""What a pair of a track and a detection costs, from the likeness of their parts and the overlap of their boxes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.finetrack.options import TrackerOptions

Floats = NDArray[np.floating[Any]]


def costs(cosines: Floats, overlaps: Floats, options: TrackerOptions) -> NDArray[np.float64]:
    """Of the first round: appearance_weight * (1 - cosine) + the rest * (1 - IoU).

    Args:
        cosines: (N, M) of tracks and detections.
        overlaps: (N, M), IoU.
        options: `appearance_weight`, `gate` and `likeness`.

    Returns:
        (N, M) float64, infinite for pairs of an IoU below `gate` and a cosine below `likeness`.
    """
    weight = options.appearance_weight
    cost = (weight * (1.0 - cosines) + (1.0 - weight) * (1.0 - overlaps)).astype(np.float64)
    cost[(overlaps < options.gate) & (cosines < options.likeness)] = np.inf
    return cost


def likeness(tracks: NDArray[np.float32], detections: NDArray[np.float32], branches: int, similarity: str) -> NDArray[np.float32]:
    """Cosines (N, M) of embeddings (N, D) and (M, D), of unit length.

    Args:
        tracks: means of what was seen.
        detections: as `parts.embedding_of` makes them.
        branches: of which D is made, K + 1.
        similarity: `mean` over all branches, the cosine of the whole; or `best`, the mean over the better half of them (rounded up),
            each of which is compared by its own cosine, so that a part that is hidden now does not count.
    """
    if similarity == "mean" or not len(tracks) or not len(detections):
        return tracks @ detections.T
    first, second = (_branches(each, branches) for each in (tracks, detections))
    each = np.sort(first @ second.transpose(0, 2, 1), axis=0)  # (B, N, M)
    return each[branches // 2 :].mean(axis=0, dtype=np.float32)


def _branches(vectors: NDArray[np.float32], branches: int) -> NDArray[np.float32]:
    """(B, N, D / B), each of unit length."""
    parts = vectors.reshape(len(vectors), branches, -1).transpose(1, 0, 2)
    units: NDArray[np.float32] = parts / np.maximum(np.linalg.norm(parts, axis=2, keepdims=True), 1e-12)
    return units
