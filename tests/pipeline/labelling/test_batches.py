"""Passes that fit: halved where memory is full, one at a time however many threads ask, and what is made once is made once."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from pipeline.errors import UserError
from pipeline.labelling.backend import Clock
from pipeline.labelling.batches import Passes, once, out_of_memory


def limited(most: int, seen: list[int]) -> object:
    def work(size: int) -> int:
        seen.append(size)
        if size > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return size

    return work


def test_passes_are_halved_until_they_fit_and_stay_so(capsys: pytest.CaptureFixture[str]) -> None:
    passes, clock, seen = Passes(12), Clock(), list[int]()
    assert passes.run(limited(4, seen), clock) == 3  # type: ignore[arg-type]
    assert passes.run(limited(4, seen), clock) == 3  # type: ignore[arg-type]
    assert seen == [12, 6, 3, 3]
    assert (passes.size, clock.batch) == (3, 3)
    assert clock.seconds > 0
    said = capsys.readouterr().err.splitlines()
    assert said == [f"label_depth: a pass of {size} frames does not fit into memory; {size // 2} from now on" for size in (12, 6)]


def test_a_frame_that_does_not_fit_is_said_with_what_helps() -> None:
    with pytest.raises(UserError, match=r"pass of one frame\nnext: lower label_depth.input_size"):
        Passes(2).run(limited(0, []), Clock())  # type: ignore[arg-type]


def test_other_errors_are_not_taken_for_a_full_memory() -> None:
    def broken(size: int) -> int:
        raise RuntimeError("shapes do not match")

    passes = Passes(8)
    with pytest.raises(RuntimeError, match="shapes"):
        passes.run(broken, Clock())
    assert passes.size == 8


def test_a_full_machine_is_seen_as_well() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**50)
    assert out_of_memory(caught.value)


def test_one_pass_at_a_time() -> None:
    passes, inside, most = Passes(1), list[int](), list[int]()

    def work(size: int) -> None:
        inside.append(size)
        time.sleep(0.01)
        most.append(len(inside))
        inside.pop()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: passes.run(work, Clock()), range(8)))
    assert most == [1] * 8


def test_threads_wait_for_what_is_made_and_the_last_is_kept() -> None:
    made, barrier = list[int](), threading.Barrier(3)

    @once
    def make(number: int) -> object:
        made.append(number)
        time.sleep(0.05)
        return object()

    def ask(_: int) -> object:
        barrier.wait()
        return make(1)

    with ThreadPoolExecutor(3) as pool:
        assert len(set(pool.map(ask, range(3)))) == 1
    make(2)
    make(1)
    assert made == [1, 2, 1]
