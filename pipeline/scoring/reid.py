"""Re-identification retrieval: the first half of each tracklet queries the rest (Tables 7 and 8 of the OUTrack paper).

Embeddings are taken at ground truth boxes, so the figure shows the embedding alone. There is one gallery over all sequences and no camera
is left out: other boxes of the same person in the same video are what a query should find.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

QUERIES_AT_ONCE = 256
SIMILARITIES_AT_ONCE = 8_000_000  # numbers in memory, of which there are two sets


class Retrieval(NamedTuple):
    """`R1` and `mAP` in percent (0 without queries); how many boxes queried, how many they were searched in, of how many identities."""

    R1: float
    mAP: float
    queries: int
    gallery: int
    identities: int


def retrieval(identities: NDArray[np.int64], frames: NDArray[np.int64], embeddings: NDArray[np.float32]) -> Retrieval:
    """R1 and mAP of every query's ranking of the gallery by cosine similarity.

    A tracklet is all boxes of an identity in order of frame: floor(n / 2) of them query, the others are the gallery, so every query has
    something to find and an identity seen once only distracts. AP is Market-1501's, the trapezoid under precision over recall.

    Args:
        identities: (N,) int64, different for different people over all sequences.
        frames: (N,) int64.
        embeddings: (N, D) float32, any length but zero.
    """
    is_query = _first_half(identities, frames)
    units = _unit(embeddings)
    queries, gallery = np.flatnonzero(is_query), np.flatnonzero(~is_query)
    right, found = _members(identities[gallery]), units[gallery].T
    at_once = max(1, min(QUERIES_AT_ONCE, SIMILARITIES_AT_ONCE // max(len(gallery), 1)))
    precisions, firsts = [], []
    for start in range(0, len(queries), at_once):
        chunk = queries[start : start + at_once]
        similar = units[chunk] @ found
        ordered = np.sort(similar, axis=1)
        for row, identity in enumerate(identities[chunk].tolist()):
            places = _places(similar[row], ordered[row], right[identity])
            firsts.append(places[0] == 0)
            precisions.append(_precision(places))
    r1, mean_ap = (100 * float(np.mean(values)) if values else 0.0 for values in (firsts, precisions))
    return Retrieval(r1, mean_ap, len(queries), len(gallery), len(np.unique(identities)))


def average_precision(hits: NDArray[np.bool_]) -> float:
    """Market-1501's AP of one ranked list, in [0, 1].

    Args:
        hits: (G,) bool, whether the gallery item at each rank is right; at least one is.
    """
    return _precision(np.flatnonzero(hits))


def _precision(rank: NDArray[np.int64]) -> float:
    """The AP of right items at these ranks, ascending, from 0."""
    found = np.arange(len(rank))
    after = (found + 1) / (rank + 1)
    before = np.where(rank > 0, found / np.maximum(rank, 1), 1.0)
    return float(np.mean((before + after) / 2))


def _places(similar: NDArray[np.float32], ordered: NDArray[np.float32], right: NDArray[np.int64]) -> NDArray[np.int64]:
    """Ranks of the right items, ascending, when the most similar comes first and equal ones keep the gallery's order.

    Args:
        similar: (G,) similarities of the gallery.
        ordered: the same, ascending.
        right: (R,) places of the right items in the gallery.
    """
    own = similar[right]
    above = np.searchsorted(ordered, own, side="right")
    if (above - np.searchsorted(ordered, own, side="left") > 1).any():
        return np.flatnonzero(np.isin(np.argsort(-similar, kind="stable"), right))
    return np.sort(len(similar) - above)


def _members(identities: NDArray[np.int64]) -> dict[int, NDArray[np.int64]]:
    """Places of each identity, ascending."""
    order = np.argsort(identities, kind="stable")
    known, starts = np.unique(identities[order], return_index=True)
    return dict(zip(known.tolist(), np.split(order, starts[1:]), strict=False))


def _first_half(identities: NDArray[np.int64], frames: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(N,) bool: boxes in the first half of their tracklet."""
    chosen = np.zeros(len(identities), np.bool_)
    for members in _members(identities).values():
        in_time = members[np.argsort(frames[members], kind="stable")]
        chosen[in_time[: len(in_time) // 2]] = True
    return chosen


def _unit(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    length = np.linalg.norm(embeddings, axis=1, keepdims=True)
    units: NDArray[np.float32] = embeddings / np.maximum(length, np.finfo(np.float32).tiny)
    return units
