"""The training loop of the default preset on one core beside its bare steps: forward, backward and optimiser on tensors that are ready.

The loop decodes and augments, adds up metrics, logs them to MLflow and saves a checkpoint at the end. Its epoch here is half of the
preset's, so that logging and saving weigh twice.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from benchmarks.harness import Timed, Work, compare
from benchmarks.samples import draw_walkers, read_options, read_preset, read_sequences, write_samples
from models import load
from pipeline.feeding.loader import SAMPLES, build_feed
from pipeline.files import model_folder
from pipeline.numerics.precision import resolved
from pipeline.params.sections.common import Mlflow
from pipeline.registry.runs import started, worker_log
from pipeline.training import checkpoints
from pipeline.training.meter import TrainingJob
from pipeline.training.trainer import Trainer, build_task

SEQUENCES, FRAMES = 2, 16
STEPS, PAIRS = 30, 4  # of an epoch; of a step, a worker's share of the preset's batch


def measure() -> Iterator[Timed]:
    """One line: the limit is the bare step, the aim is 95 % of it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        params = read_preset("walkers", {"finetune": {"batch_size": PAIRS, "epoch_samples": STEPS * PAIRS}})
        frames = read_sequences(draw_walkers(params, folder / "walkers", SEQUENCES, FRAMES))
        write_samples(folder / SAMPLES["finetune"], params, frames)
        feed = build_feed(params, read_options("walkers"), load("outrack"), "finetune", folder)
        model_folder.save(build_task(feed).network, folder / "initial.safetensors")
        with started(
            Mlflow(tracking_uri="sqlite:///runs.db", experiment="step", system_metrics=False), folder, stage="step", tags={}
        ) as run:
            job = TrainingJob(
                stage="finetune",
                fingerprint="0" * 64,
                feed=feed,
                initial=folder / "initial.safetensors",
                precision=resolved(feed.settings.precision, use_gpu=False),
                run=(run.tracking_uri, run.run_id, ""),
                until=1,
            )
            loop, bare = _loop(Trainer(job, torch.device("cpu")), folder), _bare(Trainer(job, torch.device("cpu")))
            yield compare(f"training step, {PAIRS} pairs, the default preset", "step", STEPS, loop, limit=bare, rounds=5)


def _loop(trainer: Trainer, folder: Path) -> Work:
    def epoch() -> None:
        record = trainer.run_epoch()
        assert trainer.job.run is not None
        worker_log(trainer.job.run[0], trainer.job.run[1], record, int(record["step"]))
        checkpoints.save(folder, trainer.state())

    return epoch


def _bare(trainer: Trainer) -> Work:
    trainer.task.train()
    batches = list(trainer.loader)[: STEPS // 4]

    def steps() -> None:
        for step in range(STEPS):
            with torch.autocast("cpu", torch.bfloat16, enabled=trainer.job.precision == "bfloat16"):
                losses = trainer.model(batches[step % len(batches)])
            trainer.task.zero_grad(set_to_none=True)
            losses.total.backward()
            torch.nn.utils.clip_grad_norm_(trainer.task.parameters(), 10.0)
            for optimiser in trainer.optimisers:
                optimiser.step()

    return steps
