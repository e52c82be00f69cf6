"""Pose propagation as JHMDB is scored: the percentage of correct key points (PCK)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BODY = 0.6  # normaliser, in diagonals of the box of the ground truth's joints
Points = NDArray[np.floating]


def pck(truth: Points, results: Points, threshold: float, *, lost: str = "wrong") -> float:
    """The share of joints that lie within the threshold times the size of the body; the mean over joints of their shares of frames.

    Args:
        truth: (F, P, 2) x and y in pixels, NaN where not known. The first frame is given, and is left out by the caller.
        results: (F, P, 2), NaN for a lost joint.
        threshold: such as 0.1; a joint exactly at it is right.
        lost: "wrong", or "out", by which the released code leaves lost joints out of the count.

    Returns:
        From 0 to 1; NaN where no joint is counted at all.

    Raises:
        ValueError: results are of another shape.
    """
    if truth.shape != results.shape:
        raise ValueError(f"results of shape {results.shape} for ground truth of {truth.shape}")
    known = np.isfinite(truth).all(2)
    if lost == "out":
        known &= np.isfinite(results).all(2)
    away = np.linalg.norm(truth - results, axis=2)
    right = known & (np.nan_to_num(away, nan=np.inf) <= threshold * normaliser(truth)[:, None])
    counted = known.sum(0)
    if not counted.any():
        return float("nan")
    shares = right.sum(0)[counted > 0] / counted[counted > 0]
    return float(shares.mean())


def normaliser(truth: Points) -> NDArray[np.float64]:
    """(F,) .6 times the diagonal of the box of the known joints; 0 for fewer than two."""
    known = np.isfinite(truth).all(2, keepdims=True)
    low = np.where(known, truth, np.inf).min(1)
    high = np.where(known, truth, -np.inf).max(1)
    extent = np.where(np.isfinite(high - low), high - low, 0.0)
    return np.asarray(BODY * np.linalg.norm(extent, axis=1))
