"""Non-maximum suppression in segments: every kept box is compared with all later ones of its segment at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.numerics.jit import fusing

Floats = NDArray[Any]


@fusing
def suppress(boxes: Floats, starts: NDArray[Any], threshold: float, alive: NDArray[Any]) -> None:
    """Switch off what overlaps a better box that stays, by more than `threshold` (IoU).

    Args:
        boxes: (N, 4) float32, xyxy pixels, best first within each segment.
        starts: (G + 1,) int64, where each segment begins, and N.
        threshold: largest IoU of two boxes that both stay.
        alive: (N,) uint8, 1 where a box stays; boxes that come with 0 suppress nothing.
    """
    left, top = boxes[:, 0].copy(), boxes[:, 1].copy()
    right, bottom = boxes[:, 2].copy(), boxes[:, 3].copy()
    area, excess = (right - left) * (bottom - top), np.zeros(len(boxes), np.float32)
    limit = np.float32(threshold)
    for segment in range(len(starts) - 1):
        end = starts[segment + 1]
        for i in range(starts[segment], end):
            if not alive[i] or excess[i] > 0:
                alive[i] = 0
                continue
            box = left[i], top[i], right[i], bottom[i], area[i]
            later = slice(i + 1, end)
            _compare(box, left[later], top[later], right[later], bottom[later], area[later], limit, excess[later])


@fusing
def _compare(box: Any, left: Floats, top: Floats, right: Floats, bottom: Floats, area: Floats, limit: Any, excess: Floats) -> None:
    """Raise `excess` (n,) to shared area - limit * union: above 0 where a box overlaps the given one too much.

    Without branches, so that several boxes are compared at a time.
    """
    x1, y1, x2, y2, own = box
    nothing = np.float32(0)
    for j in range(len(excess)):
        x_end, y_end = right[j] if right[j] < x2 else x2, bottom[j] if bottom[j] < y2 else y2
        x_start, y_start = left[j] if left[j] > x1 else x1, top[j] if top[j] > y1 else y1
        width, height = x_end - x_start, y_end - y_start
        width, height = width if width > 0 else nothing, height if height > 0 else nothing
        shared = width * height
        found = shared - limit * (own + area[j] - shared)
        excess[j] = found if found > excess[j] else excess[j]
