"""What every training worker does: epochs of steps, a checkpoint after each. Ray Train starts one a device (`train_worker`).

Equal job, equal machine, equal result: seeds follow from the run's seed, the epoch and the worker's rank, threads are fixed and algorithms
deterministic, so a run that was killed and resumed ends with the weights of one that was not.
"""

from __future__ import annotations

import logging
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from pipeline import average, checkpoints, weights
from pipeline.checkpoints import EpochRecord, TrainingState
from pipeline.errors import PlainError, UserError, connection
from pipeline.loader import Feed, build_loader, identity_numbers, read_ahead, to_device
from pipeline.memory import keep_freed_memory
from pipeline.runs import worker_log
from pipeline.sections.training import Training
from pipeline.spec import Batch, Losses
from pipeline.store import Place

SECONDS_BETWEEN_LINES = 10.0
_TORCH = 4  # last word of the random seeds drawn here


@dataclass(frozen=True)
class TrainingJob:
    """One training run, picklable.

    Attributes:
        stage: its name, for messages.
        fingerprint: of the run; its checkpoints carry it.
        feed: data, model and settings.
        initial: weights that every worker starts from.
        precision: of the forward pass.
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


def train_worker(config: dict[str, Any]) -> PlainError | None:
    """Ray Train's function. Returns None when all epochs are done, or what the user must hear.

    A lone worker returns a plain error, which ends the run at once; one of several raises it, because the others would wait for it.
    """
    import ray.train
    from ray.train.torch import get_device, prepare_model

    job: TrainingJob = config["job"]
    _hush_ray()
    context = ray.train.get_context()
    workers = context.get_world_size()

    def wrap(task: nn.Module) -> nn.Module:
        return prepare_model(task, parallel_strategy_kwargs={"find_unused_parameters": True})

    folder = job.feed.folder
    try:
        with nullcontext() if isinstance(folder, Path) else connection(str(folder)):
            trainer = Trainer(job, get_device(), rank=context.get_world_rank(), workers=workers, wrap=wrap)
            resumed = ray.train.get_checkpoint()
            if resumed is not None:
                with resumed.as_directory() as copy:
                    trainer.restore(checkpoints.load(Path(copy), job.fingerprint))
            while trainer.epochs < job.until:
                _report(trainer, trainer.run_epoch())
    except PlainError as error:
        if workers > 1:
            raise
        return type(error)(*error.args)  # without what it came from, which not everything can unpickle
    return None


class Trainer:
    """A network in training on one device.

    Args:
        job: the run.
        device: where to train.
        rank: of this worker.
        workers: how many there are.
        wrap: makes the task data-parallel; none for a lone worker outside Ray.

    Attributes:
        epochs: how many are done.
        task: the network with its loss, not wrapped.
        history: a record an epoch done.

    Raises:
        UserError: the sample set or the batch size cannot be used.
    """

    def __init__(
        self,
        job: TrainingJob,
        device: torch.device,
        *,
        rank: int = 0,
        workers: int = 1,
        wrap: Callable[[nn.Module], nn.Module] | None = None,
    ) -> None:
        self.job, self.device, self.rank, self.workers = job, device, rank, workers
        self.settings: Training = job.feed.settings
        _make_deterministic(self.settings.threads)
        keep_freed_memory()
        self.loader, self.batches = build_loader(job.feed, rank=rank, workers=workers, pin_memory=device.type == "cuda")
        self.task = build_task(job.feed).to(device=device, memory_format=torch.channels_last)
        weights.load(self.task.network, job.initial)
        self.model = self.task if wrap is None else wrap(self.task)
        self.optimiser = _optimiser(self.task, self.settings)
        self.average = average.averaged(self.task, self.settings.ema) if self.settings.ema and self.speaks else None
        self.epochs, self.history = 0, list[EpochRecord]()

    @property
    def speaks(self) -> bool:
        """Whether this worker prints, logs and saves."""
        return self.rank == 0

    def state(self) -> TrainingState:
        """All that is needed to go on from here."""
        task, optimiser = self.task.state_dict(), self.optimiser.state_dict()
        return TrainingState(self.job.fingerprint, self.epochs, task, optimiser, self.history, average.state(self.average))

    def restore(self, state: TrainingState) -> None:
        """Go on from a state."""
        self.task.load_state_dict(state.task)
        self.optimiser.load_state_dict(state.optimiser)
        if self.average is not None and state.average is not None:
            self.average.load_state_dict(state.average)
        self.epochs, self.history = state.epochs, list(state.history)
        if self.speaks and self.epochs < self.settings.epochs:
            _say(self.job.stage, f"resumed after epoch {self.epochs}")

    def run_epoch(self) -> dict[str, float]:
        """Train one epoch; returns its record with speeds, which stay out of `history`.

        Raises:
            UserError: the loss is no longer finite.
        """
        torch.manual_seed(int(np.random.default_rng([self.job.feed.seed, self.epochs, self.rank, _TORCH]).integers(2**62)))
        self.task.train()
        self.batches.epoch = self.epochs
        meter = _Meter(self)
        source: Iterator[Batch] = iter(self.loader)
        if not self.settings.loader_processes:
            source = read_ahead(source)
        for index in range(len(self.batches)):
            began = time.perf_counter()
            batch = to_device(next(source), self.device)
            meter.waited += time.perf_counter() - began
            meter.add(self._step(batch, self.epochs * len(self.batches) + index), index + 1)
        record = {
            "epoch": self.epochs + 1.0,
            "step": (self.epochs + 1.0) * len(self.batches),
            "lr": self._lr(meter.last_step),
        } | meter.means()
        self.epochs += 1
        self.history.append(record)
        return record | meter.speeds()

    def _step(self, batch: Batch, step: int) -> Losses:
        for group in self.optimiser.param_groups:
            group["lr"] = self._lr(step)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.job.precision == "bfloat16"):
            losses: Losses = self.model(batch)
        self.optimiser.zero_grad(set_to_none=True)
        losses.total.backward()
        if self.settings.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.task.parameters(), self.settings.clip_norm)
        self.optimiser.step()
        if self.average is not None:
            self.average.update_parameters(self.task)
        return losses

    def _lr(self, step: int) -> float:
        return learning_rate(self.settings, step, step // len(self.batches))


def build_task(feed: Feed) -> Any:
    """The network inside its loss, initialised from the run's seed alone.

    Raises:
        UserError: the model learns from identities, and the sample set has none.
    """
    torch.manual_seed(feed.seed)
    network = feed.spec.build_network(feed.options)
    people = identity_numbers(feed) if feed.settings.epochs else None
    if people is not None and people.count == 0:
        raise UserError(
            f"{feed.folder}: names no person, but model.name {feed.spec.name} with these options learns from identities\n"
            "next: give the data set's boxes identities (gt/gt.txt) and run `dvc repro`, or set options of `model` that see none"
        )
    return feed.spec.build_task(network, feed.options, feed.settings.id_weight, people.count if people is not None else 0)


def learning_rate(settings: Training, step: int, epoch: int) -> float:
    """The rate of a step: linear warm-up over `warmup_steps`, times `lr_drop_factor` after each of `lr_drop_epochs` epochs.

    Args:
        settings: the stage's section.
        step: from 0, over the whole run.
        epoch: from 0.
    """
    drops = sum(epoch >= dropped for dropped in settings.lr_drop_epochs)
    warm = min(1.0, (step + 1) / (settings.warmup_steps + 1))
    return settings.lr * settings.lr_drop_factor**drops * warm


class _Meter:
    """Means and speeds of an epoch; asks the device for numbers only when it prints."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer, self.sums, self.steps, self.waited = trainer, dict[str, Tensor](), 0, 0.0
        self.began = self.printed = time.perf_counter()
        self.first_step = trainer.epochs * len(trainer.batches)

    @property
    def last_step(self) -> int:
        return self.first_step + self.steps - 1

    def add(self, losses: Losses, steps: int) -> None:
        self.steps = steps
        for name, value in {"loss": losses.total.detach(), **losses.terms}.items():
            self.sums[name] = self.sums.get(name, 0.0) + value.double()
        if self.trainer.speaks and time.perf_counter() - self.printed > SECONDS_BETWEEN_LINES:
            self._line()

    def means(self) -> dict[str, float]:
        """Mean of every loss term over the epoch and the workers."""
        values = torch.stack(list(self.sums.values())) / self.steps
        if self.trainer.workers > 1:
            torch.distributed.all_reduce(values)
            values /= self.trainer.workers
        means = dict(zip(self.sums, values.tolist(), strict=True))
        broken = [name for name, value in means.items() if not math.isfinite(value)]
        if broken:
            stage, epoch = self.trainer.job.stage, self.trainer.epochs + 1
            raise UserError(
                f"{stage}: {', '.join(broken)} is no longer finite in epoch {epoch}\n"
                f"next: lower {stage}.lr, set {stage}.clip_norm, or raise {stage}.warmup_steps"
            )
        return means

    def speeds(self) -> dict[str, float]:
        seconds = time.perf_counter() - self.began
        feed = self.trainer.job.feed
        images = self.steps * feed.settings.batch_size * feed.spec.clip_frames
        return {"images_per_second": images / seconds, "data_wait_share": self.waited / seconds, "epoch_seconds": seconds}

    def _line(self) -> None:
        self.printed = time.perf_counter()
        trainer, total = self.trainer, len(self.trainer.batches)
        loss = float(self.sums["loss"]) / self.steps
        left = (self.printed - self.began) / self.steps * (total * (trainer.settings.epochs - trainer.epochs) - self.steps)
        place = f"epoch {trainer.epochs + 1}/{trainer.settings.epochs}, step {self.steps}/{total}"
        _say(trainer.job.stage, f"{place}, loss {loss:.4f}, {_duration(left)} left")
        _log(trainer.job, {"step_loss": loss}, self.last_step)


def _report(trainer: Trainer, record: dict[str, float]) -> None:
    """Say, log and save an epoch; Ray waits for all workers here."""
    import ray.train
    from ray.train import Checkpoint

    if not trainer.speaks:
        ray.train.report({"epoch": record["epoch"]})
        return
    left = record["epoch_seconds"] * (trainer.settings.epochs - trainer.epochs)
    speed = f"{record['images_per_second']:.1f} images/s, {record['data_wait_share']:.0%} waiting for data"
    _say(trainer.job.stage, f"epoch {trainer.epochs}/{trainer.settings.epochs}, loss {record['loss']:.4f}, {speed}, {_duration(left)} left")
    _log(trainer.job, record, int(record["step"]))
    with tempfile.TemporaryDirectory() as folder:
        checkpoints.save(Path(folder), trainer.state())
        ray.train.report({"epoch": record["epoch"]}, checkpoint=Checkpoint.from_directory(folder))


def _make_deterministic(threads: int) -> None:
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # costs time, hides no randomness here
    torch.backends.cudnn.benchmark = False
    torch.set_num_threads(threads)


def _optimiser(task: nn.Module, settings: Training) -> torch.optim.Optimizer:
    """Weight decay acts on matrices and kernels, not on biases, norms and the loss's weights."""
    parameters = [parameter for parameter in task.parameters() if parameter.requires_grad]
    groups = [
        {"params": [parameter for parameter in parameters if parameter.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [parameter for parameter in parameters if parameter.ndim <= 1], "weight_decay": 0.0},
    ]
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[settings.optimiser]
    return kind([group for group in groups if group["params"]], lr=settings.lr)


def _hush_ray() -> None:
    """Ray's lines about each report repeat ours; some of its loggers are named by file."""
    for name in ["ray.train", *(name for name in logging.root.manager.loggerDict if "/ray/train/" in name)]:
        logging.getLogger(name).setLevel(logging.WARNING)


def _log(job: TrainingJob, values: dict[str, float], step: int) -> None:
    if job.run is not None:
        uri, run_id, prefix = job.run
        worker_log(uri, run_id, {prefix + name: value for name, value in values.items()}, step)


def _say(stage: str, message: str) -> None:
    print(f"{stage}: {message}", file=sys.stderr, flush=True)


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds > 90 else f"{seconds:.0f} s"
