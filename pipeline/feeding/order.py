"""In which order an epoch visits the samples: a function of the seed and the epoch, never of how many workers read.

Row groups are shuffled, then the rows of several neighbouring row groups of that shuffle together, so that a loader keeps a few row
groups in memory however large the set is. A global batch is a run of this order; each worker takes its slice of every batch.

Where frames of a sequence belong together, runs of them (`groups.Groups`) take the place of rows.

Where rows have weights, a pass leaves out rows of less than the largest weight, evenly and each in its turn, and an epoch takes as many
passes as its length needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

from pipeline.errors import UserError
from pipeline.feeding.groups import Groups, apart

WINDOW = 16  # row groups that are shuffled together
_ORDER, _KEEP = 1, 6  # last words of the random seeds drawn here

Key = tuple[int, int]  # (epoch, sample), all that a loader process needs to know


def epoch_order(
    row_groups: Sequence[tuple[int, int]],
    *,
    seed: int,
    epoch: int,
    samples: int | None = None,
    weights: NDArray[np.float64] | None = None,
) -> NDArray[np.int64]:
    """Sample numbers of one epoch.

    Args:
        row_groups: (first row, rows) of every row group.
        seed: of the run.
        epoch: from 0.
        samples: how many to draw; None for as many as there are rows.
        weights: (rows,) float64, not negative and not all 0: how often each row is drawn, in proportion; None: all equally often.

    Returns:
        (samples,) int64. A number's row is `number % rows`; its pass over the set is `number // rows`, so that a row drawn twice in an
        epoch has two numbers, and is augmented in two ways.
    """
    rows = sum(count for _, count in row_groups)
    wanted = rows if samples is None else samples
    share = np.ones(rows) if weights is None else weights / weights.max()
    phase = _phases(share, [seed, epoch, _KEEP])
    passes, drawn = list[NDArray[np.int64]](), 0
    while drawn < wanted:
        turn = len(passes)
        kept = np.floor(phase + (turn + 1) * share) > np.floor(phase + turn * share)
        passes.append(_one_pass(row_groups, kept, [seed, epoch, turn, _ORDER]) + turn * rows)
        drawn += len(passes[-1])
    return np.concatenate(passes)[:wanted]


def group_order(
    groups: Groups,
    row_groups: Sequence[tuple[int, int]],
    *,
    seed: int,
    epoch: int,
    together: int,
    samples: int | None = None,
    weights: NDArray[np.float64] | None = None,
) -> NDArray[np.int64]:
    """Sample numbers of one epoch, run by run: each run once, in the order of its frames.

    Args:
        groups: the runs.
        row_groups: (first row, rows) of every row group.
        seed: of the run.
        epoch: from 0.
        together: runs of a batch, which are of different sequences while there are any.
        samples: how many to draw, rounded up to whole runs; None: each run once.
        weights: (rows,), see `epoch_order`; a run has its first row's.

    Returns:
        (runs drawn * frames,) int64, numbers as `groups` describes them.
    """
    runs = epoch_order(
        groups.in_row_groups(row_groups),
        seed=seed,
        epoch=epoch,
        samples=None if samples is None else -(-samples // groups.frames),
        weights=None if weights is None else weights[groups.rows[:, 0]],
    )
    arranged = runs[apart(groups.sequence[runs % len(groups.rows)], together)]
    return (arranged[:, None] * groups.frames + np.arange(groups.frames)).reshape(-1)


class EpochBatches(Sampler[list[Key]]):
    """Batches of one worker for `epoch`, from batch `first` on (set both before iterating): `rank`'s slice of every whole global batch.

    Args:
        row_groups: (first row, rows) of every row group.
        batch_size: of all workers together.
        rank: of this worker.
        workers: how many there are; they share a batch evenly.
        seed: of the run.
        samples: samples per epoch; None for as many as there are rows. The last, incomplete batch is dropped.
        weights: of the rows, see `epoch_order`.
        groups: the runs whose frames stay together; workers share a batch by whole runs. None: rows are shuffled one by one.

    Raises:
        UserError: the batch cannot be shared evenly, or is larger than an epoch.
    """

    def __init__(
        self,
        row_groups: Sequence[tuple[int, int]],
        *,
        batch_size: int,
        rank: int,
        workers: int,
        seed: int,
        samples: int | None,
        weights: NDArray[np.float64] | None = None,
        groups: Groups | None = None,
    ) -> None:
        rows = sum(count for _, count in row_groups) if groups is None else groups.rows.size
        group = 1 if groups is None else groups.frames
        check_batch(rows if samples is None else samples, rows=rows, batch_size=batch_size, workers=workers, group=group)
        self.row_groups, self.batch_size, self.rank, self.workers = row_groups, batch_size, rank, workers
        self.seed, self.samples, self.weights, self.rows, self.groups = seed, samples, weights, rows, groups
        self.epoch = self.first = 0

    def __len__(self) -> int:
        return (self.rows if self.samples is None else self.samples) // self.batch_size

    def __iter__(self) -> Iterator[list[Key]]:
        order = self._order()
        share = self.batch_size // self.workers
        for batch in range(self.first, len(self)):
            first = batch * self.batch_size + self.rank * share
            yield [(self.epoch, int(sample)) for sample in order[first : first + share]]

    def _order(self) -> NDArray[np.int64]:
        if self.groups is None:
            return epoch_order(self.row_groups, seed=self.seed, epoch=self.epoch, samples=self.samples, weights=self.weights)
        together = self.batch_size // self.groups.frames
        return group_order(
            self.groups,
            self.row_groups,
            seed=self.seed,
            epoch=self.epoch,
            together=together,
            samples=self.samples,
            weights=self.weights,
        )


def check_batch(samples: int, *, rows: int, batch_size: int, workers: int, group: int = 1) -> None:
    """Refuse a global batch that no epoch could fill or that the workers cannot share.

    Args:
        samples: samples of an epoch.
        rows: samples that the set holds.
        batch_size: samples of a global batch, of all workers together.
        workers: how many workers share it evenly.
        group: frames of a group that no two workers may share; 1: samples are shuffled one by one.

    Raises:
        UserError: says which number to change.
    """
    if rows == 0:
        raise UserError("the sample set holds no samples\nnext: check pack_samples.stills, videos and split")
    if batch_size % workers:
        raise UserError(f"batch_size {batch_size} cannot be shared by {workers} workers\nnext: make it a multiple of workers")
    if batch_size % (workers * group):
        raise UserError(
            f"batch_size {batch_size} cannot be shared by {workers} workers in groups of {group} frames\n"
            f"next: make it a multiple of {workers * group}, or change group_frames"
        )
    if samples < batch_size:
        raise UserError(
            f"batch_size {batch_size} is larger than an epoch of {samples} samples\nnext: lower batch_size or raise epoch_samples"
        )


def _phases(share: NDArray[np.float64], words: list[int]) -> NDArray[np.float64]:
    """When a row's turn comes, in [0, 1): spread evenly over the rows of one share, so that a pass keeps that share of them."""
    random, phase = np.random.default_rng(words), np.zeros(len(share))
    for value in np.unique(share[share < 1]):
        rows = np.flatnonzero(share == value)
        phase[rows] = (random.permutation(len(rows)) + random.random()) / len(rows)
    return phase


def _one_pass(row_groups: Sequence[tuple[int, int]], kept: NDArray[np.bool_], words: list[int]) -> NDArray[np.int64]:
    random = np.random.default_rng(words)
    shuffled = [row_groups[group] for group in random.permutation(len(row_groups))]
    windows = [shuffled[start : start + WINDOW] for start in range(0, len(shuffled), WINDOW)]
    rows = [np.concatenate([np.arange(first, first + count) for first, count in window]) for window in windows]
    return np.concatenate([random.permutation(window[kept[window]]) for window in rows]).astype(np.int64)
