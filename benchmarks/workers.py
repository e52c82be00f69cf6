"""Two worker processes beside one, and in the same rounds a bare loop in two and in one, which tells what a second process can gain."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from benchmarks.harness import Timed, Work, compare

LINEAR = 1.8  # times one worker: within 10 % of twice
Task = Callable[..., Any]


def beside_one(what: str, units: int, ours: Task, bare: Task, halves: Sequence[tuple[Any, ...]], after: Work) -> Iterator[Timed]:
    """A line for our work and one for the bare loop: seconds per frame of two workers beside those of one.

    Args:
        what: the step.
        units: frames of all halves.
        ours: our work, picklable.
        bare: the bare loop of it, picklable.
        halves: arguments of the two calls, of either work.
        after: what is done after each, untimed.
    """
    with ProcessPoolExecutor(len(halves), multiprocessing.get_context("spawn")) as pool:

        def together(task: Task) -> None:
            for future in [pool.submit(task, *half) for half in halves]:
                future.result()

        def in_turn(task: Task) -> None:
            for half in halves:
                pool.submit(task, *half).result()

        peers = {"one": lambda: in_turn(ours), "bare, two": lambda: together(bare), "bare, one": lambda: in_turn(bare)}
        timed = compare(what, "frame", units, lambda: together(ours), peers, rounds=5, after=after)
    yield Timed(f"{what}, two workers", "frame", timed.ours, {"one worker": timed.peers["one"]}, None, LINEAR, timed.spread)
    yield Timed(f"{what}, its bare loop twice", "frame", timed.peers["bare, two"], {"bare loop once": timed.peers["bare, one"]})
