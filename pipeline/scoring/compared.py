"""A sequence under a benchmark's rules: which boxes of ground truth and results are compared, and how much they overlap.

Of a frame's pairs only those that overlap are kept, as one flat list per sequence, so that scores are sums over arrays. The rules, the
order of boxes and the arithmetic are TrackEval's: scores come out equal to the last digit (a test compares).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.scoring.assignment import linear_sum_assignment
from pipeline.scoring.rules import BY_CLASS, Benchmark, distractors, scored_mask
from pipeline.scoring.sequences import Rows, ScoredSequence
from pipeline.scoring.similarities import EPSILON, BoxOverlap, Integers, Numbers, Pairs, Similarity, dense

MATCHED = 0.5  # overlap at which a box is taken for that of an object
UNKNOWN = -1
BOXES = BoxOverlap()


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


def compare(sequence: ScoredSequence, benchmark: Benchmark, similarity: Similarity = BOXES) -> Compared:
    """Bring a sequence under a benchmark's rules.

    Args:
        sequence: what is scored; under the benchmark `classes`, its part of one class (`by_class`).
        benchmark: whose rules.
        similarity: how pairs come about: by boxes, masks or joints.

    Raises:
        UserError: an identity is in a frame twice.
    """
    truth, results = _ordered(sequence.truth, sequence.frames), _ordered(sequence.results, sequence.frames)
    kept, count = scored_mask(truth, benchmark), len(sequence.frames)
    _check_unique(sequence.name, "ground truth", truth.take(kept))
    _check_unique(sequence.name, "results", results)
    first, last = _starts(truth, count), _starts(results, count)
    unwanted = np.isin(truth.class_id, distractors(benchmark))
    pairs = similarity.pairs(truth, results, kept | unwanted, first, last)
    removed = _on_distractors(truth, results, unwanted, pairs, first, last, similarity)
    keep = np.ones(len(results.frame), np.bool_)
    keep[removed] = False
    if benchmark == BY_CLASS:
        keep[_in_regions(truth, results, pairs, first, last, similarity)] = False
    chosen = kept[pairs.truth] & keep[pairs.result]
    pairs = Pairs((np.cumsum(kept) - 1)[pairs.truth[chosen]], (np.cumsum(keep) - 1)[pairs.result[chosen]], pairs.overlap[chosen])
    one, other = _side(truth.take(kept), count), _side(results.take(keep), count)
    return Compared(one, other, pairs, np.searchsorted(pairs.truth, one.starts))


def _on_distractors(
    truth: Rows, results: Rows, unwanted: NDArray[np.bool_], pairs: Pairs, first: Integers, last: Integers, similarity: Similarity
) -> Integers:
    """Result rows that are matched to a distractor, among all boxes of the ground truth, whatever their class."""
    close = unwanted[pairs.truth] & (pairs.overlap >= MATCHED - EPSILON)
    suspects = np.unique(truth.frame[pairs.truth[close]])
    if len(suspects) == 0:
        return np.zeros(0, np.int64)
    every = similarity.pairs(truth, results, np.isin(truth.frame, suspects), first, last)
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


def _in_regions(truth: Rows, results: Rows, pairs: Pairs, first: Integers, last: Integers, similarity: Similarity) -> Integers:
    """Result rows that are matched to no object and lie in ignored regions by more than half."""
    suspects = np.unique(truth.frame[truth.ignore])
    strong = pairs.overlap >= MATCHED - EPSILON
    close = Pairs(pairs.truth[strong], pairs.result[strong], pairs.overlap[strong])
    removed = [np.zeros(0, np.int64)]
    for frame, start, end in _by_frame(truth.frame[close.truth], suspects):
        above, below = slice(first[frame], first[frame + 1]), slice(last[frame], last[frame + 1])
        shape = int(above.stop - above.start), int(below.stop - below.start)
        scores = dense(close.truth[start:end] - above.start, close.result[start:end] - below.start, close.overlap[start:end], shape)
        rows, columns = linear_sum_assignment(-scores)
        free = np.ones(shape[1], np.bool_)
        free[columns[scores[rows, columns] > EPSILON]] = False
        regions = np.arange(above.start, above.stop)[truth.ignore[above]]
        shares = similarity.shares(results.take(np.arange(below.start, below.stop)), truth.take(regions))
        removed.append(below.start + np.flatnonzero(free & (shares > MATCHED + EPSILON).any(axis=1)))
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
    return replace(rows, frame=place).take(order)


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


def _check_unique(name: str, what: str, rows: Rows) -> None:
    known = np.flatnonzero(rows.identity != UNKNOWN)
    order = known[np.lexsort((rows.identity[known], rows.frame[known]))]
    same = (np.diff(rows.frame[order]) == 0) & (np.diff(rows.identity[order]) == 0)
    if same.any():
        raise UserError(
            f"{name}: identity {rows.identity[order[:-1][same][0]]} of the {what} is in a frame twice ({int(same.sum())} such boxes)\n"
            "next: keep one box a frame of each identity"
        )
