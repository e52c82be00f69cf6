"""How alike objects of ground truth and results are: by their boxes, their masks, or their joints.

A similarity lies in [0, 1], is taken between objects of one frame, and only pairs above 0 are kept. Scores see pairs alone, so that HOTA,
CLEAR and Identity serve boxes, masks and poses. The arithmetic of boxes and masks is TrackEval's, to the last digit.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.files.run_lengths import mask_iou, mask_shares
from pipeline.numerics.boxes import intersection_over_area, xywh_to_xyxy
from pipeline.scoring.sequences import Rows

EPSILON = float(np.finfo("float").eps)
AT_ONCE = 100_000  # pairs compared in one go, which stay in a processor's cache
# COCO's deviations of joints, in PoseTrack 2018's order (nose, head's ends, ears, shoulders, elbows, wrists, hips, knees, ankles); those of
# the head's ends, which COCO does not have, are as the shoulders'.
SIGMAS = np.array([0.026, 0.079, 0.079, 0.035, 0.035, *np.repeat([0.079, 0.072, 0.062, 0.107, 0.087, 0.089], 2)])
Integers = NDArray[np.int64]
Numbers = NDArray[np.float64]


class Pairs(NamedTuple):
    """P pairs of a ground truth row and a result row of one frame whose similarity is above 0, ordered by frame, truth and result.

    Attributes:
        truth: (P,) row of the ground truth.
        result: (P,) row of the results.
        overlap: (P,) float64 in (0, 1]: the similarity, which is the intersection over union of boxes or masks, or that of joints.
    """

    truth: Integers
    result: Integers
    overlap: Numbers


class Similarity(Protocol):
    """How pairs come about."""

    def pairs(self, truth: Rows, results: Rows, wanted: NDArray[np.bool_], first: Integers, last: Integers) -> Pairs:
        """The pairs above 0 of wanted truth rows and all result rows of the same frame.

        Args:
            truth: ordered by frame; `frame` counts from 0.
            results: the same.
            wanted: (N,) of the truth.
            first: (F + 1,) where each frame's truth begins.
            last: (F + 1,) where each frame's results begin.
        """
        ...

    def shares(self, results: Rows, regions: Rows) -> Numbers:
        """(N, M) how much of each result lies inside each region; all of one frame."""
        ...


class BoxOverlap:
    """Intersection over union of boxes."""

    def pairs(self, truth: Rows, results: Rows, wanted: NDArray[np.bool_], first: Integers, last: Integers) -> Pairs:
        """See `Similarity`."""
        return overlaps(truth, results, wanted, first, last)

    def shares(self, results: Rows, regions: Rows) -> Numbers:
        """See `Similarity`."""
        return intersection_over_area(xywh_to_xyxy(results.boxes), xywh_to_xyxy(regions.boxes)).astype(np.float64)


class MaskOverlap:
    """Intersection over union of masks, `Rows.shapes` as run lengths of images of one size.

    Args:
        height: of the images, pixels.
        width: of the images, pixels.
    """

    def __init__(self, height: int, width: int) -> None:
        self._size = height, width

    def pairs(self, truth: Rows, results: Rows, wanted: NDArray[np.bool_], first: Integers, last: Integers) -> Pairs:
        """See `Similarity`."""
        one, other = _shapes(truth), _shapes(results)
        return _framewise(lambda rows, columns: mask_iou(one[rows].tolist(), other[columns].tolist(), *self._size), wanted, first, last)

    def shares(self, results: Rows, regions: Rows) -> Numbers:
        """See `Similarity`."""
        return mask_shares(_shapes(results).tolist(), _shapes(regions).tolist(), *self._size)


class JointSimilarity:
    """Object keypoint similarity (COCO): the mean over the truth's seen joints of exp(-d^2 / (2 area (2 sigma)^2)).

    `Rows.shapes` is (N, 17, 3): x, y in pixels, and above 0 where the joint is known; a joint that the result lacks counts 0. The area is
    that of the truth's box, as COCO's evaluation takes it where no mask is given (times 0.53, the share of a person's box that is person).
    """

    FILLED = 0.53

    def pairs(self, truth: Rows, results: Rows, wanted: NDArray[np.bool_], first: Integers, last: Integers) -> Pairs:
        """See `Similarity`."""
        one, other = _shapes(truth).astype(np.float64), _shapes(results).astype(np.float64)
        areas = truth.boxes[:, 2] * truth.boxes[:, 3] * self.FILLED

        def compared(rows: Integers, columns: Integers) -> Numbers:
            away = np.square(one[rows][:, None, :, :2] - other[columns][None, :, :, :2]).sum(-1)
            alike = np.exp(-away / (2 * np.maximum(areas[rows], 1.0)[:, None, None] * np.square(2 * SIGMAS)))
            seen = one[rows][:, None, :, 2] > 0
            found = np.where(seen & (other[columns][None, :, :, 2] > 0), alike, 0.0).sum(-1)
            return np.asarray(found / np.maximum(seen.sum(-1), 1))

        return _framewise(compared, wanted, first, last)

    def shares(self, results: Rows, regions: Rows) -> Numbers:
        """Of the boxes; see `Similarity`."""
        return BoxOverlap().shares(results, regions)


def overlaps(truth: Rows, results: Rows, wanted: NDArray[np.bool_], first: Integers, last: Integers) -> Pairs:
    """The overlapping pairs of wanted truth rows and all result rows of the same frame.

    Args:
        truth: ordered by frame; `frame` counts from 0.
        results: the same.
        wanted: (N,) of the truth.
        first: (F + 1,) where each frame's truth begins.
        last: (F + 1,) where each frame's results begin.
    """
    rows = np.flatnonzero(wanted)
    counts = np.diff(last)[truth.frame[rows]]
    ends = np.cumsum(counts)
    stops = np.searchsorted(ends, np.arange(AT_ONCE, ends[-1] if len(ends) else 0, AT_ONCE))
    parts = np.split(np.arange(len(rows)), stops)
    boxes, boxes_ = _boxes(truth), _boxes(results)
    found = [_overlapping(boxes, boxes_, rows[part], counts[part], last[truth.frame[rows[part]]]) for part in parts]
    return Pairs(*(np.concatenate(columns) for columns in zip(*found, strict=True)))


def _overlapping(truth: _Boxes, results: _Boxes, rows: Integers, counts: Integers, first: Integers) -> Pairs:
    """Pairs of truth `rows` with the `counts` results that begin at `first`."""
    one = np.repeat(rows, counts)
    other = np.arange(counts.sum()) + np.repeat(first - (np.cumsum(counts) - counts), counts)
    wide = np.minimum(truth.right[one], results.right[other]) - np.maximum(truth.left[one], results.left[other])
    near = wide > 0
    one, other, wide = one[near], other[near], wide[near]
    high = np.minimum(truth.bottom[one], results.bottom[other]) - np.maximum(truth.top[one], results.top[other])
    shared = wide * np.maximum(high, 0)
    area, area_ = truth.area[one], results.area[other]
    union = area + area_ - shared
    known = (shared > 0) & (area > EPSILON) & (area_ > EPSILON) & (union > EPSILON)
    return Pairs(one[known], other[known], shared[known] / union[known])


class _Compare(Protocol):
    def __call__(self, rows: Integers, columns: Integers, /) -> Numbers: ...


def _framewise(compare: _Compare, wanted: NDArray[np.bool_], first: Integers, last: Integers) -> Pairs:
    """The pairs above 0 of a similarity that is a matrix for each frame."""
    found = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    for (start, end), (begin, stop) in zip(pairwise(first.tolist()), pairwise(last.tolist()), strict=True):
        rows, columns = start + np.flatnonzero(wanted[start:end]), np.arange(begin, stop)
        if len(rows) and len(columns):
            values = compare(rows, columns)
            one, other = np.nonzero(values > 0)
            found.append((rows[one], columns[other], values[one, other]))
    return Pairs(*(np.concatenate(columns) for columns in zip(*found, strict=True)))


def _shapes(rows: Rows) -> NDArray[np.generic]:
    assert rows.shapes is not None, "masks or joints are compared, and the rows have none"
    return rows.shapes


def dense(rows: Integers, columns: Integers, values: Numbers, shape: tuple[int, int]) -> Numbers:
    """A float64 matrix of `shape`, 0 but for the (P,) `values` at (P,) `rows` and `columns`."""
    matrix = np.zeros(shape)
    matrix[rows, columns] = values
    return matrix


class _Boxes(NamedTuple):
    left: Numbers
    top: Numbers
    right: Numbers
    bottom: Numbers
    area: Numbers


def _boxes(rows: Rows) -> _Boxes:
    left, top, width, height = np.ascontiguousarray(rows.boxes.T)
    right, bottom = left + width, top + height
    return _Boxes(left, top, right, bottom, (right - left) * (bottom - top))
