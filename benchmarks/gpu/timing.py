"""Times on a device: medians after a warm-up, how long the host was busy, and the peak of memory; and the time that a run may take."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from benchmarks.gpu.card import synchronise

Record = dict[str, Any]
Work = Callable[[], object]
ALONE = "of a GPU alone"


class OfGpuAlone(RuntimeError):
    """Raised where something that only a CUDA device can do was asked of another device."""

    def __init__(self) -> None:
        super().__init__(ALONE)


@dataclass
class Budget:
    """Seconds to spend; what no longer fits is left out and listed.

    Attributes:
        ends: reading of `time.monotonic` at which nothing more is begun.
        left_out: names of what was not measured.
        limits: readings of `time.monotonic` at which the shares that are open end, the outermost first.
    """

    ends: float
    left_out: list[str] = field(default_factory=list)
    limits: list[float] = field(default_factory=list)

    @classmethod
    def of_minutes(cls, minutes: float) -> Budget:
        """A budget that begins now."""
        return cls(time.monotonic() + 60 * minutes)

    @property
    def left(self) -> float:
        """Seconds of the part that is measured now."""
        return min([self.ends, *self.limits]) - time.monotonic()

    @contextmanager
    def share(self, part: float) -> Iterator[None]:
        """No more than this share of what is left for the block."""
        self.limits.append(time.monotonic() + part * max(self.left, 0.0))
        try:
            yield
        finally:
            self.limits.pop()

    def measure(self, name: str, work: Callable[[], Record]) -> Record:
        """A record of what was measured, or of why it could not be: a lack of memory, time, a compiler or support is a finding, too."""
        if self.left <= 0:
            self.left_out.append(name)
            return {"name": name, "left_out": "no time left"}
        begun = time.monotonic()
        try:
            found = work()
        except OfGpuAlone as error:
            self.left_out.append(f"{name} ({error})")
            return {"name": name, "left_out": str(error)}
        except Exception as error:
            found = {"failed": f"{type(error).__name__}: {str(error).strip().splitlines()[0][:300] if str(error).strip() else ''}"}
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
        return {"name": name, **found, "took": time.monotonic() - begun}


@dataclass(frozen=True)
class Timing:
    """Times of one piece of work.

    Attributes:
        seconds: median, from its beginning to its end on the device.
        spread: (most - least) / median.
        launched: median seconds until the host had launched it; near `seconds`: the host is the bound.
        peak_bytes: most memory of the device that was allocated; 0 on a CPU.
    """

    seconds: float
    spread: float
    launched: float
    peak_bytes: int

    def record(self) -> Record:
        """The numbers as plain data."""
        return {"seconds": self.seconds, "spread": self.spread, "launched": self.launched, "peak_bytes": self.peak_bytes}


def timed(work: Work, device: torch.device, *, repeats: int = 10, warm_up: int = 3, seconds: float = 20.0) -> Timing:
    """Time work that leaves its result on the device.

    Args:
        work: what is timed.
        device: where it runs.
        repeats: how often it is timed at most.
        warm_up: how often it runs before, at most.
        seconds: after which no further run begins, in the warm-up and again in what is timed; one run of each is always made.
    """
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    began = time.perf_counter()
    for number in range(warm_up):
        if number == 0 or time.perf_counter() - began < seconds:
            work()
            synchronise(device)
    whole, launched, began = list[float](), list[float](), time.perf_counter()
    while not whole or (len(whole) < repeats and time.perf_counter() - began < seconds):
        synchronise(device)
        begun = time.perf_counter()
        work()
        launched.append(time.perf_counter() - begun)
        synchronise(device)
        whole.append(time.perf_counter() - begun)
    middle = statistics.median(whole)
    peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0
    return Timing(middle, (max(whole) - min(whole)) / middle, statistics.median(launched), peak)
