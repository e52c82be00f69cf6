"""Runs of consecutive frames: how sequences are cut, and in which order the runs come."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.feeding.groups import Groups, apart, cut
from pipeline.feeding.order import WINDOW, EpochBatches, check_batch, group_order
from pipeline.files.sample_store import SampleIndex


def index(*sequences: list[int], video: bool = True) -> SampleIndex:
    """Frame numbers of each sequence."""
    frames = np.array([frame for numbers in sequences for frame in numbers], np.int32)
    codes = np.repeat(np.arange(len(sequences)), [len(numbers) for numbers in sequences]).astype(np.int32)
    return SampleIndex(np.zeros(len(frames), np.int32), codes, frames, np.full(len(frames), video))


def long(*lengths: int) -> SampleIndex:
    return index(*(list(range(1, length + 1)) for length in lengths))


def row_groups(rows: SampleIndex, size: int) -> list[tuple[int, int]]:
    return [(first, min(size, len(rows.frame) - first)) for first in range(0, len(rows.frame), size)]


def test_sequences_of_20_13_and_7_frames_make_nine_runs_of_six() -> None:
    groups = cut(long(20, 13, 7), 6)  # the golden value F5 of the reference on FineTrack: 4 + 3 + 2
    assert Counter(groups.sequence.tolist()) == {0: 4, 1: 3, 2: 2}
    assert groups.rows[:, 0].tolist() == [0, 6, 12, 14, 20, 26, 27, 33, 34], "the last run of each is shifted back to be whole"
    assert (np.diff(groups.rows, axis=1) == 1).all()
    assert not groups.repeated.any()


def test_a_missing_frame_ends_a_run_and_a_short_stretch_repeats_its_last_frame() -> None:
    groups = cut(index([1, 2, 3, 4, 5, 7, 8, 20]), 4)
    assert groups.rows.tolist() == [[0, 1, 2, 3], [1, 2, 3, 4], [5, 6, 6, 6], [7, 7, 7, 7]]
    assert groups.repeated.tolist() == [[False] * 4, [False] * 4, [False, False, True, True], [False, True, True, True]]


def test_a_still_is_a_group_of_its_own() -> None:
    mixed = index([1, 2], [1, 2, 3])._replace(video=np.array([False, False, True, True, True]))
    groups = cut(mixed, 3)
    assert groups.rows.tolist() == [[0, 0, 0], [1, 1, 1], [2, 3, 4]]
    assert not groups.repeated.any(), "views of one picture"
    assert len(set(groups.sequence.tolist())) == 3


def test_rows_need_not_be_sorted() -> None:
    rows, shuffle = long(9, 5), np.random.default_rng(0).permutation(14)
    mixed = SampleIndex(*(column[shuffle] for column in rows))
    groups = cut(mixed, 4)
    assert (np.diff(mixed.frame[groups.rows], axis=1) == 1).all()
    assert (mixed.sequence[groups.rows] == groups.sequence[:, None]).all()
    assert (np.diff(groups.rows[:, 0]) > 0).all()


def drawn(groups: Groups, epoch: int = 0, **changed: object) -> np.ndarray:
    """(runs, G) sample numbers."""
    arguments = {"row_groups": [(0, int(groups.rows.max()) + 1)], "seed": 3, "epoch": epoch, "together": 2} | changed
    return group_order(groups, **arguments).reshape(-1, groups.frames)  # type: ignore[arg-type]


def test_an_epoch_visits_each_run_once_in_an_order_of_its_own() -> None:
    groups = cut(long(*[20] * 8), 4)
    first, second = drawn(groups), drawn(groups, epoch=1)
    assert sorted(first.ravel()) == sorted(second.ravel()) == list(range(groups.rows.size))
    assert (np.diff(first, axis=1) == 1).all(), "the frames of a run follow each other"
    assert (first != second).any(axis=1).mean() > 0.8
    assert (first == drawn(groups)).all()
    assert (first != drawn(groups, seed=4)).any()


def test_runs_of_a_batch_are_of_different_sequences_while_there_are_any() -> None:
    groups = cut(long(*[40] * 3), 4)  # ten runs of each of three sequences
    for epoch in range(5):
        sequences = groups.sequence[drawn(groups, epoch, together=3)[:, 0] // 4].reshape(-1, 3)
        different = [len(set(batch.tolist())) for batch in sequences]
        assert different[:7] == [3] * 7, "until one sequence is used up"
    lonely = cut(long(40), 4)
    assert sorted(drawn(lonely, together=5).ravel()) == list(range(40)), "one sequence alone makes batches too"


@pytest.mark.parametrize(
    ("sequences", "together", "expected"),
    [
        ([0, 0, 1, 1], 2, [0, 2, 1, 3]),  # the next of another sequence is fetched
        ([0, 1, 0, 1], 2, [0, 1, 2, 3]),  # nothing to do
        ([0, 0, 0, 1], 2, [0, 3, 1, 2]),  # none is left for the second batch
        ([0, 0, 1], 1, [0, 1, 2]),
    ],
)
def test_the_first_of_another_sequence_comes_next(sequences: list[int], together: int, expected: list[int]) -> None:
    assert apart(np.array(sequences), together).tolist() == expected
    near = apart(np.array(sequences), together, look_ahead=1).tolist()
    assert near == list(range(len(sequences))), "nobody looks further than that"


def test_a_stretch_of_the_order_touches_few_row_groups() -> None:
    rows = long(*[100] * 10)
    groups, places = cut(rows, 4), row_groups(rows, 10)
    order = drawn(groups, row_groups=places)
    touched = {int(row) // 10 for sample in order[:30].ravel() for row in [groups.rows.ravel()[sample]]}
    assert len(touched) <= 2 * WINDOW + 8, "rows of two windows, and where a run ends in the next row group"


def batches(rows: SampleIndex, workers: int, rank: int, **changed: object) -> list[list[tuple[int, int]]]:
    arguments = {"batch_size": 12, "seed": 1, "samples": None, "groups": cut(rows, 3)} | changed
    return list(EpochBatches(row_groups(rows, 7), workers=workers, rank=rank, **arguments))  # type: ignore[arg-type]


@pytest.mark.parametrize("workers", [2, 4])
def test_workers_share_a_batch_by_whole_groups(workers: int) -> None:
    rows = long(20, 16, 30, 9)
    alone = batches(rows, 1, 0)
    assert len(alone) == (7 + 6 + 10 + 3) * 3 // 12
    shares = zip(*(batches(rows, workers, rank) for rank in range(workers)), strict=True)
    assert [[key for part in share for key in part] for share in shares] == alone
    for part in batches(rows, workers, workers - 1):
        assert [sample % 3 for _, sample in part] == [0, 1, 2] * (4 // workers)


def test_epoch_samples_and_weights_count_runs() -> None:
    rows = long(*[30] * 4)
    assert len(batches(rows, 1, 0, samples=60)) == 5
    assert len(batches(rows, 1, 0, samples=360)) == 30, "three passes over forty runs"
    weights = np.where(np.arange(120) < 60, 1.0, 0.0)
    groups = cut(rows, 3)
    seen = {int(groups.sequence[sample % groups.rows.size // 3]) for batch in batches(rows, 1, 0, weights=weights) for _, sample in batch}
    assert seen == {0, 1}


@pytest.mark.parametrize(
    ("size", "workers", "complaint"), [(9, 2, "shared by 2 workers\n"), (10, 2, "in groups of 4 frames\nnext: make it a multiple of 8")]
)
def test_a_batch_holds_whole_groups(size: int, workers: int, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        check_batch(100, rows=100, batch_size=size, workers=workers, group=4)
