"""Checkpoints between epochs: every few minutes a worker's state goes to a file aside, while the next steps are trained.

The file lies beside the checkpoints of epochs, in the run's folder, and is replaced whole. What a step waits for is a copy of the state in
memory, and with several workers a word from the first one every so many steps, since all must stop at the same step to be copied.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch

from pipeline.artifacts import store
from pipeline.artifacts.store import Place
from pipeline.training import checkpoints
from pipeline.training.checkpoints import TrainingState

MOST_STEPS = 1000  # between two looks at the clock of the first worker


class Keeper:
    """Writes the state of a run every so many seconds.

    Args:
        folder: of the run's checkpoints.
        seconds: between two states.
        device: of the tensor by which the first worker tells the others whether a state is due.
        rank: of this worker; the first one writes.
        workers: how many there are.
        clock: function that gives the time in seconds, from any start.
    """

    def __init__(
        self,
        folder: Place,
        seconds: float,
        *,
        device: torch.device,
        rank: int = 0,
        workers: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder, self.seconds, self.device, self.rank, self.workers, self._clock = folder, seconds, device, rank, workers, clock
        self._thread = ThreadPoolExecutor(1, "checkpoint")
        self._writing: Future[None] | None = None
        self.restart()

    def restart(self) -> None:
        """Count the seconds from now, since all is kept up to here."""
        self._since, self._steps, self._next_look = self._clock(), 0, 1

    def is_due(self) -> bool:
        """Whether to keep the state after this step, the same on every worker; all of them ask after every step."""
        self._steps += 1
        if self._steps < self._next_look:
            return False
        elapsed = self._clock() - self._since
        left = max(0.0, self.seconds - elapsed) * self._steps / max(elapsed, 1e-9) / 2  # steps, at the pace of those that were
        word = torch.tensor([elapsed >= self.seconds and self._is_idle(), min(max(1, int(min(left, MOST_STEPS))), MOST_STEPS)])
        if self.workers > 1:
            word = word.to(self.device)
            torch.distributed.broadcast(word, src=0)
        due, ahead = (int(value) for value in word)
        self._next_look = self._steps + ahead
        return bool(due)

    def gathered(self, mine: Any) -> list[Any]:
        """The value `mine` of every worker, in the order of their ranks."""
        if self.workers == 1:
            return [mine]
        found: list[Any] = [None] * self.workers
        torch.distributed.all_gather_object(found, mine)
        return found

    def keep(self, state: TrainingState) -> None:
        """Write a copy of the state while the caller goes on.

        Raises:
            OSError: writing the previous state failed.
        """
        self.restart()
        if self.rank == 0:
            self.close()
            self._writing = self._thread.submit(_write, self.folder, _copy(state))

    def close(self) -> None:
        """Wait until what was kept is written."""
        if self._writing is not None:
            self._writing.result()

    def _is_idle(self) -> bool:
        return self._writing is None or self._writing.done()


def _copy(value: Any) -> Any:
    """A copy on the CPU that later steps do not change."""
    if isinstance(value, TrainingState):
        return TrainingState(**{name: _copy(part) for name, part in vars(value).items()})
    if isinstance(value, torch.Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, dict):
        return {key: _copy(part) for key, part in value.items()}
    return [_copy(part) for part in value] if isinstance(value, list | tuple) else value


def _write(folder: Place, state: TrainingState) -> None:
    target = folder / checkpoints.STEP_FILE
    if isinstance(target, Path):
        aside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        with aside.open("wb") as stream:
            torch.save(vars(state), stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(aside, target)
        return
    with tempfile.TemporaryDirectory(prefix="throughline-") as scratch:
        torch.save(vars(state), Path(scratch) / target.name)
        store.upload({Path(scratch) / target.name: target})
