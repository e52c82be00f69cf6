"""Faults of processes: one of them is killed, told to end, or stopped for a while, at a random moment of a stage."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress

import psutil

from tests.soak.commands import Running
from tests.soak.trial import Struck, Trial

WORKING = ("render_walkers", "extract_frames", "label_depth", "pack_samples", "track")
TRAINING = ("pretrain", "finetune")
STOPPED_SECONDS = (1.0, 8.0)
FIND_SECONDS = 120.0


def hit(trial: Trial, target: str, kind: str) -> Struck | None:
    """Send a signal to a process of a stage under way; None: it ended before."""
    number = signal.Signals[kind]
    stage = trial.rng.choice(TRAINING if target in ("rank", "loader") else WORKING)
    stage = "pretrain" if target == "loader" else stage
    usual = trial.usual(stage)
    trial.ground.forget(stage)

    def again() -> Running:
        return trial.commands.program(["dvc", "repro", "-f", "-s", stage]) if target == "dvc" else trial.start(stage)

    running = again()
    if target in ("rank", "worker", "loader"):
        process = _awaited(lambda: _worker(trial, target), running)
    elif target in ("raylet", "gcs_server"):
        process = trial.head.processes[target]
    else:
        process = psutil.Process(running.process)
    if process is None or not trial.wait_within(running, 3.0 if target in ("rank", "worker", "loader") else 0.8 * usual):
        running.end(usual)
        return None
    after = time.monotonic() - running.begun
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        running.end(usual)
        return None
    where = f"{target} of {stage} after {after:.1f} s" if target != stage else f"{stage} after {after:.1f} s"
    if number != signal.SIGSTOP:
        return Struck(where, running, again)
    if target == "stage":
        return _stopped_stage(trial, stage, where, running)
    stopped = trial.rng.uniform(*STOPPED_SECONDS)
    time.sleep(stopped)
    with suppress(psutil.NoSuchProcess):
        process.send_signal(signal.SIGCONT)
    return Struck(f"{where}, for {stopped:.1f} s", running, again)


def _stopped_stage(trial: Trial, stage: str, where: str, first: Running) -> Struck:
    """A stopped stage keeps its lock: the same command must not wait for ever, and says what to do."""

    def mend() -> None:
        with suppress(ProcessLookupError):
            os.kill(first.process, signal.SIGCONT)

    return Struck(f"{where}, then the same command beside it", trial.start(stage), lambda: trial.start(stage), mend, (first,))


def twice(trial: Trial) -> Struck | None:
    """Two `dvc repro` at once."""
    stage = trial.rng.choice(WORKING)
    trial.ground.forget(stage)

    def again() -> Running:
        return trial.commands.program(["dvc", "repro", "-s", "-f", stage])

    first = again()
    time.sleep(trial.rng.uniform(0.0, 5.0))
    return Struck(f"of {stage}", again(), again, others=(first,))


def _awaited(find: Callable[[], psutil.Process | None], running: Running) -> psutil.Process | None:
    deadline = time.monotonic() + FIND_SECONDS
    while running.poll() is None and time.monotonic() < deadline:
        if (found := find()) is not None:
            return found
        time.sleep(0.05)
    return None


def _worker(trial: Trial, target: str) -> psutil.Process | None:
    """A process of Ray's that works: any, the rank of a training, or the loader that it forked, which carries the same name."""
    found = trial.head.workers()
    with suppress(psutil.Error):
        if target == "worker":
            return trial.rng.choice(found) if found else None
        trains = [each for each in found if "RayTrainWorker" in " ".join(each.cmdline())]
        wanted = [each for each in trains if (each.parent() in trains) == (target == "loader")]
        return wanted[0] if wanted else None
    return None
