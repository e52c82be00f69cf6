"""The order of an epoch: whole, shuffled, drawn from seed and epoch alone, and the same for any number of workers."""

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.order import WINDOW, EpochBatches, epoch_order

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
