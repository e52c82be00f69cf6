"""Which pairs of track and detection may match, and what each pair gains: the sparse matrix that `assignment.solve` reads.

Detections come sorted by their left edges, so each track looks at a window of them, not at all. A cost is
- gated: weight * (1 - cosine) + (1 - weight) * squared Mahalanobis distance, within the motion gate (FairMOT), or another likeness in the
  cosine's place; without embeddings 1 - IoU, within the gate;
- overlapping: 1 - IoU.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.association.kernels import kalman
from models.association.kernels.vectors import dot
from pipeline.numerics.jit import compiled

Array = NDArray[Any]
Pairs = tuple[Array, Array, Array]

MAHALANOBIS_GATE = 9.4877  # 95 % quantile of chi squared with 4 degrees of freedom
MARGIN = 1e-6  # pixels by which a window is wider than it must be, for rounding


@compiled
def overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    """IoU of two xyxy boxes, rounded to float32 as `pipeline.numerics.boxes.iou` rounds it; 0 where the union is empty."""
    shared = max(min(a[2], b[2]) - max(a[0], b[0]), 0.0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0.0)
    areas = max(a[2] - a[0], 0.0) * max(a[3] - a[1], 0.0) + max(b[2] - b[0], 0.0) * max(b[3] - b[1], 0.0)
    return np.float64(np.float32(shared / (areas - shared))) if areas > shared else 0.0


@compiled
def corners(box: Array) -> tuple[float, float, float, float]:
    """A box (4,) as a tuple of float64."""
    return np.float64(box[0]), np.float64(box[1]), np.float64(box[2]), np.float64(box[3])


@compiled
def by_left_edge(boxes: Array, scores: Array, threshold: float) -> Array:
    """Rows of the boxes (N, 4) of positive width and height that score (N,) at least `threshold`, by left edge, then row (Shell's sort)."""
    rows, count = np.empty(len(boxes), np.int64), 0
    for row in range(len(boxes)):
        if scores[row] >= threshold and boxes[row, 2] > boxes[row, 0] and boxes[row, 3] > boxes[row, 1]:
            rows[count] = row
            count += 1
    gap = 1
    while gap < count // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for start in range(gap, count):
            row, place = rows[start], start
            while place >= gap and _after(boxes, rows[place - gap], row):
                rows[place] = rows[place - gap]
                place -= gap
            rows[place] = row
        gap //= 3
    return rows[:count]


@compiled
def _after(boxes: Array, first: int, second: int) -> bool:
    return boxes[first, 0] > boxes[second, 0] or (boxes[first, 0] == boxes[second, 0] and first > second)


@compiled
def gated(
    beliefs: Array,
    looks: Array,
    rows: Array,
    boxes: Array,
    measured: Array,
    features: Array,
    likeness: Array,
    widest: float,
    weight: float,
    limit: float,
) -> Pairs:
    """Pairs within the motion gate.

    Args:
        beliefs: (N, 5, 4) Kalman beliefs of all tracks.
        looks: (N, D) their embeddings, of unit length.
        rows: (R,) which of them take part.
        boxes: (M, 4) xyxy of detections, by left edge.
        measured: (M, 4) the same boxes as the Kalman filter measures them.
        features: (M, D) their embeddings, of unit length; D may be 0.
        likeness: (R, M) float32, similarity of each track and each detection, at most 1; of shape (0, 0): the cosine is taken.
        widest: the largest width among the boxes.
        weight: of appearance; motion has 1 - weight.
        limit: only pairs that cost less are returned.

    Returns:
        Starts (R + 1,), columns and gains, as `assignment.solve` takes them.

    Raises:
        ValueError: a cost is NaN.
    """
    starts, columns, gains, count = space(len(rows))
    spread = np.empty(4)
    for number in range(len(rows)):
        belief, look = beliefs[rows[number]], looks[rows[number]]
        kalman.expect(belief, spread)
        reach, box = np.sqrt(MAHALANOBIS_GATE * spread[0]) + MARGIN, kalman.place(belief)
        for column in range(_first(boxes, belief[0, 0] - reach - widest / 2), len(boxes)):
            if boxes[column, 0] > belief[0, 0] + reach:
                break
            motion, cost = 0.0, 0.0
            for k in range(4):
                away = measured[column, k] - belief[0, k]
                motion += away * away / spread[k]
            if motion > MAHALANOBIS_GATE:
                continue
            if len(likeness):
                cost = weight * (1.0 - np.float64(likeness[number, column])) + (1.0 - weight) * motion
            elif len(look):
                cost = weight * max(1.0 - np.float64(dot(look, features[column])), 0.0) + (1.0 - weight) * motion
            else:
                cost = 1.0 - overlap(box, corners(boxes[column]))
            if np.isnan(cost):
                raise ValueError("assignment cost holds NaN")
            if cost - limit < 0:
                columns, gains = room(columns, gains, count)
                columns[count], gains[count] = column, cost - limit
                count += 1
        starts[number + 1] = count
    return starts, columns, gains


@compiled
def overlapping(beliefs: Array, rows: Array, boxes: Array, free: Array, widest: float, limit: float) -> Pairs:
    """Pairs of tracks and detections that are `free` (M,) bool, by 1 - IoU alone; arguments and result otherwise as those of `gated`."""
    starts, columns, gains, count = space(len(rows))
    for number in range(len(rows)):
        box = kalman.place(beliefs[rows[number]])
        for column in range(_first(boxes, box[0] - widest - MARGIN), len(boxes)):
            if boxes[column, 0] > box[2]:
                break
            if free[column]:
                gain = 1.0 - overlap(box, corners(boxes[column])) - limit
                if gain < 0:
                    columns, gains = room(columns, gains, count)
                    columns[count], gains[count] = column, gain
                    count += 1
        starts[number + 1] = count
    return starts, columns, gains


@compiled
def space(rows: int) -> tuple[Array, Array, Array, int]:
    size = 4 * rows + 4
    return np.zeros(rows + 1, np.int64), np.empty(size, np.int64), np.empty(size, np.float64), 0


@compiled
def room(columns: Array, gains: Array, count: int) -> tuple[Array, Array]:
    """Both arrays, or copies of twice their length if `count` pairs fill them."""
    if count < len(columns):
        return columns, gains
    more, further = np.empty(2 * count, np.int64), np.empty(2 * count, np.float64)
    for number in range(count):
        more[number], further[number] = columns[number], gains[number]
    return more, further


@compiled
def _first(boxes: Array, edge: float) -> int:
    """The first of the boxes, sorted by left edge, whose left edge is not below `edge`."""
    low, high = 0, len(boxes)
    while low < high:
        middle = (low + high) // 2
        if boxes[middle, 0] < edge:
            low = middle + 1
        else:
            high = middle
    return low
