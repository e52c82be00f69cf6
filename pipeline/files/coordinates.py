"""Signs that a sequence's boxes were not written as they are read, which is as left, top, width and height in pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEAST = 2  # boxes, below which nothing can be told


def oddities(boxes: NDArray[np.float64], limits: NDArray[np.float64]) -> list[str]:
    """Remarks on what all boxes together suggest; an empty list where a single box contradicts it.

    Args:
        boxes: (N, 4) xyxy pixels, as read.
        limits: (N, 2) width and height of each box's image; infinite where not known.
    """
    if len(boxes) < LEAST:
        return []
    if _are_shares(boxes):
        return ["no box reaches beyond the first pixel; its numbers may be shares of the image's width and height, and are read as pixels"]
    if _are_corners(boxes, limits):
        return ["boxes reach beyond their images, none would if width and height were right and bottom; they are read as width and height"]
    return []


def _are_shares(boxes: NDArray[np.float64]) -> bool:
    return bool((boxes >= 0).all() and (boxes <= 1).all())


def _are_corners(boxes: NDArray[np.float64], limits: NDArray[np.float64]) -> bool:
    """Whether the last two numbers of each box make corners inside its image, and those that are read leave it for half of the boxes."""
    known = np.isfinite(limits).all(1)
    if known.sum() < LEAST:
        return False
    start, end, size = boxes[known, :2], boxes[known, 2:], limits[known]
    last = end - start  # what was written as width and height
    return bool((last > start).all() and (last <= size).all() and (end > size).any(1).mean() >= 0.5)
