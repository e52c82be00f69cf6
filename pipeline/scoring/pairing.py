"""Ground truth and results of any form as HOTA, CLEAR and Identity read them: the similarity of every pair of a frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.scoring.compared import Compared, Side
from pipeline.scoring.similarities import Pairs

Integers = NDArray[np.int64]


class FramePairs(NamedTuple):
    """One frame.

    Attributes:
        truth: (N,) identities of what is there, unique.
        results: (M,) identities of what was found, unique.
        similarity: (N, M) float64 in [0, 1]; CLEAR and Identity match a pair from 0.5 on, HOTA at each of its thresholds.
    """

    truth: Integers
    results: Integers
    similarity: NDArray[np.float64]


def pair(frames: Sequence[FramePairs]) -> Compared:
    """All frames of a sequence, in order.

    Raises:
        ValueError: an identity is in a frame twice.
    """
    for number, frame in enumerate(frames, 1):
        for what, identities in (("ground truth", frame.truth), ("results", frame.results)):
            if len(np.unique(identities)) < len(identities):
                raise ValueError(f"frame {number}: an identity of the {what} is there twice: {sorted(identities.tolist())}")
    truth, results = _side([frame.truth for frame in frames]), _side([frame.results for frame in frames])
    rows, columns, values = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0)]
    for number, frame in enumerate(frames):
        one, other = np.nonzero(frame.similarity > 0)
        rows.append(truth.starts[number] + one)
        columns.append(results.starts[number] + other)
        values.append(frame.similarity[one, other])
    pairs = Pairs(np.concatenate(rows), np.concatenate(columns), np.concatenate(values))
    return Compared(truth, results, pairs, np.searchsorted(pairs.truth, truth.starts))


def _side(identities: Sequence[Integers]) -> Side:
    starts = np.cumsum([0, *(len(frame) for frame in identities)])
    values, numbers = np.unique(np.concatenate([np.zeros(0, np.int64), *identities]), return_inverse=True)
    return Side(numbers.astype(np.int64), starts, len(values))
