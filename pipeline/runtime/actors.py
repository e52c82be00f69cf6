"""Work that needs a setup once per process: actors that stay, and do one item after another, where `map_tasks` would set up each time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pipeline.errors import unwrapped
from pipeline.runtime.progress import Progress

Item = TypeVar("Item")
Result = TypeVar("Result")

AT_ONCE = 2  # items of a process side by side: one is finished, on the CPU, while the next one has the network
RESTARTS = 2


def map_actors(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    label: str,
    unit: str,
    num_cpus: float = 1,
    num_gpus: float = 0,
    weight: Callable[[Item], int] | None = None,
    at_once: int = AT_ONCE,
) -> list[Result]:
    """`cluster.map_tasks` on Ray actors: what `function` keeps in its module (a network) is made once per process.

    There are as many actors as the cluster has room for, but no more than items. Each runs some items at a time, in threads, and gets its
    next one when it has done one; one that never starts, because others use the cluster, gets none.

    Args:
        function: importable function of one item, safe to run in several threads where `at_once` is above 1.
        items: picklable inputs.
        label: what the progress bar says.
        unit: plural noun that the bar counts.
        num_cpus: CPUs of an actor.
        num_gpus: GPUs of an actor; below 1 several share one.
        weight: units of an item for the bar (default 1).
        at_once: items of an actor side by side.

    Raises:
        PlainError: as raised by an item; the others are stopped.
    """
    import ray

    actor = ray.remote(num_cpus=num_cpus, num_gpus=num_gpus, max_restarts=RESTARTS, max_task_retries=RESTARTS, max_concurrency=at_once)(
        _Worker
    )
    count = min(len(items), room(ray.cluster_resources(), num_cpus, num_gpus))
    actors = [actor.options(scheduling_strategy="DEFAULT").remote() for _ in range(count)]
    weigh = weight or (lambda item: 1)
    waiting = list(range(len(items)))[::-1]
    running: dict[Any, tuple[Any, int | None]] = {one.ready.remote(): (one, None) for one in actors for _ in range(at_once)}
    results: dict[int, Result] = {}
    try:
        with Progress(label, sum(map(weigh, items)), unit) as bar:
            while len(results) < len(items):
                done, _ = ray.wait(list(running))
                for reference in done:
                    one, index = running.pop(reference)
                    with unwrapped():
                        value = ray.get(reference)
                    if index is not None:
                        results[index] = value
                        bar.advance(weigh(items[index]))
                    if waiting:
                        index = waiting.pop()
                        running[one.run.remote(function, items[index])] = (one, index)
    finally:
        for reference in running:
            ray.cancel(reference)  # or Ray announces to repeat what the next line kills
        for one in actors:
            ray.kill(one)
    return [results[index] for index in range(len(items))]


def room(resources: dict[str, float], num_cpus: float, num_gpus: float) -> int:
    """How many actors a cluster holds, at least one; a share of a GPU never lies on two."""
    limits = [resources.get("CPU", 1) / num_cpus] if num_cpus else []
    if num_gpus:
        limits.append(int(resources.get("GPU", 0)) * int(1 / num_gpus) if num_gpus < 1 else resources.get("GPU", 0) / num_gpus)
    return max(1, int(min(limits, default=1)))


class _Worker:
    """A process that keeps what its items have in common."""

    def ready(self) -> None:
        """Answers when it has started."""

    def run(self, function: Callable[[Any], Any], item: Any) -> Any:
        """Do one item."""
        return function(item)
