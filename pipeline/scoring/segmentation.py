"""Video object segmentation as DAVIS scores it (Perazzi et al. 2016): the regions' J and the contours' F.

Objects are paired by their number, and the first and the last frame are left out, as in DAVIS' own evaluation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
TOLERANCE = 0.008  # of a contour, in image diagonals
RECALLED = 0.5
BINS = 4  # of time, for the decay


class Quality(NamedTuple):
    """Scores of one object, or their mean over several; means and recalls in [0, 1], decays in [-1, 1].

    Attributes:
        j_mean: mean intersection over union.
        j_recall: share of frames above .5.
        j_decay: mean of the first quarter less that of the last.
        f_mean: mean F of the contours.
        f_recall: share of frames whose F is above .5.
        f_decay: mean F of the first quarter less that of the last.
    """

    j_mean: float
    j_recall: float
    j_decay: float
    f_mean: float
    f_recall: float
    f_decay: float

    @property
    def j_and_f(self) -> float:
        """The mean of both means."""
        return (self.j_mean + self.f_mean) / 2


def score(truth: Mapping[int, Sequence[Mask]], results: Mapping[int, Sequence[Mask]], *, all_frames: bool = False) -> dict[int, Quality]:
    """The quality of each object of the ground truth; of none in a video that has no frame to score, which the caller has to say.

    Args:
        truth: number to (H, W) masks, one per frame; empty where the object is not.
        results: the same for what was found; a number that is missing counts as empty masks.
        all_frames: whether the first and the last frame count as well.

    Raises:
        ValueError: an object has not as many masks as there are frames.
    """
    scores: dict[int, Quality] = {}
    for number, masks in truth.items():
        found = results.get(number, [np.zeros_like(mask) for mask in masks])
        if len(found) != len(masks):
            raise ValueError(f"object {number}: {len(found)} result masks for {len(masks)} frames")
        frames = range(len(masks)) if all_frames else range(1, len(masks) - 1)
        if not len(frames):
            continue  # nothing lies between the first and the last frame
        pairs = [(masks[frame], found[frame]) for frame in frames]
        regions = np.array([jaccard(*pair) for pair in pairs])
        contours = np.array([contour_f(*pair) for pair in pairs])
        scores[number] = Quality(*_summary(regions), *_summary(contours))
    return scores


def mean(scores: Sequence[Quality]) -> Quality:
    """The mean over objects, of all videos together; NaN without any."""
    if not scores:
        return Quality(*[float("nan")] * len(Quality._fields))
    return Quality(*np.mean(np.array(scores).reshape(-1, len(Quality._fields)), 0).tolist())


def jaccard(truth: Mask, result: Mask) -> float:
    """Intersection over union; 1 where both are empty."""
    either = int((truth | result).sum())
    return int((truth & result).sum()) / either if either else 1.0


def contour_f(truth: Mask, result: Mask) -> float:
    """F of precision and recall of contour pixels, a contour being hit within a disk of .008 image diagonals.

    Both empty: 1; one of them: 0.
    """
    one, other = contour(truth), contour(result)
    if not one.any() or not other.any():
        return float(not one.any() and not other.any())
    radius = int(np.ceil(TOLERANCE * np.linalg.norm(truth.shape)))
    near, far = (np.flatnonzero((one | other).any(axis)) for axis in (1, 0))
    part = np.s_[max(near[0] - radius, 0) : near[-1] + radius + 1, max(far[0] - radius, 0) : far[-1] + radius + 1]
    one, other = one[part], other[part]
    precision = (other & _dilated(one, radius)).sum() / other.sum()
    recall = (one & _dilated(other, radius)).sum() / one.sum()
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def contour(mask: Mask) -> Mask:
    """Pixels that differ from their right, lower or lower right neighbour."""
    edge = np.zeros_like(mask)
    edge[:, :-1] |= mask[:, :-1] ^ mask[:, 1:]
    edge[:-1] |= mask[:-1] ^ mask[1:]
    edge[:-1, :-1] |= mask[:-1, :-1] ^ mask[1:, 1:]
    return edge


def _dilated(mask: Mask, radius: int) -> Mask:
    return np.asarray(cv2.dilate(mask.astype(np.uint8), _disk(radius)) > 0)


@lru_cache(maxsize=16)
def _disk(radius: int) -> NDArray[np.uint8]:
    places = np.arange(-radius, radius + 1)
    return (places[:, None] ** 2 + places[None] ** 2 <= radius**2).astype(np.uint8)


def _summary(values: NDArray[np.float64]) -> tuple[float, float, float]:
    edges = np.round(np.linspace(1, len(values), BINS + 1) + 1e-10).astype(np.int64) - 1
    first, last = values[edges[0] : edges[1] + 1], values[edges[-2] : edges[-1] + 1]
    return float(values.mean()), float((values > RECALLED + np.finfo(np.float64).eps).mean()), float(first.mean() - last.mean())
