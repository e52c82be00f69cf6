"""A network in training on one device: epochs of steps, and all that goes on from a checkpoint.

Equal job, equal machine, equal result: seeds follow from the run's seed, the epoch and the worker's rank, threads are fixed and algorithms
deterministic unless the settings say otherwise, so a run that was killed at any step and resumed with as many workers ends with the weights
of one that was not.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from pipeline.contract.clips import Batch, Losses
from pipeline.contract.spec import Group
from pipeline.errors import UserError
from pipeline.feeding.loader import Feed, build_loader, identity_numbers, read_ahead, to_device
from pipeline.files import model_folder
from pipeline.params.sections.training import Training
from pipeline.runtime.malloc import keep_freed_memory
from pipeline.training.checkpoints import EpochRecord, TrainingState
from pipeline.training.freezing import freeze, hold
from pipeline.training.keeper import Keeper
from pipeline.training.meter import Meter, TrainingJob, say
from pipeline.training.optimisers import build_optimisers, clip_groups

_TORCH = 4  # last word of the random seeds drawn here
_AVERAGED = "module."  # what PyTorch puts before a network's own names in the state of its average


@runtime_checkable
class Epochal(Protocol):
    """A task that does not learn the same in every epoch."""

    def begin_epoch(self, epoch: int) -> None:
        """Called before each epoch, counted from 0; where a run goes on from a checkpoint, with the first that is left."""


class Trainer:
    """A network in training on one device.

    Args:
        job: the run.
        device: where to train.
        rank: of this worker.
        workers: how many there are.
        wrap: makes the task data-parallel; none for a lone worker outside Ray.
        keeper: takes states between epochs; none: there are only those after each epoch.

    Attributes:
        epochs: how many are done.
        task: the network with its loss, not wrapped.
        average: moving average of the network's weights, or None (see `averaged`).
        history: one record per epoch done.

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
        keeper: Keeper | None = None,
    ) -> None:
        self.job, self.device, self.rank, self.workers = job, device, rank, workers
        self.settings: Training = job.feed.settings
        _choose_algorithms(self.settings)
        keep_freed_memory()
        self.loader, self.batches = build_loader(job.feed, rank=rank, workers=workers, pin_memory=device.type == "cuda")
        self.task = build_task(job.feed).to(device=device, memory_format=torch.channels_last)
        model_folder.load(self.task.network, job.initial)
        self.model = self.task if wrap is None else wrap(self.task)
        group_of = partial(_group_of, job.feed)
        self.optimisers = build_optimisers(self.task, self.settings, group_of)
        self.clipped = clip_groups(self.task, group_of)
        self.average = averaged(self.task.network, self.settings.average)
        self.epochs, self.history = 0, list[EpochRecord]()
        self.keeper = keeper
        self._begun: TrainingState | None = None  # where a restored state left an epoch

    @property
    def speaks(self) -> bool:
        """Whether this worker prints, logs and saves."""
        return self.rank == 0

    def state(self) -> TrainingState:
        """All that is needed to go on from here, between two epochs."""
        optimisers = [optimiser.state_dict() for optimiser in self.optimisers]
        average = {} if self.average is None else self.average.state_dict()
        return TrainingState(self.job.fingerprint, self.epochs, self.task.state_dict(), optimisers, self.history, average=average)

    def restore(self, state: TrainingState) -> None:
        """Go on from a state."""
        self.task.load_state_dict(state.task)
        for optimiser, kept in zip(self.optimisers, state.optimisers, strict=True):
            optimiser.load_state_dict(kept)
        if self.average is not None:
            self.average.load_state_dict(state.average)
        self.epochs, self.history = state.epochs, list(state.history)
        self._begun = state if state.step else None
        if self.speaks and self.epochs < self.settings.epochs:
            say(self.job.stage, f"resumed after epoch {self.epochs}" + (f" and {state.step} steps" if state.step else ""))

    def run_epoch(self) -> dict[str, float]:
        """Train one epoch; returns its record with speeds, which stay out of `history`.

        Raises:
            UserError: the loss is no longer finite.
        """
        torch.manual_seed(int(np.random.default_rng([self.job.feed.seed, self.epochs, self.rank, _TORCH]).integers(2**62)))
        self.task.train()
        hold(self.task.network, self.settings.freeze)
        if isinstance(self.task, Epochal):
            self.task.begin_epoch(self.epochs)
        meter = Meter(self.job, self.epochs, len(self.batches), workers=self.workers, speaks=self.speaks)
        first = self.batches.first = self._begun.step if self._begun else 0
        self.batches.epoch = self.epochs
        source = read_ahead(self.loader)  # which draws a number
        self._go_on(meter)
        for index in range(first, len(self.batches)):
            began = time.perf_counter()
            batch = to_device(next(source), self.device)
            meter.waited += time.perf_counter() - began
            meter.add(self._step(batch, self.epochs * len(self.batches) + index), index + 1)
            if self.keeper is not None and index + 1 < len(self.batches) and self.keeper.is_due():
                self._keep(self.keeper, meter)
        record = {
            "epoch": self.epochs + 1.0,
            "step": (self.epochs + 1.0) * len(self.batches),
            "lr": self._lr(meter.last_step),
        } | meter.means()
        self.epochs += 1
        self.history.append(record)
        return record | meter.speeds()

    def _keep(self, keeper: Keeper, meter: Meter) -> None:
        """Let the state after a step be written aside; every worker comes here after the same one."""
        sums = {name: value.cpu() for name, value in meter.sums.items()}
        each = keeper.gathered((_random_state(self.device), sums))
        random, sums_of = [state for state, _ in each], [sums for _, sums in each]
        keeper.keep(replace(self.state(), step=meter.steps, random=random, sums=sums_of))

    def _go_on(self, meter: Meter) -> None:
        """Take up the epoch where the state that was restored left it; with another number of workers its draws are new ones."""
        begun, self._begun = self._begun, None
        if begun is None:
            return
        sums = begun.sums[self.rank] if len(begun.sums) == self.workers else _mean(begun.sums)
        meter.resume({name: value.to(self.device) for name, value in sums.items()}, begun.step)
        if len(begun.random) == self.workers:
            _set_random_state(self.device, begun.random[self.rank])

    def _step(self, batch: Batch, step: int) -> Losses:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.job.precision == "bfloat16"):
            losses: Losses = self.model(batch)
        self.task.zero_grad(set_to_none=True)
        losses.total.backward()
        if self.settings.clip_norm is not None:
            for parameters in self.clipped:
                nn.utils.clip_grad_norm_(parameters, self.settings.clip_norm)
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = self._lr(step) * group["rate"]
            optimiser.step()
        if self.average is not None:
            self.average.update_parameters(self.task.network)
        return losses

    def _lr(self, step: int) -> float:
        return learning_rate(self.settings, step, step // len(self.batches))


def build_task(feed: Feed) -> Any:
    """The network inside its loss, initialised from the run's seed alone, with the parameters of `freeze` held.

    Raises:
        UserError: the model learns from identities, and the sample set has none; or `freeze` names nothing of the network.
    """
    torch.manual_seed(feed.seed)
    network = feed.spec.build_network(feed.options)
    people = identity_numbers(feed) if feed.settings.epochs else None
    if people is not None and people.count == 0:
        raise UserError(
            f"{feed.folder}: names no person, but model.name {feed.spec.name} with these options learns from identities\n"
            "next: give the data set's boxes identities (gt/gt.txt) and run `dvc repro`, or set options of `model` that see none"
        )
    task: Any = feed.training.build_task(network, feed.options, feed.system_settings, people.count if people is not None else 0)
    freeze(task.network, feed.settings.freeze, feed.stage)
    return task


def averaged(network: nn.Module, decay: float) -> AveragedModel | None:
    """An exponential moving average of a network's parameters and statistics, which is what a training publishes.

    It moves what the last steps happened to do out of the result: a rounding that differs from machine to machine changes it less.

    Args:
        network: in training.
        decay: weight of the average before a step (Polyak averaging); 0: there is none.
    """
    return AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True) if decay else None


def take_average(network: nn.Module, state: TrainingState) -> None:
    """Give a network the moving average of a state, where there is one (see `averaged`)."""
    own = {name.removeprefix(_AVERAGED): value for name, value in state.average.items() if name.startswith(_AVERAGED)}
    if own:
        network.load_state_dict(own)


def _group_of(feed: Feed, name: str) -> Group:
    return feed.training.group_of(name, feed.options)


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


def _random_state(device: torch.device) -> list[Tensor]:
    """State of the generators that a step may draw from."""
    return [torch.get_rng_state(), *([torch.cuda.get_rng_state(device)] if device.type == "cuda" else [])]


def _set_random_state(device: torch.device, state: list[Tensor]) -> None:
    torch.set_rng_state(state[0])
    if device.type == "cuda" and len(state) > 1:
        torch.cuda.set_rng_state(state[1], device)


def _mean(sums: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([each[name] for each in sums]).mean(dim=0) for name in sums[0]}


def _choose_algorithms(settings: Training) -> None:
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(settings.deterministic, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # costs time, hides no randomness here
    torch.backends.cudnn.benchmark = not settings.deterministic  # measures its algorithms and takes the fastest
    torch.set_num_threads(settings.threads)
