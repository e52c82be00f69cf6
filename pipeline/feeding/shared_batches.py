"""Batches from loader processes, through memory that both sides keep.

PyTorch gives each tensor that leaves a process shared memory of its own, whose pages the system must clear and map anew for every batch;
at 1088x608 that is a third of what a loader process costs. Here processes write into slots that are made once and come to them by fork, and
the reader trains on a batch where it lies. The slots are anonymous memory: a container's small /dev/shm is no limit.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from pipeline.contract.clips import Batch

AHEAD = 1  # batches that a process makes ahead
SILENT_SECONDS = 300  # a process that makes no batch for so long hangs, as one may that was forked while another thread held a lock
_ALIGNED = 64  # bytes


class Part(NamedTuple):
    """Where a tensor lies in a slot: `start` in bytes, `strides` in elements."""

    start: int
    dtype: torch.dtype
    shape: torch.Size
    strides: tuple[int, ...]


class Written(NamedTuple):
    """What travels instead of a batch: where in the first `size` bytes of a slot images, same_scene and the named targets lie."""

    slot: int
    size: int
    names: list[str]
    parts: list[Part]


class Slots:
    """Shared memory for batches; made before the processes, which are forks.

    Args:
        count: of slots.
        size: of a slot in bytes. Pages that are never written take no memory.
    """

    def __init__(self, count: int, size: int) -> None:
        self.count = count
        self.memory = torch.frombuffer(mmap.mmap(-1, count * size), dtype=torch.uint8).view(count, size)

    def put(self, slot: int, batch: Batch) -> Written | Batch:
        """Write a batch; images that were made at the slot's start stay where they are.

        One that is larger than a slot is returned as it is, and goes PyTorch's way.
        """
        parts, end = [], 0
        for given in (batch.images, batch.same_scene, *batch.targets.values()):
            tensor = given if _is_dense(given) else given.contiguous()
            part = Part(end, tensor.dtype, tensor.shape, tensor.stride())
            end += -(-tensor.nbytes // _ALIGNED) * _ALIGNED
            if end > self.memory.shape[1]:
                return batch
            place = _view(self.memory[slot], part)
            if place.data_ptr() != tensor.data_ptr():
                place.copy_(tensor)
            parts.append(part)
        return Written(slot, end, list(batch.targets), parts)

    def take(self, written: Written | Batch, *, pin: bool = False) -> Batch:
        """A batch with its strides: views of the slot, or the reader's own copy in page-locked memory if wanted."""
        if isinstance(written, Batch):
            return _pinned(written) if pin else written
        memory = self.memory[written.slot, : written.size]
        if pin:
            memory = torch.empty_like(memory, pin_memory=True).copy_(memory)
        images, same_scene, *targets = [_view(memory, part) for part in written.parts]
        return Batch(images, dict(zip(written.names, targets, strict=True)), same_scene)


class SharedLoader:
    """Batches in order, made by processes and handed over through slots; they are forked at the first epoch and kept.

    A batch is valid until the next one is asked for: then its slot is written again. With `pin` it is a copy and stays valid.

    Args:
        make: a batch of some keys, its images at the start of the memory (bytes,) uint8 where they fit; runs in the processes.
        batches: the keys of each batch of an epoch.
        processes: how many make them.
        slot_bytes: room for a batch.
        pin: whether batches come in page-locked memory.
        begin: runs in each process first, with its number.
    """

    def __init__(
        self,
        make: Callable[[Sequence[Any], Tensor], Batch],
        batches: Iterable[list[Any]],
        *,
        processes: int,
        slot_bytes: int,
        pin: bool,
        begin: Callable[[int], None],
    ) -> None:
        # One more than are made ahead: PyTorch lets the next one be begun before it hands over the one that is ready.
        self.slots, self.pin = Slots(AHEAD * processes + 1, slot_bytes), pin
        self._loader: DataLoader[Any] = DataLoader(
            _Making(make, self.slots),  # type: ignore[arg-type]
            batch_sampler=_Numbered(batches, self.slots.count),  # type: ignore[arg-type]
            collate_fn=unchanged,  # type: ignore[arg-type]
            num_workers=processes,
            prefetch_factor=AHEAD,
            persistent_workers=True,
            worker_init_fn=begin,
            multiprocessing_context="fork",
            timeout=SILENT_SECONDS,
        )

    def __iter__(self) -> Iterator[Batch]:
        begun = iter(self._loader)  # forks here and not in a reader's thread, which a child would try to join at its end
        return (self.slots.take(written, pin=self.pin) for written in begun)


@dataclass(frozen=True)
class _Making:
    """The data set of the processes: from the number of a slot and keys to what was written there."""

    make: Callable[[Sequence[Any], Tensor], Batch]
    slots: Slots

    def __getitems__(self, numbered: Sequence[Any]) -> Written | Batch:
        slot, *keys = numbered
        return self.slots.put(slot, self.make(keys, self.slots.memory[slot]))


@dataclass(frozen=True)
class _Numbered:
    """Batches of keys, each after the number of its slot."""

    batches: Iterable[list[Any]]
    slots: int

    def __iter__(self) -> Iterator[list[Any]]:
        return ([number % self.slots, *keys] for number, keys in enumerate(self.batches))


def unchanged(batch: Written | Batch) -> Written | Batch:
    """Return a batch as it is: PyTorch's loader need not collate what is a whole batch already."""
    return batch


def _is_dense(tensor: Tensor) -> bool:
    """Whether it fills its stretch of memory, in whatever order."""
    return sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True)) + 1 == tensor.numel()


def _view(memory: Tensor, part: Part) -> Tensor:
    flat = memory[part.start : part.start + part.shape.numel() * part.dtype.itemsize]
    return flat.view(part.dtype).as_strided(part.shape, part.strides)


def _pinned(batch: Batch) -> Batch:
    targets = {name: tensor.pin_memory() for name, tensor in batch.targets.items()}
    return Batch(batch.images.pin_memory(), targets, batch.same_scene.pin_memory())
