"""The order of an epoch: whole, shuffled, drawn from seed and epoch alone, and the same for any number of workers."""

import hashlib

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.feeding.order import WINDOW, EpochBatches, epoch_order

GROUPS = [(first, 5) for first in range(0, 200, 5)]


def batches(workers: int, rank: int, **changed: object) -> EpochBatches:
    arguments = {"batch_size": 12, "rank": rank, "workers": workers, "seed": 1, "samples": None} | changed
    return EpochBatches(GROUPS, **arguments)  # type: ignore[arg-type]


def test_every_row_comes_once_and_epochs_differ() -> None:
    first, second = (epoch_order(GROUPS, seed=1, epoch=epoch) for epoch in (0, 1))
    assert sorted(first) == sorted(second) == list(range(200))
    assert (first != second).mean() > 0.9
    assert (first == epoch_order(GROUPS, seed=1, epoch=0)).all()
    assert (first != epoch_order(GROUPS, seed=2, epoch=0)).any()


def test_a_stretch_of_the_order_touches_few_row_groups() -> None:
    order = epoch_order(GROUPS, seed=1, epoch=0)
    assert len(set(order[: WINDOW * 5] // 5)) == WINDOW
    assert len(set(order[:20] // 5)) > 8, "rows of one group are not read one after the other"


@pytest.mark.parametrize("samples", [30, 200, 450])
def test_epoch_samples_cap_and_extend(samples: int) -> None:
    order = epoch_order(GROUPS, seed=1, epoch=0, samples=samples)
    assert len(order) == samples == len(set(order)), "a row drawn twice has two sample numbers"
    counts = np.bincount(order % 200, minlength=200)
    assert counts.max() - counts.min() <= 1


ROWS = np.arange(200)


@pytest.mark.parametrize("weights", [None, np.full(200, 0.25)])
def test_without_weights_and_with_equal_ones_the_order_is_the_one_of_old(weights: NDArray[np.float64] | None) -> None:
    order = epoch_order(GROUPS, seed=1, epoch=3, samples=450, weights=weights)
    assert order[:8].tolist() == [27, 191, 113, 179, 125, 193, 35, 176]
    assert hashlib.sha256(order.tobytes()).hexdigest()[:16] == "9b5e101eeed25839"


@pytest.mark.parametrize(("weight", "part"), [(3.0, 150 / 300), (0.5, 25 / 175), (1.0, 50 / 200), (0.0, 0.0), (1000.0, 50000 / 50150)])
def test_rows_are_drawn_in_proportion_to_their_weights(weight: float, part: float) -> None:
    weights = np.where(ROWS < 150, 1.0, weight)
    epochs = [epoch_order(GROUPS, seed=1, epoch=epoch, samples=2000, weights=weights) for epoch in range(3)]
    for order in epochs:
        assert len(order) == 2000 == len(set(order)), "a row drawn twice has two sample numbers"
        assert (order % 200 >= 150).mean() == pytest.approx(part, abs=0.04)
    drawn = np.bincount(np.concatenate(epochs) % 200, minlength=200) / 6000
    assert drawn == pytest.approx(weights / weights.sum(), abs=6 / 6000), "and evenly among those of one weight"


def test_a_pass_keeps_each_share_to_the_row_and_every_row_has_its_turn() -> None:
    weights = np.where(ROWS < 160, 0.25, 1.0)  # a pass: 40 of the first 160 rows, all of the last 40
    order = epoch_order(GROUPS, seed=5, epoch=0, samples=320, weights=weights)
    passes = [order[order // 200 == turn] % 200 for turn in range(4)]
    assert [(int((rows < 160).sum()), int((rows >= 160).sum())) for rows in passes] == [(40, 40)] * 4
    assert sorted(np.concatenate(passes)[np.concatenate(passes) < 160]) == list(range(160))


def test_weights_change_no_share_of_a_worker() -> None:
    weights = np.where(ROWS < 150, 1.0, 2.5)
    alone = list(batches(1, 0, weights=weights))
    halves = zip(batches(2, 0, weights=weights), batches(2, 1, weights=weights), strict=True)
    assert [first + second for first, second in halves] == alone
    assert len(alone) == 200 // 12, "an epoch keeps its length"


@pytest.mark.parametrize("workers", [2, 3, 4])
def test_workers_share_each_global_batch(workers: int) -> None:
    alone = list(batches(1, 0))
    shares = zip(*(list(batches(workers, rank)) for rank in range(workers)), strict=True)
    assert [[key for part in share for key in part] for share in shares] == alone
    assert len(alone) == 200 // 12, "the incomplete last batch is dropped"


@pytest.mark.parametrize(
    ("changed", "complaint"), [({"batch_size": 15}, "shared by 2"), ({"batch_size": 400}, "larger than an epoch of 200")]
)
def test_impossible_batches_are_refused(changed: dict[str, int], complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        batches(2, 0, **changed)
