"""A sequence under a benchmark's rules: which boxes of ground truth and results are compared, and how much they overlap.

Of a frame's pairs only those that overlap are kept, as one flat list a sequence, so that scores are sums over arrays. The rules, the order
of boxes and the arithmetic are TrackEval's: scores come out equal to the last digit (a test compares).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.scoring.assignment import linear_sum_assignment
from pipeline.scoring.rules import Benchmark, distractors, scored_mask
from pipeline.scoring.sequences import Rows, ScoredSequence

EPSILON = float(np.finfo("float").eps)
MATCHED = 0.5  # overlap at which a box is taken for that of an object
AT_ONCE = 100_000  # pairs compared in one go, which stay in a processor's cache
UNKNOWN = -1
Integers = NDArray[np.int64]
Numbers = NDArray[np.float64]


class Pairs(NamedTuple):
    """P overlapping pairs of a ground truth row and a result row of one frame, by frame, truth and result.

    Attributes:
        truth: (P,) row of the ground truth.
        result: (P,) row of the results.
        overlap: (P,) intersection over union, above 0.
    """

    truth: Integers
    result: Integers
    overlap: Numbers


class _Boxes(NamedTuple):
    left: Numbers
    top: Numbers
    right: Numbers
    bottom: Numbers
    area: Numbers


@dataclass(frozen=True)
class Side:
    """The compared boxes of ground truth or results, by frame, in their file's order within one.

    Attributes:
        identity: (N,) from 0 without gaps.
        starts: (F + 1,) where each frame's rows begin; the last entry is N.
        identities: how many different ones.
    """

    identity: Integers
    starts: Integers
    identities: int

    def __len__(self) -> int:
        return len(self.identity)

    @property
    def counts(self) -> Numbers:
        """(identities,) boxes of each."""
        return np.bincount(self.identity, minlength=self.identities).astype(np.float64)


@dataclass(frozen=True)
class Compared:
    """What metrics see of a sequence.

    Attributes:
        truth: ground truth that is scored.
        results: results that are neither on distractors nor left out.
        pairs: of rows of both.
        starts: (F + 1,) where each frame's pairs begin.
    """

    truth: Side
    results: Side
    pairs: Pairs
    starts: Integers

    @property
    def frame(self) -> Integers:
        """(P,) index of each pair's frame."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))


def compare(sequence: ScoredSequence, benchmark: Benchmark) -> Compared:
    """Bring a sequence under a benchmark's rules.

    Raises:
        UserError: an identity is in a frame twice.
    """
    truth, results = _ordered(sequence.truth, sequence.frames), _ordered(sequence.results, sequence.frames)
    kept, count = scored_mask(truth, benchmark), len(sequence.frames)
    _check_unique(sequence.name, "ground truth", _part(truth, kept))
    _check_unique(sequence.name, "results", results)
    first, last = _starts(truth, count), _starts(results, count)
    unwanted = np.isin(truth.class_id, distractors(benchmark))
    pairs = overlaps(truth, results, kept | unwanted, first, last)
    removed = _on_distractors(truth, results, unwanted, pairs, first, last)
    keep = np.ones(len(results.frame), np.bool_)
    keep[removed] = False
    chosen = kept[pairs.truth] & keep[pairs.result]
    pairs = Pairs((np.cumsum(kept) - 1)[pairs.truth[chosen]], (np.cumsum(keep) - 1)[pairs.result[chosen]], pairs.overlap[chosen])
    one, other = _side(_part(truth, kept), count), _side(_part(results, keep), count)
    return Compared(one, other, pairs, np.searchsorted(pairs.truth, one.starts))


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


def dense(rows: Integers, columns: Integers, values: Numbers, shape: tuple[int, int]) -> Numbers:
    """A matrix of `shape`, 0 but for `values` at `rows` and `columns`."""
    matrix = np.zeros(shape)
    matrix[rows, columns] = values
    return matrix


def _on_distractors(truth: Rows, results: Rows, unwanted: NDArray[np.bool_], pairs: Pairs, first: Integers, last: Integers) -> Integers:
    """Result rows that are matched to a distractor, among all boxes of the ground truth, whatever their class."""
    close = unwanted[pairs.truth] & (pairs.overlap >= MATCHED - EPSILON)
    suspects = np.unique(truth.frame[pairs.truth[close]])
    if len(suspects) == 0:
        return np.zeros(0, np.int64)
    every = overlaps(truth, results, np.isin(truth.frame, suspects), first, last)
    strong = every.overlap >= MATCHED - EPSILON
    every = Pairs(every.truth[strong], every.result[strong], every.overlap[strong])
    removed = []
    for frame, start, end in _by_frame(truth.frame[every.truth], suspects):
        shape = int(first[frame + 1] - first[frame]), int(last[frame + 1] - last[frame])
        scores = dense(every.truth[start:end] - first[frame], every.result[start:end] - last[frame], every.overlap[start:end], shape)
        rows, columns = linear_sum_assignment(-scores)
        there = (scores[rows, columns] > EPSILON) & unwanted[first[frame] + rows]
        removed.append(last[frame] + columns[there])
    return np.concatenate(removed)


def _by_frame(frame: Integers, wanted: Integers) -> list[tuple[int, int, int]]:
    """(frame, start, end) of each wanted frame's stretch of ascending frames."""
    starts, ends = np.searchsorted(frame, wanted), np.searchsorted(frame, wanted, side="right")
    return list(zip(wanted.tolist(), starts.tolist(), ends.tolist(), strict=True))


def _ordered(rows: Rows, frames: Integers) -> Rows:
    """Rows of these frames by frame, which is counted from 0 now; within a frame in their order."""
    place = np.searchsorted(frames, rows.frame)
    inside = np.flatnonzero(np.isin(rows.frame, frames))
    order = inside[np.argsort(place[inside], kind="stable")]
    return _part(Rows(place, rows.identity, rows.boxes, rows.confidence, rows.class_id, rows.ignore), order)


def _part(rows: Rows, index: Integers | NDArray[np.bool_]) -> Rows:
    return Rows(
        rows.frame[index], rows.identity[index], rows.boxes[index], rows.confidence[index], rows.class_id[index], rows.ignore[index]
    )


def _starts(rows: Rows, count: int) -> Integers:
    return np.searchsorted(rows.frame, np.arange(count + 1))


def _side(rows: Rows, count: int) -> Side:
    """Identities numbered from 0; each unknown one is a different one."""
    known = rows.identity != UNKNOWN
    values, places = np.unique(rows.identity[known], return_inverse=True)
    numbers = np.zeros(len(known), np.int64)
    numbers[known] = places
    numbers[~known] = len(values) + np.arange(len(known) - len(places))
    return Side(numbers, _starts(rows, count), len(values) + len(known) - len(places))


def _boxes(rows: Rows) -> _Boxes:
    left, top, width, height = np.ascontiguousarray(rows.boxes.T)
    right, bottom = left + width, top + height
    return _Boxes(left, top, right, bottom, (right - left) * (bottom - top))


def _check_unique(name: str, what: str, rows: Rows) -> None:
    known = np.flatnonzero(rows.identity != UNKNOWN)
    order = known[np.lexsort((rows.identity[known], rows.frame[known]))]
    same = (np.diff(rows.frame[order]) == 0) & (np.diff(rows.identity[order]) == 0)
    if same.any():
        raise UserError(
            f"{name}: identity {rows.identity[order[:-1][same][0]]} of the {what} is in a frame twice ({int(same.sum())} such boxes)\n"
            "next: keep one box a frame of each identity"
        )
