"""Training as a stage sees it: check, fit with Ray Train, publish the network.

Everything that can be wrong with weights, data or resources is found before Ray starts a worker. The run's name holds a fingerprint of
parameters, data, code and initial weights: after a kill the same command goes on where it was, and nothing else does.
"""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from pyarrow.fs import FSSpecHandler, PyFileSystem
from torch import nn

from pipeline.artifacts.publication import Manifest, Publication, file_digest
from pipeline.artifacts.store import Place, filesystem
from pipeline.errors import UserError, unwrapped
from pipeline.feeding.checks import check_samples
from pipeline.feeding.loader import Feed
from pipeline.files import model_folder
from pipeline.files.appearance import seen_in
from pipeline.files.sample_store import SampleStore
from pipeline.numerics import precision
from pipeline.params import file as params
from pipeline.params.sections.common import Cluster
from pipeline.params.sections.training import Elastic, Training
from pipeline.registry.runs import StageRun
from pipeline.runtime.cluster import attached
from pipeline.training import checkpoints
from pipeline.training.checkpoints import EpochRecord, TrainingState
from pipeline.training.meter import TrainingJob
from pipeline.training.trainer import build_task, take_average
from pipeline.training.worker import train_worker

HISTORY = "history.csv"
INITIAL = "initial.safetensors"
CHECKPOINTS_KEPT = 2
# An attempt to start workers, of which there are CONTROLLER_FAILURES and one. An elastic training starts with fewer after the first ones,
# so these should not take long; where all are needed, a busy machine is given time.
START, START_SECONDS, START_ELASTIC_SECONDS = "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S", 60, 15
RESIZE_SECONDS = 10.0  # how often an elastic training looks for room for more workers
CONTROLLER_FAILURES = 3  # Ray's default retries for ever when workers cannot start

# Poll often (Ray's two seconds are a floor on every epoch), and start neither actors for machines about to be reclaimed nor exporters.
RAY_TRAIN_ENVIRONMENT = {
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    "RAY_TRAIN_METRICS_ENABLED": "0",
    "RAY_TRAIN_ENABLE_PRINT_PATCH": "0",
}
WORKER_ENVIRONMENT = {
    "TORCH_CPP_LOG_LEVEL": "ERROR",  # or every worker remarks that the network has no unused parameters; another model's may
    # Ray trains in a thread, and glibc gives memory of a thread's own arena back whatever `pipeline.runtime.malloc` says
    "MALLOC_ARENA_MAX": "1",
}


@dataclass(frozen=True)
class Rungs:
    """Where training pauses to be judged.

    Attributes:
        epochs: after how many epochs, ascending.
        judge: gets the folder of the model as it is then (weights.safetensors and model.json) and the epochs done; what it raises ends
            the training, whose checkpoint stays.
    """

    epochs: tuple[int, ...]
    judge: Callable[[Path, int], None]


@contextmanager
def trained(
    feed: Feed,
    start: Place | None,
    *,
    publication: Publication,
    run: StageRun | None,
    cluster: Cluster,
    root: Path,
    rungs: Rungs | None = None,
) -> Iterator[Manifest]:
    """Train a network, publish weights.safetensors, model.json and history.csv, and hold the checkpoints until the block ends well.

    What follows training (registration) belongs in the block: killed there, the same command trains no epoch again.

    Args:
        feed: data, model and settings.
        start: weights to begin with, or None for a random network.
        publication: the folder to publish; its stage names the run.
        run: the MLflow run that gets the curves; None: none.
        cluster: where to train.
        root: the repository, where checkpoints lie.
        rungs: pauses on the way.

    Yields:
        The published manifest, which says what part of the samples each data set gave where `mix` weighs them. With no epochs, or a
        system that is never trained, the initial network is published.

    Raises:
        UserError: the weights do not fit, the samples cannot be learnt from (`checks.check_samples`), `freeze` names nothing of the
            network, the resources are not there, or the loss diverged.
    """
    if feed.spec.training is None:
        yield _publish_as_given(feed, start, publication)
        return
    settings = feed.settings
    drawn = check_samples(feed) if settings.epochs else None
    task = build_task(feed)
    _load_start(task.network, start, feed, publication)
    fingerprint = params.digest(publication.fingerprint, _digest(start))
    folder = checkpoints.run_folder(root, publication.stage, fingerprint)
    kept = checkpoints.kept_in(folder, publication.kept)
    history: list[EpochRecord] = []
    if settings.epochs:
        with checkpoints.exclusive(folder):
            model_folder.save(task.network, _made(kept) / INITIAL)
            for until in (*(rungs.epochs if rungs else ()), settings.epochs):
                state = _fit(feed, kept, until, stage=publication.stage, fingerprint=fingerprint, run=run, cluster=cluster)
                task.load_state_dict(state.task)
                take_average(task.network, state)
                if rungs is not None and until < settings.epochs and state.epochs == until:  # a resumed run may be further
                    _judge(task.network, feed, rungs, until, publication)
        history = state.history
    yield _publish(task.network, feed, history, publication, {"mix": drawn.shares} if drawn else {})
    checkpoints.forget(folder, kept)


def _load_start(network: nn.Module, start: Place | None, feed: Feed, publication: Publication) -> None:
    if start is not None:
        print(f"{publication.stage}: {start}: {model_folder.load(network, start, feed.settings.min_loaded, feed.spec.foreign_names)}")


def _publish_as_given(feed: Feed, start: Place | None, publication: Publication) -> Manifest:
    """Publish the network of a system that is never trained, with the weights it starts from."""
    settings, stage = feed.settings, publication.stage
    if settings.epochs:
        print(f"{stage}: model.name {feed.spec.name} is never trained; {stage}.epochs {settings.epochs} has no effect")
    if start is None:
        print(f"{stage}: no weights are given: a random network is published\nnext: name some in {stage}.weights")
    torch.manual_seed(feed.seed)
    network = feed.spec.build_network(feed.options)
    _load_start(network, start, feed, publication)
    untrained = replace(feed, settings=settings.model_copy(update={"epochs": 0}))
    return _publish(network, untrained, [], publication, {})


def _made(folder: Place) -> Place:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _judge(network: Any, feed: Feed, rungs: Rungs, epochs: int, publication: Publication) -> None:
    with tempfile.TemporaryDirectory() as name:
        model_folder.save(network, Path(name) / model_folder.WEIGHTS)
        _card(feed, publication).write(Path(name) / model_folder.CARD)
        rungs.judge(Path(name), epochs)


def _fit(feed: Feed, folder: Place, until: int, *, stage: str, fingerprint: str, run: StageRun | None, cluster: Cluster) -> TrainingState:
    with attached(cluster):
        settings, use_gpu = _devices(feed.settings, stage, feed.samples.group)
        job = TrainingJob(
            stage=stage,
            fingerprint=fingerprint,
            feed=replace(feed, settings=settings),
            initial=folder / INITIAL,
            precision=precision.resolved(settings.precision, use_gpu),
            run=None if run is None else (run.tracking_uri, run.run_id, run.prefix),
            until=until,
        )
        return _run_workers(job, folder, use_gpu=use_gpu)


def _run_workers(job: TrainingJob, folder: Place, *, use_gpu: bool) -> TrainingState:
    """Let Ray Train run `train_worker` to the end; it finds the run's own checkpoints by its name."""
    from ray.train import CheckpointConfig, FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig

    settings = job.feed.settings
    elastic = isinstance(settings.workers, Elastic)
    os.environ.update(RAY_TRAIN_ENVIRONMENT | {START: str(START_ELASTIC_SECONDS if elastic else START_SECONDS)})
    trainer = _quick_trainer()(
        train_worker,
        train_loop_config={"job": job},
        torch_config=TorchConfig(backend="nccl" if use_gpu else "gloo"),
        scaling_config=ScalingConfig(
            num_workers=(settings.least_workers, settings.most_workers) if elastic else settings.workers,
            elastic_resize_monitor_interval_s=RESIZE_SECONDS,
            use_gpu=use_gpu,
            resources_per_worker={"CPU": settings.threads} | ({"GPU": 1} if use_gpu else {}),
        ),
        run_config=RunConfig(
            name=folder.name,
            **_storage(folder.parent),
            checkpoint_config=CheckpointConfig(num_to_keep=CHECKPOINTS_KEPT),
            failure_config=FailureConfig(max_failures=settings.max_failures, controller_failure_limit=CONTROLLER_FAILURES),
            worker_runtime_env={"env_vars": WORKER_ENVIRONMENT},
        ),
    )
    with unwrapped():
        result = trainer.fit()
    if result.return_value is not None:
        raise result.return_value
    return checkpoints.load(result.checkpoint.path, job.fingerprint, result.checkpoint.filesystem)


def _storage(folder: Place) -> dict[str, Any]:
    """Ray's words for a place; every worker reaches a URL by itself."""
    if isinstance(folder, Path):
        return {"storage_path": str(folder)}
    return {"storage_path": folder.path, "storage_filesystem": PyFileSystem(FSSpecHandler(filesystem(folder)))}


def _quick_trainer() -> Any:
    """Ray's `TorchTrainer` without its placement group cleaner.

    The cleaner asks Ray's dashboard whether the run still lives. We start none, so it would clean nothing and delay the end of each
    training by twelve seconds; placement groups go with the driver.
    """
    from ray.train.torch import TorchTrainer

    class QuickTrainer(TorchTrainer):
        def _create_default_callbacks(self) -> list[Any]:
            return [
                callback for callback in super()._create_default_callbacks() if type(callback).__name__ != "PlacementGroupCleanerCallback"
            ]

    return QuickTrainer


def _devices(settings: Training, stage: str, group: int = 1) -> tuple[Training, bool]:
    """What to train on, by what Ray has: the settings, with as many workers as there are devices, and whether these are GPUs.

    With `use_gpu: auto` and fewer GPUs than workers, fewer workers share the same global batch, by whole groups of frames. Elastic workers
    stay as they are where there is room for the least of them.

    Raises:
        UserError: the cluster lacks what the parameters ask for.
    """
    import ray

    resources = ray.cluster_resources()
    gpus, cpus, workers = int(resources.get("GPU", 0)), int(resources.get("CPU", 0)), settings.least_workers
    if settings.use_gpu is True and gpus < workers:
        raise UserError(f"{stage}.use_gpu: {workers} workers need as many GPUs, Ray has {gpus}\nnext: set it to auto, or lower workers")
    use_gpu = gpus > 0 if settings.use_gpu == "auto" else settings.use_gpu
    if use_gpu and gpus < workers:
        workers = max(count for count in range(1, gpus + 1) if settings.batch_size % (count * group) == 0)
        wanted = settings.least_workers
        print(f"{stage}: {workers} workers instead of {wanted}, Ray has {gpus} GPUs; the global batch stays {settings.batch_size}")
    if workers * settings.threads > cpus:
        raise UserError(
            f"{stage}: {workers} workers x {settings.threads} threads need {workers * settings.threads} CPUs, Ray has {cpus}\n"
            f"next: lower {stage}.workers or {stage}.threads, or raise cluster.num_cpus"
        )
    if isinstance(settings.workers, Elastic) and workers == settings.workers.min:
        return settings, use_gpu
    return settings.model_copy(update={"workers": workers}), use_gpu


def _publish(network: Any, feed: Feed, history: list[EpochRecord], publication: Publication, facts: dict[str, Any]) -> Manifest:
    with publication.write(model_folder.WEIGHTS) as path:
        model_folder.save(network, path)
    with publication.write(model_folder.CARD) as path:
        _card(feed, publication).write(path)
    with publication.write(HISTORY) as path:
        _write_history(path, history)
    return publication.publish(epochs=feed.settings.epochs, samples=feed.folder.name, **facts)


def _card(feed: Feed, publication: Publication) -> model_folder.ModelCard:
    options = feed.options.model_dump(mode="json")
    seen = seen_in(SampleStore(feed.folder), feed.width, feed.height) if feed.spec.training and feed.settings.epochs else None
    return model_folder.ModelCard(feed.spec.name, options, feed.width, feed.height, publication.fingerprint, feed.classes, seen)


def _write_history(path: Path, history: list[EpochRecord]) -> None:
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(history[0] if history else ["epoch", "step", "lr", "loss"])
        writer.writerows([f"{value:.9g}" for value in record.values()] for record in history)


def _digest(path: Place | None) -> str:
    """SHA-256 of a file: weights from outside are an input that no manifest names."""
    return "" if path is None else file_digest(path)
