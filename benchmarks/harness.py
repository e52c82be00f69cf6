"""Timing of several ways to do one thing, turn by turn in one process, so that a noisy machine is unfair to none."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

Work = Callable[[], object]
Clock = Callable[[], float]


@dataclass(frozen=True)
class Timed:
    """One line of the results.

    Attributes:
        what: the step and its size.
        unit: what times are stated per (frame, pair, ...).
        ours: seconds per unit, median over the rounds.
        peers: seconds per unit by name; the first is the one to beat.
        limit: seconds per unit of the work that cannot be avoided; None where no such work was timed.
        aim: least ratio of the first peer's time to ours; None: no aim.
        spread: (most - least) / median of our times over the rounds.
    """

    what: str
    unit: str
    ours: float
    peers: dict[str, float] = field(default_factory=dict)
    limit: float | None = None
    aim: float | None = None
    spread: float = 0.0

    @property
    def ratios(self) -> dict[str, float]:
        """Each peer's time over ours, by name."""
        return {name: seconds / self.ours for name, seconds in self.peers.items()}

    @property
    def share(self) -> float | None:
        """Share of our time that is unavoidable."""
        return None if self.limit is None else self.limit / self.ours


@dataclass(frozen=True)
class Growth:
    """How the time of one step grows with its size.

    Attributes:
        what: the step.
        unit: of the sizes (objects, frames, sequences).
        sizes: sizes tried, at least two, growing.
        seconds: seconds of one call at each size.
    """

    what: str
    unit: str
    sizes: Sequence[int]
    seconds: Sequence[float]

    @property
    def exponent(self) -> float:
        """k of seconds ~ size^k: slope of the least-squares line through the logarithms."""
        return float(np.polyfit(np.log(self.sizes), np.log(self.seconds), 1)[0])


@dataclass(frozen=True)
class Footprint:
    """How the memory of one step grows with its size.

    Attributes:
        what: the step.
        unit: of the sizes.
        sizes: sizes tried, growing.
        bytes: most bytes that its process held at each size.
        bound: bytes that they must stay below.
    """

    what: str
    unit: str
    sizes: Sequence[int]
    bytes: Sequence[int]
    bound: int


def grow(
    what: str, unit: str, sizes: Sequence[int], work: Callable[[int], Work], *, rounds: int = 3, clock: Clock = time.perf_counter
) -> Growth:
    """Time one step at several sizes, after one round of warm-up.

    Args:
        what: the step.
        unit: of the sizes (objects, frames, sequences).
        sizes: sizes to try, at least two, growing.
        work: prepares what is timed for a size; what it does before it returns is not timed.
        rounds: how often each size is timed; the least counts, since only delays can be added.
        clock: what is read before and after, as in `compare`.
    """
    works = [work(size) for size in sizes]
    times: list[list[float]] = [[_seconds(each, clock) for each in works] for _ in range(rounds + 1)][1:]
    return Growth(what, unit, tuple(sizes), tuple(min(column) for column in zip(*times, strict=True)))


def compare(
    what: str,
    unit: str,
    units: int,
    ours: Work,
    peers: Mapping[str, Work] | None = None,
    *,
    limit: Work | None = None,
    aim: float | None = None,
    rounds: int = 7,
    clock: Clock = time.perf_counter,
    after: Work | None = None,
) -> Timed:
    """Time the ways in turn, after one round of warm-up.

    Args:
        what: the step and its size.
        unit: what times are stated per (frame, pair, ...).
        units: how many units one call does.
        ours: our way.
        peers: other ways, by name; the first is the one to beat.
        limit: the unavoidable part alone.
        aim: least ratio of the first peer's time to ours; None: no aim.
        rounds: how often each is timed.
        clock: `time.process_time` for processor time, which other programs hardly disturb; not for work that other processes do.
        after: what is done after each call, untimed, such as removing what it wrote.
    """
    ways: dict[str, Work] = {"ours": ours, **(peers or {}), **({"limit": limit} if limit else {})}
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, work in ways.items():
            seconds = _seconds(work, clock)
            if after is not None:
                after()
            if turn:
                times[name].append(seconds / units)
    middle = {name: statistics.median(values) for name, values in times.items()}
    spread = (max(times["ours"]) - min(times["ours"])) / middle["ours"]
    others = {name: middle[name] for name in peers or {}}
    return Timed(what, unit, middle["ours"], others, middle.get("limit"), aim, spread)


def _seconds(work: Work, clock: Clock) -> float:
    gc.collect()
    gc.disable()
    begun = clock()
    work()
    passed = clock() - begun
    gc.enable()
    return passed
