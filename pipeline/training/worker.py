"""What every training worker does: epochs, with a checkpoint after each and every few minutes between.

Ray Train starts one worker for each device (`train_worker`).
"""

from __future__ import annotations

import logging
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from torch import nn

from pipeline.contract.counts import accuracies
from pipeline.errors import PlainError, connection
from pipeline.params.sections.training import Elastic
from pipeline.training import checkpoints
from pipeline.training.keeper import Keeper
from pipeline.training.meter import TrainingJob, duration, log, say
from pipeline.training.trainer import Trainer


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
        return prepare_model(task, parallel_strategy_kwargs={"find_unused_parameters": True, "gradient_as_bucket_view": True})

    folder = job.feed.folder
    try:
        with nullcontext() if isinstance(folder, Path) else connection(str(folder)):
            rank, device, kept = context.get_world_rank(), get_device(), job.initial.parent
            keeper = Keeper(kept, 60 * job.feed.settings.checkpoint_minutes, device=device, rank=rank, workers=workers)
            if rank == 0 and isinstance(wanted := job.feed.settings.workers, Elastic):
                say(job.stage, f"{workers} of {wanted.min} to {wanted.max} workers share each batch of {job.feed.settings.batch_size}")
            trainer = Trainer(job, device, rank=rank, workers=workers, wrap=wrap, keeper=keeper)
            resumed = ray.train.get_checkpoint()
            state = None if resumed is None else checkpoints.load(resumed.path, job.fingerprint, resumed.filesystem)
            state = checkpoints.furthest(state, kept, job.fingerprint)
            if state is not None:
                trainer.restore(state)
            while trainer.epochs < job.until:
                _report(trainer, trainer.run_epoch())
                keeper.restart()
            keeper.close()
    except PlainError as error:
        if workers > 1:
            raise
        return type(error)(*error.args)  # without what it came from, which not everything can unpickle
    return None


def _report(trainer: Trainer, record: dict[str, float]) -> None:
    """Say, log and save an epoch; Ray waits for all workers here."""
    import ray.train
    from ray.train import Checkpoint

    if not trainer.speaks:
        ray.train.report({"epoch": record["epoch"]})
        return
    left = record["epoch_seconds"] * (trainer.settings.epochs - trainer.epochs)
    speed = f"{record['images_per_second']:.1f} images/s, {record['data_wait_share']:.0%} waiting for data"
    shares = accuracies(record)
    told = "".join(f", {name.replace('_', ' ')} {share:.2f}" for name, share in shares.items())
    done = f"epoch {trainer.epochs}/{trainer.settings.epochs}, loss {record['loss']:.4f}{told}"
    say(trainer.job.stage, f"{done}, {speed}, {duration(left)} left")
    log(trainer.job, record | shares, int(record["step"]))
    with tempfile.TemporaryDirectory() as folder:
        checkpoints.save(Path(folder), trainer.state())
        ray.train.report({"epoch": record["epoch"]}, checkpoint=Checkpoint.from_directory(folder))


def _hush_ray() -> None:
    """Ray's lines about each report repeat ours; some of its loggers are named by file."""
    for name in ["ray.train", *(name for name in logging.root.manager.loggerDict if "/ray/train/" in name)]:
        logging.getLogger(name).setLevel(logging.WARNING)
