"""Work on several items in processes of this machine, without Ray: for commands that are done before Ray has started."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_processes(work: Callable[[Item], Result], items: Sequence[Item], *, size: Callable[[Item], float]) -> list[Result]:
    """What `work` gives for each item, in their order; the largest are begun first.

    Processes are forked, so that they need not import anything. In a process with threads (a stage with its MLflow run), where that is not
    safe, and on one CPU, items are done one after the other.

    Args:
        work: a picklable function.
        items: picklable.
        size: of an item, to order them.
    """
    count = min(len(os.sched_getaffinity(0)), len(items))
    if count < 2 or threading.active_count() > 1:
        return [work(item) for item in items]
    order = sorted(range(len(items)), key=lambda number: -size(items[number]))
    with get_context("fork").Pool(count) as pool:
        done = pool.map(work, [items[number] for number in order], chunksize=1)
    return [result for _, result in sorted(zip(order, done, strict=True), key=lambda pair: pair[0])]
