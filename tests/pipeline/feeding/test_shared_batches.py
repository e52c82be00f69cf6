"""Batches come out of slots as they went in, and hold as long as promised."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from pipeline.contract.clips import Batch
from pipeline.feeding.shared_batches import AHEAD, SharedLoader, Slots, Written


def batch(number: int, objects: int = 3) -> Batch:
    random = np.random.default_rng(number)
    images = torch.from_numpy(random.integers(0, 256, (2, 2, 8, 12, 3), np.uint8)).permute(0, 1, 4, 2, 3)
    targets = {"boxes": torch.from_numpy(random.random((2, 5, 4)))[:, :objects], "images": torch.tensor([number, objects])}
    return Batch(images, targets | {"nothing": torch.zeros(2, 0)}, torch.tensor([True, False]))


def tensors(found: Batch) -> list[Tensor]:
    return [found.images, found.same_scene, *found.targets.values()]


def equal(one: Batch, two: Batch) -> bool:
    same = all(torch.equal(a, b) and a.dtype == b.dtype for a, b in zip(tensors(one), tensors(two), strict=True))
    return same and list(one.targets) == list(two.targets)


@pytest.mark.parametrize("objects", [0, 1, 5])
def test_a_batch_comes_out_with_its_order_of_memory_and_is_not_copied(objects: int) -> None:
    slots = Slots(2, 10_000)
    written = slots.put(1, batch(7, objects))
    assert isinstance(written, Written)
    taken = slots.take(written)
    slots.put(0, batch(8))
    assert equal(taken, batch(7, objects))
    assert taken.images.flatten(0, 1).is_contiguous(memory_format=torch.channels_last)
    assert taken.images.data_ptr() == slots.memory[1].data_ptr()


def test_images_made_in_their_slot_stay_there() -> None:
    slots, given = Slots(2, 10_000), batch(7)
    memory = slots.memory[1, : given.images.numel()].view(2, 2, 8, 12, 3).permute(0, 1, 4, 2, 3)
    memory.copy_(given.images)
    written = slots.put(1, Batch(memory, given.targets, given.same_scene))
    assert isinstance(written, Written)
    assert equal(slots.take(written), given)


def test_a_batch_larger_than_a_slot_passes_as_it_is() -> None:
    slots, whole = Slots(1, 1000), batch(1)
    written = slots.put(0, whole)
    assert written is whole
    assert slots.take(written) is whole


def make(keys: Sequence[int], memory: Tensor | None = None) -> Batch:
    if keys[0] == 99:
        raise ValueError("sample 99")
    return batch(sum(keys), objects=keys[0] % 6)


def loader(keys: list[list[int]], processes: int, slot_bytes: int = 10_000) -> SharedLoader:
    return SharedLoader(make, keys, processes=processes, slot_bytes=slot_bytes, pin=False, begin=lambda number: None)


@pytest.mark.parametrize(("processes", "slot_bytes"), [(1, 10_000), (2, 10_000), (2, 100)])
def test_batches_come_in_order_each_epoch_and_hold_until_the_next_one_is_asked_for(processes: int, slot_bytes: int) -> None:
    keys = [[number, number + 1] for number in range(4 * (AHEAD * processes + 1))]
    shared, places = loader(keys, processes, slot_bytes), set()
    for _ in range(2):
        for number, found in enumerate(shared):
            time.sleep(0.01)  # for processes to write what was asked for
            assert equal(found, make(keys[number]))
            places.add(found.images.data_ptr())
        assert number + 1 == len(keys)
    assert slot_bytes == 100 or len(places) == AHEAD * processes + 1


def test_an_epoch_that_was_left_early_does_not_disturb_the_next() -> None:
    keys = [[number, 0] for number in range(12)]
    shared = loader(keys, 2)
    begun = iter(shared)
    assert equal(next(begun), make(keys[0]))
    del begun
    assert all(equal(one, make(two)) for one, two in zip(shared, keys, strict=True))


def test_an_error_in_a_process_is_raised_where_the_batch_would_have_come() -> None:
    begun = iter(loader([[1, 2], [3, 4], [99, 1], [5, 6]], 2))
    assert [equal(next(begun), make(keys)) for keys in ([1, 2], [3, 4])] == [True, True]
    with pytest.raises(ValueError, match="sample 99"):
        next(begun)
