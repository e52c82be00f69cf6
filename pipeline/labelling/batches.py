"""Passes of a teacher network: one at a time in a process, each of as many frames as memory holds."""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch

from pipeline.errors import UserError
from pipeline.labelling.backend import Clock

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Passes:
    """Runs the passes of one network, whose sequences come from several threads.

    Args:
        size: frames in a pass to begin with; halved whenever a pass does not fit into memory, and kept for all that follow.

    Attributes:
        size: at present.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._lock = threading.Lock()

    def run(self, work: Callable[[int], Result], clock: Clock) -> Result:
        """Call `work` with the number of frames of a pass, halved until the pass fits into memory; returns what it returns.

        The clock adds up the time and keeps the number of frames.

        Raises:
            UserError: not one frame fits.
        """
        with self._lock, clock.running():
            while True:
                try:
                    result = work(self.size)
                    clock.batch = self.size
                    return result
                except RuntimeError as error:
                    if not out_of_memory(error):
                        raise
                    if self.size == 1:
                        raise UserError(
                            "label_depth: the memory does not hold a pass of one frame\n"
                            "next: lower label_depth.input_size, take a smaller model, or raise label_depth.gpus so that fewer share a GPU"
                        ) from None
                self._halve()  # out of the handler, whose error holds what did not fit

    def _halve(self) -> None:
        print(f"label_depth: a pass of {self.size} frames does not fit into memory; {self.size // 2} from now on", file=sys.stderr)
        self.size //= 2
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def once(make: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """A function that keeps its last result for the same arguments, and that threads wait for, so that nothing is made twice."""
    kept, lock = functools.lru_cache(maxsize=1)(make), threading.Lock()

    @functools.wraps(make)
    def made(*arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
        with lock:
            return kept(*arguments, **named)  # type: ignore[arg-type]

    return made


def out_of_memory(error: RuntimeError) -> bool:
    """Whether a GPU's memory is full, or the machine's."""
    return isinstance(error, torch.OutOfMemoryError) or "not enough memory" in str(error) or "can't allocate memory" in str(error)
