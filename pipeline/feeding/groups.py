"""Runs of consecutive frames: what is shuffled instead of single rows where the frames of a group belong into one batch.

A sample of such a training is one frame of a run, and its number is `(pass * runs + run) * frames + place`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class Rows(Protocol):
    """Where each row of a sample set comes from; all arrays have one entry per row."""

    @property
    def sequence(self) -> NDArray[np.int32]:
        """(rows,) code of the sequence, different in different data sets."""

    @property
    def frame(self) -> NDArray[np.int32]:
        """(rows,) frame number, from 1."""

    @property
    def video(self) -> NDArray[np.bool_]:
        """(rows,) bool, False for stills."""


class Groups(NamedTuple):
    """Runs, in the order of their first rows.

    Attributes:
        rows: (R, G) int64, the rows of each run in time order; of a still, its row G times.
        repeated: (R, G) bool, frames that repeat the last one of a stretch shorter than a run; of a still, none.
        sequence: (R,) int64, code of the sequence; of a still, one of its own.
    """

    rows: NDArray[np.int64]
    repeated: NDArray[np.bool_]
    sequence: NDArray[np.int64]

    @property
    def frames(self) -> int:
        """G, the frames of a run."""
        return int(self.rows.shape[1])

    def in_row_groups(self, row_groups: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """(first run, runs) of the runs whose first row lies in each row group; row groups without one are left out."""
        firsts = np.array([first for first, _ in row_groups] + [row_groups[-1][0] + row_groups[-1][1]])
        bounds = np.searchsorted(self.rows[:, 0], firsts)
        return [(first, last - first) for first, last in pairwise(bounds.tolist()) if last > first]


def cut(rows: Rows, frames: int) -> Groups:
    """Cut sequences into runs of `frames` consecutive frames.

    A missing frame ends a stretch. The last run of a stretch is shifted back to be whole and so overlaps the one before; a stretch shorter
    than a run is one run, whose last frame repeats. Stills are runs of one row.
    """
    sequence, frame, video = np.asarray(rows.sequence, np.int64), np.asarray(rows.frame, np.int64), np.asarray(rows.video, bool)
    order = np.lexsort((frame, sequence))
    stills = order[~video[order]]
    order = order[video[order]]
    breaks = np.flatnonzero((np.diff(sequence[order]) != 0) | (np.diff(frame[order]) != 1)) + 1
    stretches = [stretch for stretch in np.split(order, breaks) if len(stretch)]
    found = [run for stretch in stretches for run in _runs(stretch, frames)]
    made = np.array([row for row, _ in found], np.int64).reshape(-1, frames)
    repeated = np.array([again for _, again in found], bool).reshape(-1, frames)
    made = np.concatenate([made, np.repeat(stills[:, None], frames, axis=1)])
    repeated = np.concatenate([repeated, np.zeros((len(stills), frames), bool)])
    codes = np.concatenate([sequence[made[: len(found), 0]], sequence.max(initial=-1) + 1 + np.arange(len(stills))])
    by_row = np.argsort(made[:, 0], kind="stable")
    return Groups(made[by_row], repeated[by_row], codes[by_row])


def apart(sequences: NDArray[np.int64], together: int, look_ahead: int = 256) -> NDArray[np.int64]:
    """Order the runs so that few of the runs of one batch are of the same sequence (greedily, not optimally).

    Args:
        sequences: (R,) of each run, in the order drawn.
        together: runs of a batch.
        look_ahead: runs among which another sequence is looked for, so that what is read stays near.

    Returns:
        (R,) int64, indices into `sequences`: always the first of those ahead whose sequence the batch does not hold yet, or the very first.
    """
    waiting, taken, following = list(range(min(look_ahead, len(sequences)))), list[int](), min(look_ahead, len(sequences))
    batch: set[int] = set()
    for step in range(len(sequences)):
        if step % together == 0:
            batch.clear()
        at = next((place for place, run in enumerate(waiting) if int(sequences[run]) not in batch), 0)
        taken.append(waiting.pop(at))
        batch.add(int(sequences[taken[-1]]))
        if following < len(sequences):
            waiting.append(following)
            following += 1
    return np.array(taken, np.int64)


def _runs(stretch: NDArray[np.int64], frames: int) -> list[tuple[NDArray[np.int64], NDArray[np.bool_]]]:
    if len(stretch) < frames:
        places = np.arange(frames)
        return [(stretch[np.minimum(places, len(stretch) - 1)], places >= len(stretch))]
    starts = [min(start, len(stretch) - frames) for start in range(0, len(stretch), frames)]
    return [(stretch[start : start + frames], np.zeros(frames, bool)) for start in starts]
