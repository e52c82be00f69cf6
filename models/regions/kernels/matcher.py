"""Matching many boxes with a few objects without the matrix of their overlaps, and random keys (references: matcher.py, sampler.py)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.numerics.jit import compiled

Floats = NDArray[Any]

BACKGROUND, IGNORED = -1, -2


@compiled
def match(boxes: Floats, objects: Floats, positive: float, negative: float, best_from: float) -> tuple[NDArray[np.int64], Floats]:
    """`matcher.match_boxes` on the host.

    Args:
        boxes: (A, 4) float32, xyxy pixels.
        objects: (G, 4) float32, xyxy pixels.
        positive: least IoU of a positive.
        negative: IoU that background stays below.
        best_from: least IoU of an object's best boxes; below 0: they get no special treatment.

    Returns:
        (A,) int64, number of the object, `BACKGROUND` or `IGNORED`, and (A,) float32, the largest IoU of each box with any object.
    """
    count = len(boxes)
    left, top, right, bottom = boxes[:, 0].copy(), boxes[:, 1].copy(), boxes[:, 2].copy(), boxes[:, 3].copy()
    nothing = np.float32(0)
    area = np.maximum(right - left, nothing) * np.maximum(bottom - top, nothing)
    row, most, which = np.empty(count, np.float32), np.full(count, np.float32(-1)), np.zeros(count, np.int64)
    best = np.zeros(len(objects), np.float32)
    for number in range(len(objects)):
        _overlaps(left, top, right, bottom, area, objects[number], row)
        for i in range(count):
            best[number] = max(best[number], row[i])
            if row[i] > most[i]:
                most[i], which[i] = row[i], number
    matched = np.full(count, IGNORED, np.int64)
    for i in range(count):
        if len(objects) == 0 or most[i] < np.float32(negative):
            matched[i] = BACKGROUND
        if len(objects) > 0 and most[i] >= np.float32(positive):
            matched[i] = which[i]
    for number in range(len(objects)):
        if best_from >= 0 and best[number] >= np.float32(best_from):
            _overlaps(left, top, right, bottom, area, objects[number], row)
            for i in range(count):
                if row[i] == best[number]:
                    matched[i] = number
    return matched, np.maximum(most, nothing)


@compiled
def _overlaps(left: Floats, top: Floats, right: Floats, bottom: Floats, area: Floats, other: Floats, row: Floats) -> None:
    """Write the IoU of all boxes with one object."""
    nothing = np.float32(0)
    x1, y1, x2, y2 = other[0], other[1], other[2], other[3]
    own = max(x2 - x1, nothing) * max(y2 - y1, nothing)
    for i in range(len(row)):
        x_end, y_end = right[i] if right[i] < x2 else x2, bottom[i] if bottom[i] < y2 else y2
        x_start, y_start = left[i] if left[i] > x1 else x1, top[i] if top[i] > y1 else y1
        width, height = x_end - x_start, y_end - y_start
        shared = (width if width > 0 else nothing) * (height if height > 0 else nothing)
        union = area[i] + own - shared
        row[i] = shared / union if union > 0 else nothing


@compiled
def random_keys(words: NDArray[Any], count: int, index_bits: int) -> NDArray[np.int64]:
    """(count,) int64, see `sampler.random_keys`; `words` (3,) uint32 are the seed's, mixed already."""
    found = np.empty(count, np.int64)
    for number in range(count):
        word = np.uint32(number)
        for start in words:
            word = np.uint32(word + start)
            word = np.uint32((word ^ (word >> np.uint32(16))) * np.uint32(0x85EBCA6B))
            word = np.uint32((word ^ (word >> np.uint32(13))) * np.uint32(0xC2B2AE35))
            word = np.uint32(word ^ (word >> np.uint32(16)))
        found[number] = (np.int64(word) << index_bits) | number
    return found
