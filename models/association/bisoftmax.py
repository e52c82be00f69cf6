"""Similarities of detections and candidates by embeddings that are not normalised (QDTrack, Eq. 8), and the matches made by them."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from models.association.kernels import nearest

Floats = NDArray[np.float32]
Similarity = Literal["bisoftmax", "softmax", "cosine", "both"]
SIMILARITIES: tuple[str, ...] = get_args(Similarity)

SMALL = 4096  # pairs up to which NumPy's calls take longer than the work
FREE, DROPPED = nearest.FREE, nearest.DROPPED


def similarity(kind: Similarity, detections: Floats, candidates: Floats) -> Floats:
    """(N, M) float32 scores of detections (N, D) and candidates (M, D); N and M may be 0.

    bisoftmax: the mean of the softmax over candidates and the softmax over detections, in [0, 1]. softmax: over candidates alone, in
    [0, 1]. cosine: in [-1, 1]. both: the mean of bisoftmax and cosine, in [-0.5, 1].

    Raises:
        ValueError: an unknown kind.
    """
    if kind == "bisoftmax":
        return bisoftmax(detections, candidates)
    if kind == "softmax":
        return _shares(detections @ candidates.T, axis=1)
    if kind == "cosine":
        return cosine(detections, candidates)
    if kind == "both":
        return (bisoftmax(detections, candidates) + cosine(detections, candidates)) / np.float32(2)
    raise ValueError(f"similarity must be one of {', '.join(SIMILARITIES)}, not {kind!r}")


def bisoftmax(detections: Floats, candidates: Floats) -> Floats:
    """Eq. 8: (N, M) float32 in [0, 1], of detections (N, D) and candidates (M, D).

    The softmax over one element is 1: a lone detection scores at least 0.5 with every candidate, and a lone candidate with every detection.
    """
    products = detections @ candidates.T
    if products.size <= SMALL:
        return nearest.mean_of_shares(products)
    both = _shares(products, axis=1)
    both += _shares(products, axis=0)
    both *= np.float32(0.5)
    return both


def cosine(detections: Floats, candidates: Floats) -> Floats:
    """(N, M) cosines; 0 with a vector of length 0."""
    return _unit(detections) @ _unit(candidates).T


def kept(boxes: Floats, scores: Floats, *, sure: float, limit_unsure: float, limit_sure: float) -> NDArray[np.bool_]:
    """Which detections are no duplicates, whatever their classes (QDTrack's inter-class suppression, as released).

    A box goes if its IoU with any box of higher score, one that goes itself included, exceeds `limit_sure`, or `limit_unsure` if its own
    score is below `sure`. Greedy suppression would keep some of those.

    Args:
        boxes: (N, 4) float32, xyxy pixels, scores descending.
        scores: (N,) float32.
        sure: score from which a box counts as sure.
        limit_unsure: largest IoU of a box that is not sure (paper: 0.3).
        limit_sure: largest IoU of a sure box (paper: 0.7).

    Returns:
        (N,) bool, False for duplicates.
    """
    return nearest.kept(boxes, scores, float(np.float32(sure)), limit_unsure, limit_sure).view(np.bool_)


class Nearest(NamedTuple):
    """What each of N detections is nearest to.

    Attributes:
        tracks: (N,) int64, column of the track that it takes, `FREE` or `DROPPED`.
        candidates: (N,) int64, column of the highest score, taken or not; -1 where none is above 0.
        scores: (N,) float32, that score.
    """

    tracks: NDArray[np.int64]
    candidates: NDArray[np.int64]
    scores: Floats


def nearest_candidates(scores: Floats, tracks: int, confidences: Floats, *, match: float, sure: float, drop: float) -> Nearest:
    """Give each detection, in order of confidence, the candidate that it scores highest with.

    - Best score not above `match`: the detection is `FREE`.
    - Best is a track, and the detection's confidence is above `sure`: it takes the track, which then scores 0 with all others.
    - Best is a track, but the confidence is not above `sure`: it is `DROPPED` if the score is above `drop`, else `FREE`.
    - Best is a backdrop: it is `FREE`.

    Args:
        scores: (N, M) float32; the first `tracks` columns are tracks, the others backdrops.
        tracks: number of tracks.
        confidences: (N,) float32 detection scores, descending.
        match: score that a match exceeds.
        sure: confidence that a match needs.
        drop: score above which an unsure detection of a track is dropped for good.
    """
    return Nearest(*nearest.assign(np.ascontiguousarray(scores), tracks, confidences, match, float(np.float32(sure)), drop))


def average(known: Floats, rows: NDArray[np.int64], new: Floats, sources: NDArray[np.int64], update: float) -> None:
    """Move embeddings (N, D) at `rows` (K,) towards the new ones (M, D) at `sources` (K,), in place; `update` is the new one's weight."""
    nearest.average(known, rows, new, sources, update)


def backdrops(boxes: Floats, free: NDArray[Any], limit: float) -> NDArray[np.bool_]:
    """Which free detections become backdrops: those whose IoU with every detection of higher score is at most `limit`.

    Args:
        boxes: (N, 4) float32, xyxy pixels, all detections of the frame, scores descending.
        free: (N,) bool, which of them neither took a track nor were dropped.
        limit: IoU (released code: 0.3).

    Returns:
        (N,) bool.
    """
    return nearest.backdrops(boxes, free, limit).view(np.bool_)


def _shares(products: Floats, axis: int) -> Floats:
    """Softmax along an axis, which may have length 0."""
    if products.size == 0:
        return np.zeros(products.shape, np.float32)
    shares = products - products.max(axis=axis, keepdims=True)
    np.exp(shares, out=shares)
    shares /= shares.sum(axis=axis, keepdims=True)
    return shares


def _unit(vectors: Floats) -> Floats:
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))
    return vectors / np.maximum(lengths, np.float32(1e-12))[:, None]
