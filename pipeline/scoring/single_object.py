"""Single-object tracking as OTB scores it (Wu et al. 2013): the success plot's area and the precision at 20 pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float64]
THRESHOLDS = np.arange(21) / 20  # of overlap, exceeded
DISTANCE = 20.0  # pixels


class Success(NamedTuple):
    """Scores of one video, or their mean over several; each in [0, 1].

    Attributes:
        auc: mean over 21 thresholds of the share of frames whose overlap exceeds them.
        overlap: mean intersection over union.
        precision: share of frames whose centre is at most 20 pixels off.
    """

    auc: float
    overlap: float
    precision: float


def score(truth: Boxes, results: Boxes) -> Success:
    """One video.

    Args:
        truth: (F, 4) left, top, width, height in pixels, counted from 1; a frame with a value that is not positive (or none) is one
            that no result can get right, as in the benchmark's own code.
        results: (F, 4) the same.

    Raises:
        ValueError: there are no frames, or not as many results.
    """
    if truth.shape != results.shape or not len(truth):
        raise ValueError(f"{len(results)} result boxes for {len(truth)} frames")
    known = (np.nan_to_num(truth, nan=0.0) > 0).all(1)
    overlap = np.where(known, _iou(truth, results), -1.0)
    away = np.linalg.norm(_centre(truth) - _centre(results), axis=1)
    success = (overlap[:, None] > THRESHOLDS[None]).mean(0)
    return Success(float(success.mean()), float(overlap.clip(0).mean()), float((known & (away <= DISTANCE)).mean()))


def mean(videos: Sequence[Success]) -> Success:
    """Each video counts the same, whatever its length; NaN without any."""
    if not videos:
        return Success(*[float("nan")] * len(Success._fields))
    return Success(*np.mean(np.array(videos).reshape(-1, len(Success._fields)), 0).tolist())


def _centre(boxes: Boxes) -> Boxes:
    return np.asarray(boxes[:, :2] + (boxes[:, 2:] - 1) / 2)


def _iou(first: Boxes, second: Boxes) -> NDArray[np.float64]:
    low = np.maximum(first[:, :2], second[:, :2])
    high = np.minimum(first[:, :2] + first[:, 2:], second[:, :2] + second[:, 2:])
    shared = (high - low).clip(0).prod(1)
    whole = first[:, 2:].prod(1) + second[:, 2:].prod(1) - shared
    return np.asarray(np.where(whole > 0, shared / np.where(whole > 0, whole, 1), 0.0))
