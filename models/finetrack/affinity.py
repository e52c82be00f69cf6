"""How alike tracks and detections are, as a product of matrices; `models/association/kernels/rounds.py` says what a pair then costs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.association.kernels import rounds

Vectors = NDArray[np.float32]


def cosines(tracks: Vectors, detections: Vectors, branches: int, similarity: str) -> Vectors:
    """Cosines of embeddings of unit length.

    Args:
        tracks: (N, D) float32, running means of what was seen; D may be 0 where N is.
        detections: (M, D) float32, as `parts.embedding_of` makes them.
        branches: number of branches whose vectors make up D, K + 1.
        similarity: `mean` over all branches, the cosine of the whole; or `best`, the mean over the better half of them (rounded up),
            each of which is compared by its own cosine, so that a part that is hidden now does not count.

    Returns:
        (N, M) float32.
    """
    if not len(tracks) or not len(detections):
        return np.zeros((len(tracks), len(detections)), np.float32)
    if similarity == "mean":
        return tracks @ detections.T
    first, second = (_branches(each, branches) for each in (tracks, detections))
    found: Vectors = rounds.better_half(first @ second.transpose(0, 2, 1))
    return found


def _branches(vectors: Vectors, branches: int) -> Vectors:
    """(B, N, D / B), each of unit length."""
    parts = vectors.reshape(len(vectors), branches, -1).transpose(1, 0, 2)
    units: Vectors = parts / np.maximum(np.linalg.norm(parts, axis=2, keepdims=True), 1e-12)
    return units
