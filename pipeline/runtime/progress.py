"""One progress bar: drawn on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

SECONDS_BETWEEN_LINES = 10.0


class Progress:
    """Counts `total` units of work; use as a context manager.

    Args:
        label: what is being done.
        total: how many units there are.
        unit: plural noun of the units, for the plain lines.
    """

    def __init__(self, label: str, total: int, unit: str) -> None:
        self.label, self.total, self.unit = label, total, unit
        self.count, self.started, self.printed = 0, time.monotonic(), 0.0
        self.bar = _bar() if sys.stderr.isatty() else None

    def __enter__(self) -> Progress:
        self.started = self.printed = time.monotonic()
        if self.bar is not None:
            self.bar.start()
            self.task = self.bar.add_task(self.label, total=self.total)
        return self

    def advance(self, units: int = 1) -> None:
        """Record finished work."""
        self.count += units
        if self.bar is not None:
            self.bar.advance(self.task, units)
        elif time.monotonic() - self.printed > SECONDS_BETWEEN_LINES:
            self.printed = time.monotonic()
            self._line()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.bar is not None:
            self.bar.stop()
        else:
            self._line()

    def _line(self) -> None:
        seconds = time.monotonic() - self.started
        print(f"{self.label}: {self.count}/{self.total} {self.unit} in {seconds:.1f} s", file=sys.stderr, flush=True)


def _bar() -> RichProgress:
    return RichProgress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), transient=False)
