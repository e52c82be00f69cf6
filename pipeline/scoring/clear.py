"""CLEAR MOT (Bernardin and Stiefelhagen, 2008): MOTA, MOTP, switches, interruptions, and how many objects are mostly tracked or lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.scoring.assignment import linear_sum_assignment
from pipeline.scoring.compared import MATCHED, Compared
from pipeline.scoring.hota import in_order
from pipeline.scoring.similarities import EPSILON, dense

CONTINUED = 1000  # added to the overlap of a pair that was matched in the frame before, so that it is matched again first
MOSTLY, PARTLY = 0.8, 0.2
Integers = NDArray[np.int64]


class Clear(NamedTuple):
    """Sums of one sequence or several.

    Attributes:
        hits: matched boxes.
        missed: boxes of the ground truth without a match.
        false: boxes of the results without one.
        switches: matches of an object to another identity than in its last match.
        mostly: objects matched in more than 80 % of their boxes.
        partly: objects matched in 20 % to 80 % of their boxes.
        lost: objects matched in less than 20 % of their boxes.
        fragments: how often an object is matched again after an interruption.
        overlap: sum of the overlaps of matched boxes (or masks, or joints; see `similarities`).
        empty: neither ground truth nor results to speak of; such a sequence has MOTA 0.
    """

    hits: int
    missed: int
    false: int
    switches: int
    mostly: int
    partly: int
    lost: int
    fragments: int
    overlap: float
    empty: bool = False

    @property
    def shares(self) -> dict[str, float]:
        """MOTA, and MOTP, the mean overlap of matches; at most 1."""
        mota = 0.0 if self.empty else (self.hits - self.false - self.switches) / max(1.0, self.hits + self.missed)
        return {"MOTA": mota, "MOTP": self.overlap / max(1.0, self.hits)}

    @property
    def mota(self) -> float:
        """In percent."""
        return 100 * self.shares["MOTA"]

    @property
    def motp(self) -> float:
        """Mean overlap of matches, in percent."""
        return 100 * self.shares["MOTP"]

    @property
    def soft(self) -> float:
        """sMOTA, with masks called sMOTSA (Voigtlaender et al., CVPR 2019): MOTA whose hits count by their overlap; at most 1."""
        return 0.0 if self.empty else (self.overlap - self.false - self.switches) / max(1.0, self.hits + self.missed)


def clear(seen: Compared) -> Clear:
    """CLEAR of one sequence."""
    truths, results = len(seen.truth), len(seen.results)
    if not truths or not results:
        return Clear(0, truths, results, 0, 0, 0, seen.truth.identities, 0, 0.0, empty=True)
    picked = matches(seen)
    frame = seen.frame[picked]
    person, track = seen.truth.identity[seen.pairs.truth[picked]], seen.results.identity[seen.pairs.result[picked]]
    order = np.lexsort((frame, person))
    same = np.diff(person[order]) == 0
    switches = int((same & (np.diff(track[order]) != 0)).sum())
    # frames without ground truth or without results interrupt nothing
    both = np.cumsum((np.diff(seen.truth.starts) > 0) & (np.diff(seen.results.starts) > 0))
    fragments = int((same & (np.diff(both[frame[order]]) > 1)).sum())
    share = np.bincount(person, minlength=seen.truth.identities) / seen.truth.counts
    mostly = int((share > MOSTLY).sum())
    partly = int((share >= PARTLY).sum()) - mostly
    hits, lost = len(picked), seen.truth.identities - mostly - partly
    overlap = in_order(seen.pairs.overlap[picked], frame)
    return Clear(hits, truths - hits, results - hits, switches, mostly, partly, lost, fragments, overlap)


def combined(parts: Sequence[Clear]) -> Clear:
    """The sums of several sequences."""
    return Clear(*(sum(part[column] for part in parts) for column in range(len(Clear._fields) - 1)))  # type: ignore[arg-type]


def matches(seen: Compared) -> Integers:
    """(K,) indices into `seen.pairs` of the matched pairs, frame by frame.

    A pair that was matched in the frame before is matched again where it can be; for the others overlap decides.
    """
    close = np.flatnonzero(seen.pairs.overlap >= MATCHED - EPSILON)
    pairs, starts = seen.pairs, np.searchsorted(close, seen.starts).tolist()
    truth, result, overlap = pairs.truth[close], pairs.result[close], pairs.overlap[close]
    person, track = seen.truth.identity[truth], seen.results.identity[result]
    above, below = seen.truth.starts.tolist(), seen.results.starts.tolist()
    before, chosen = np.full(seen.truth.identities, -1), [np.zeros(0, np.int64)]
    doubtful = _doubtful(seen, truth, result, starts)
    kept = np.zeros(0, np.int64)
    for at in range(len(starts) - 1):
        if above[at] == above[at + 1] or below[at] == below[at + 1]:
            continue
        start, end = starts[at], starts[at + 1]
        now = np.arange(start, end)
        if doubtful[at]:
            before[person[kept]] = track[kept]
            scores = CONTINUED * (track[start:end] == before[person[start:end]]) + overlap[start:end]
            before[person[kept]] = -1
            one, other = truth[start:end] - above[at], result[start:end] - below[at]
            rows, columns = linear_sum_assignment(dense(one, other, -scores, (above[at + 1] - above[at], below[at + 1] - below[at])))
            assigned = np.full(above[at + 1] - above[at], -1)
            assigned[rows] = columns
            now = now[assigned[one] == other]
        kept = now
        chosen.append(now)
    return np.asarray(close[np.concatenate(chosen)])


def _doubtful(seen: Compared, truth: Integers, result: Integers, starts: list[int]) -> NDArray[np.bool_]:
    """(F,) whether a box of the frame has two partners to choose from."""
    frame = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    several = (np.bincount(truth, minlength=len(seen.truth))[truth] > 1) | (np.bincount(result, minlength=len(seen.results))[result] > 1)
    return np.bincount(frame[several], minlength=len(starts) - 1) > 0
