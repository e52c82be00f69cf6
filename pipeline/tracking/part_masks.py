"""Figures of the masks of a system's parts: how much they overlap, and how much of them lies on the person."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.files.frames import Objects
from pipeline.files.run_lengths import decode_mask

HALF_SEEN = (0.3, 0.7)  # visibilities of the boxes that focus is measured on: who is wholly in sight fills the box
TINY = 1e-12


class PartFigures(NamedTuple):
    """Figures of N boxes, NaN where there is nothing to measure.

    Attributes:
        overlaps: (N,) float32, `soft_overlaps` of their masks.
        focuses: (N,) float32, `focus` of those whose visibility is in `HALF_SEEN` and whose pixels are known.
    """

    overlaps: NDArray[np.float32]
    focuses: NDArray[np.float32]


def measure(masks: NDArray[np.float32], truth: Objects, width: int, height: int) -> PartFigures:
    """The figures of a frame's true boxes.

    Args:
        masks: (N, K, h, w) float32, of the parts that look at the boxes.
        truth: the N objects, in picture pixels.
        width: of the picture, pixels.
        height: of the picture, pixels.
    """
    focuses = np.full(len(truth), np.nan, np.float32)
    if truth.masks is not None:
        low, high = HALF_SEEN
        for index in np.flatnonzero((truth.visibilities >= low) & (truth.visibilities <= high)):
            if truth.masks[index] is not None:
                focuses[index] = focus(masks[index].max(axis=0), truth.boxes[index], decode_mask(truth.masks[index], height, width))
    return PartFigures(soft_overlaps(masks), focuses)


def soft_overlaps(masks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sum of minima over sum of maxima of two masks, the mean over all pairs: 1 for equal masks, 0 for disjoint ones.

    Args:
        masks: (N, K, h, w) float32, at least 0.

    Returns:
        (N,) float32, NaN for fewer than two masks.
    """
    flat = masks.reshape(*masks.shape[:2], -1)
    ratios = []
    for first, second in combinations(range(flat.shape[1]), 2):
        shared = np.minimum(flat[:, first], flat[:, second]).sum(axis=1)
        either = np.maximum(flat[:, first], flat[:, second]).sum(axis=1)
        ratios.append(shared / np.maximum(either, TINY))
    return np.mean(ratios, axis=0).astype(np.float32) if ratios else np.full(len(masks), np.nan, np.float32)


def focus(mask: NDArray[np.float32], box: NDArray[np.float32], seen: NDArray[np.bool_]) -> float:
    """Mean of a mask over a person's own visible pixels, divided by its mean over the rest of the box within the picture.

    Args:
        mask: (h, w) float32 over the box, such as the maximum over all parts.
        box: (4,) float32, xyxy pixels.
        seen: (H, W) bool, the person's visible pixels.

    Returns:
        The ratio, 1 for a mask that tells nothing; NaN where the person fills the box, or is nowhere in it.
    """
    columns, across = _cells(box[0], box[2], mask.shape[1], seen.shape[1])
    rows, down = _cells(box[1], box[3], mask.shape[0], seen.shape[0])
    values, own = mask[down[:, None], across], seen[rows, columns]
    if own.all() or not own.any():
        return float("nan")
    return float(values[own].mean() / max(float(values[~own].mean()), TINY))


def _cells(start: float, end: float, count: int, side: int) -> tuple[slice, NDArray[np.int64]]:
    """The pixels of a picture's side whose centres lie between two borders, and the cell, of `count`, in which each lies."""
    first, last = np.clip([np.ceil(start - 0.5), np.ceil(end - 0.5)], 0, side).astype(int)
    places = (np.arange(first, last) + 0.5 - start) / max(end - start, TINY)
    return slice(first, last), np.clip((places * count).astype(np.int64), 0, count - 1)
