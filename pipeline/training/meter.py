"""A training job, and what is said of its progress: means, speeds, lines."""

from __future__ import annotations

import math
import sys
import time
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from pipeline.artifacts.store import Place
from pipeline.contract.clips import Losses
from pipeline.errors import UserError
from pipeline.feeding.loader import Feed
from pipeline.registry.runs import worker_log

SECONDS_BETWEEN_LINES = 10.0


@dataclass(frozen=True)
class TrainingJob:
    """One training run, picklable.

    Attributes:
        stage: its name, for messages.
        fingerprint: of the run; its checkpoints carry it.
        feed: data, model and settings.
        initial: weights that every worker starts from.
        precision: number format of the forward pass.
        run: MLflow tracking URI, run id and what goes before the names of metrics; or None to log nothing.
        until: epochs after which to stop; the schedule stays that of all epochs.
    """

    stage: str
    fingerprint: str
    feed: Feed
    initial: Place
    precision: Literal["float32", "bfloat16"]
    run: tuple[str, str, str] | None
    until: int


class Meter:
    """Means and speeds of an epoch; asks the device for numbers only when it prints.

    Args:
        job: the run.
        epoch: of the run, from 0.
        length: steps of an epoch.
        workers: how many train.
        speaks: whether this worker prints.
    """

    def __init__(self, job: TrainingJob, epoch: int, length: int, *, workers: int, speaks: bool) -> None:
        self.job, self.epoch, self.length, self.workers, self.speaks = job, epoch, length, workers, speaks
        self.sums, self.steps, self.waited, self.before = dict[str, Tensor](), 0, 0.0, 0
        self.began = self.printed = time.perf_counter()

    @property
    def last_step(self) -> int:
        """Number of the step that was added last, over the whole run and from 0."""
        return self.epoch * self.length + self.steps - 1

    def add(self, losses: Losses, steps: int) -> None:
        """Add the losses of a step; `steps` is how many steps of the epoch are done after it."""
        self.steps = steps
        for name, value in {"loss": losses.total.detach(), **losses.terms}.items():
            self.sums[name] = self.sums.get(name, 0.0) + value.double()
        if self.speaks and time.perf_counter() - self.printed > SECONDS_BETWEEN_LINES:
            self._line()

    def resume(self, sums: dict[str, Tensor], steps: int) -> None:
        """Take over the sums (scalar tensors by name) over the first `steps` steps of the epoch, which an earlier process trained."""
        self.sums, self.steps, self.before = dict(sums), steps, steps

    def means(self) -> dict[str, float]:
        """Mean of every loss term over the epoch and the workers.

        Raises:
            UserError: one is not finite.
        """
        values = torch.stack(list(self.sums.values())) / self.steps
        if self.workers > 1:
            torch.distributed.all_reduce(values)
            values /= self.workers
        means = dict(zip(self.sums, values.tolist(), strict=True))
        broken = [name for name, value in means.items() if not math.isfinite(value)]
        if broken:
            stage = self.job.stage
            raise UserError(
                f"{stage}: {', '.join(broken)} is no longer finite in epoch {self.epoch + 1}\n"
                f"next: lower {stage}.lr, set {stage}.clip_norm, or raise {stage}.warmup_steps"
            )
        return means

    def speeds(self) -> dict[str, float]:
        """Images per second over all workers, the share of the time that this one waited for data, and the seconds of the epoch."""
        seconds = time.perf_counter() - self.began
        images = (self.steps - self.before) * self.job.feed.settings.batch_size * self.job.feed.samples.frames
        return {"images_per_second": images / seconds, "data_wait_share": self.waited / seconds, "epoch_seconds": seconds}

    def _line(self) -> None:
        self.printed = time.perf_counter()
        epochs, loss = self.job.feed.settings.epochs, float(self.sums["loss"]) / self.steps
        left = (self.printed - self.began) / (self.steps - self.before) * (self.length * (epochs - self.epoch) - self.steps)
        say(self.job.stage, f"epoch {self.epoch + 1}/{epochs}, step {self.steps}/{self.length}, loss {loss:.4f}, {duration(left)} left")
        log(self.job, {"step_loss": loss}, self.last_step)


def log(job: TrainingJob, values: dict[str, float], step: int) -> None:
    """Log metrics of a step to the run's MLflow run, if it has one."""
    if job.run is not None:
        uri, run_id, prefix = job.run
        worker_log(uri, run_id, {prefix + name: value for name, value in values.items()}, step)


def say(stage: str, message: str) -> None:
    """Tell the user, from a worker."""
    print(f"{stage}: {message}", file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """Seconds, or minutes when there are many."""
    return f"{seconds / 60:.0f} min" if seconds > 90 else f"{seconds:.0f} s"
