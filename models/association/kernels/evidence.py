"""Loops of OUTrack's refinding: models/occlusion/evidence.py says what they mean."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.association.kernels.candidates import corners, overlap
from pipeline.numerics.jit import compiled

Array = NDArray[Any]

LEAST_SIGMA = 1e-3  # pixels; the radius of a sliver rounds to zero
MIN_OVERLAP = 0.7  # as for the heat maps


@compiled
def find(predicted: Array, occluders: Array, centres: Array, within_both: bool) -> tuple[Array, Array]:
    """The best pair of occluder and centre for each lost object; `find_evidence` of models/occlusion/evidence.py.

    Args:
        predicted: (L, 4) xyxy.
        occluders: (J, 4) xyxy.
        centres: (K, 2) xy.
        within_both: whether a centre must lie in the occluder too.

    Returns:
        (L,) scores and (L, 4) boxes, the predicted ones where there is no pair.
    """
    scores, boxes = np.zeros(len(predicted)), predicted.copy()
    near = np.empty(len(centres), np.int64)
    for row in range(len(predicted)):
        box, count, best = predicted[row], 0, -1.0
        for number in range(len(centres)):
            if _contains(box, centres[number]):
                near[count] = number
                count += 1
        for number in range(len(occluders) if count else 0):
            occluder = occluders[number]
            if occluder[0] < box[2] and occluder[2] > box[0] and occluder[1] < box[3] and occluder[3] > box[1]:
                score, place = _best(box, occluder, centres, near[:count], within_both)
                if score > best:
                    best = score
                    recover(box, occluder, centres[place], boxes[row])
        scores[row] = max(best, 0.0)
    return scores, boxes


@compiled
def recover(predicted: Array, occluder: Array, centre: Array, box: Array) -> None:
    """Eq. 15: write the lost object's box (4,), of the predicted size, from its occluder and the occlusion centre (2,)."""
    for axis in range(2):
        low, high = predicted[axis], predicted[axis + 2]
        box[axis] = _begin(low, high, occluder[axis], occluder[axis + 2], np.float64(centre[axis]))
        box[axis + 2] = box[axis] + (high - low)


@compiled
def _begin(low: float, high: float, occluder_low: float, occluder_high: float, centre: float) -> float:
    """Eq. 16 as printed, F(a1, a2, b1, b2, z): where the lost interval begins.

    The released code instead solves every case and keeps the self-consistent ones, which snaps to a wrong solution when the
    occluder is the smaller of the two.
    """
    length = high - low
    if low <= occluder_low and high <= occluder_high:  # overhangs at the low end: overlap = (occluder_low, high)
        return 2 * centre - occluder_low - length
    if low > occluder_low and high <= occluder_high:  # hidden altogether: overlap = the lost interval
        return centre - length / 2
    if low > occluder_low:  # overhangs at the high end: overlap = (low, occluder_high)
        return 2 * centre - occluder_high
    return low  # larger than the occluder: the overlap says nothing about it


@compiled
def _best(box: Array, occluder: Array, centres: Array, near: Array, within_both: bool) -> tuple[float, int]:
    """The greatest Gaussian of the distance of a centre to the middle of the overlap of the two boxes, and that centre's number."""
    left, top, right, bottom = max(box[0], occluder[0]), max(box[1], occluder[1]), min(box[2], occluder[2]), min(box[3], occluder[3])
    sigma = max(radius(bottom - top, right - left), LEAST_SIGMA)
    best, place = -1.0, near[0]
    for number in near:
        x, y = (left + right) / 2 - centres[number, 0], (top + bottom) / 2 - centres[number, 1]
        score = np.exp(-(x * x + y * y) / (2 * (sigma * sigma)))
        if within_both and not _contains(occluder, centres[number]):
            score = 0.0
        if score > best:
            best, place = score, number
    return best, place


@compiled
def _contains(box: Array, point: Array) -> bool:
    """Whether the point (2,) lies strictly inside the box (4,)."""
    return point[0] > box[0] and point[0] < box[2] and point[1] > box[1] and point[1] < box[3]


@compiled
def radius(h: float, w: float) -> float:
    """CornerNet's radius of one box; equals `gaussian_radius` of models/dense/targets.py for a `min_overlap` of 0.7."""
    b1, c1 = h + w, w * h * (1 - MIN_OVERLAP) / (1 + MIN_OVERLAP)
    b2, c2 = 2 * (h + w), (1 - MIN_OVERLAP) * w * h
    a3, b3, c3 = 4 * MIN_OVERLAP, -2 * MIN_OVERLAP * (h + w), (MIN_OVERLAP - 1) * w * h
    first = (b1 + np.sqrt(b1 * b1 - 4.0 * c1)) / 2
    second = (b2 + np.sqrt(b2 * b2 - 16.0 * c2)) / 2
    return min(first, second, (b3 + np.sqrt(b3 * b3 - 4 * a3 * c3)) / 2)


@compiled
def went_on(lost: Array, last_seen: Array, visible: Array, began: Array, limit: float) -> Array:
    """Whether a visible track that began after the lost one was last seen stands where that one is believed to be.

    Args:
        lost: (L, 4) xyxy.
        last_seen: (L,) frames.
        visible: (V, 4) xyxy.
        began: (V,) frames.
        limit: largest 1 - IoU, below 1.

    Returns:
        (L,) bool.
    """
    found = np.zeros(len(lost), np.bool_)
    for row in range(len(lost)):
        for number in range(len(visible)):
            if began[number] > last_seen[row] and 1.0 - overlap(corners(lost[row]), corners(visible[number])) <= limit:
                found[row] = True
    return found
