"""HOTA (Luiten et al., IJCV 2021): detection and association in one score, over thresholds of overlap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.scoring.assignment import linear_sum_assignment
from pipeline.scoring.compared import Compared
from pipeline.scoring.similarities import EPSILON, dense

THRESHOLDS = np.arange(0.05, 0.99, 0.05)
TINY = 1e-10
Numbers = NDArray[np.float64]


class Hota(NamedTuple):
    """Per threshold, (19,) each: hits, missed and false boxes, association accuracy, mean overlap of hits."""

    hits: Numbers
    missed: Numbers
    false: Numbers
    association: Numbers
    location: Numbers

    @property
    def detection(self) -> Numbers:
        """(19,) DetA, in [0, 1]."""
        return np.asarray(self.hits / np.maximum(1, self.hits + self.missed + self.false))

    @property
    def curves(self) -> dict[str, Numbers]:
        """HOTA, DetA, AssA and LocA at each threshold, (19,) in [0, 1]."""
        named = {"HOTA": np.sqrt(self.detection * self.association), "DetA": self.detection}
        return named | {"AssA": self.association, "LocA": self.location}

    @property
    def scores(self) -> dict[str, float]:
        """Means over the thresholds, in percent."""
        return {name: 100 * float(np.mean(values)) for name, values in self.curves.items()}


def hota(seen: Compared) -> Hota:
    """HOTA of one sequence."""
    truths, results = float(len(seen.truth)), float(len(seen.results))
    rows, overlap, frame = matches(seen)
    shape = (seen.truth.identities, seen.results.identities)
    cells = seen.truth.identity[seen.pairs.truth[rows]] * max(shape[1], 1) + seen.results.identity[seen.pairs.result[rows]]
    either = seen.truth.counts[:, None] + seen.results.counts[None, :]
    hits, association, location = (np.zeros(len(THRESHOLDS)) for _ in range(3))
    for number, threshold in enumerate(THRESHOLDS):
        hit = overlap >= threshold - EPSILON
        together = np.bincount(cells[hit], minlength=shape[0] * shape[1]).astype(np.float64).reshape(shape)
        hits[number] = hit.sum()
        association[number] = np.sum(together * (together / np.maximum(1, either - together))) / max(1, hits[number])
        location[number] = max(TINY, in_order(overlap[hit], frame[hit])) / max(TINY, hits[number])
    return Hota(hits, truths - hits, results - hits, association, location)


def combined(parts: Sequence[Hota]) -> Hota:
    """HOTA of several sequences together: counts are summed, association is weighed by hits."""
    hits, missed, false = (sum((part[column] for part in parts), np.zeros(len(THRESHOLDS))) for column in range(3))
    association = sum((part.association * part.hits for part in parts), np.zeros(len(THRESHOLDS))) / np.maximum(1.0, hits)
    location = sum((part.location * part.hits for part in parts), np.zeros(len(THRESHOLDS)))
    return Hota(hits, missed, false, association, np.maximum(TINY, location) / np.maximum(TINY, hits))


def matches(seen: Compared) -> tuple[NDArray[np.int64], Numbers, NDArray[np.int64]]:
    """One assignment per frame, the same for all thresholds: (K,) indices of pairs, their overlaps and the indices of their frames.

    A pair counts for more the more its two identities lie on each other in the whole sequence.
    """
    pairs, frame = seen.pairs, seen.frame
    weight = alignment(seen)[seen.truth.identity[pairs.truth], seen.results.identity[pairs.result]] * pairs.overlap
    chosen = [np.zeros(0, np.int64)]
    for start, end, above, below in _frames(seen):
        shape = (above[1] - above[0], below[1] - below[0])
        one, other = pairs.truth[start:end] - above[0], pairs.result[start:end] - below[0]
        assigned = np.full(shape[0], -1)
        rows, columns = linear_sum_assignment(dense(one, other, -weight[start:end], shape))
        assigned[rows] = columns
        chosen.append(start + np.flatnonzero(assigned[one] == other))
    picked = np.concatenate(chosen)
    return picked, pairs.overlap[picked], frame[picked]


def alignment(seen: Compared) -> Numbers:
    """(truth identities, result identities) in [0, 1]: how much two identities overlap over the whole sequence."""
    pairs = seen.pairs
    shape = (seen.truth.identities, seen.results.identities)
    around = np.zeros(len(pairs.overlap))
    for start, end, above, below in _frames(seen):
        one, other = pairs.truth[start:end] - above[0], pairs.result[start:end] - below[0]
        matrix = dense(one, other, pairs.overlap[start:end], (above[1] - above[0], below[1] - below[0]))
        around[start:end] = matrix.sum(0)[other] + matrix.sum(1)[one]
    share = around - pairs.overlap
    share = np.where(share > EPSILON, pairs.overlap / np.where(share > EPSILON, share, 1), 0)
    cells = seen.truth.identity[pairs.truth] * max(shape[1], 1) + seen.results.identity[pairs.result]
    together = np.bincount(cells, share, minlength=shape[0] * shape[1]).reshape(shape)
    return np.asarray(together / (seen.truth.counts[:, None] + seen.results.counts[None, :] - together))


def in_order(values: Numbers, frame: NDArray[np.int64]) -> float:
    """The sum of (K,) values, added up as TrackEval does it: within each frame, then frame by frame."""
    return float(np.cumsum(np.bincount(frame, values))[-1]) if len(values) else 0.0


def _frames(seen: Compared) -> list[tuple[int, int, tuple[int, int], tuple[int, int]]]:
    """Of frames with pairs: where the pairs start and end, and where both sides' rows do."""
    starts, above, below = seen.starts.tolist(), seen.truth.starts.tolist(), seen.results.starts.tolist()
    there = np.flatnonzero(np.diff(seen.starts)).tolist()
    return [(starts[at], starts[at + 1], (above[at], above[at + 1]), (below[at], below[at + 1])) for at in there]
