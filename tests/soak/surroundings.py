"""Faults of what lies around: a full disk, a clock that moved, a store that fails or stalls, MLflow's server gone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests.s3 import BUCKET
from tests.soak.commands import Running
from tests.soak.signals import WORKING
from tests.soak.trial import Struck, Trial

STORED = ("extract_frames", "label_depth", "pack_samples")
TO_A_STORE = "soak-store.yaml"
TO_A_SERVER = "soak-server.yaml"
CLOCK = "FAKETIME"


def full_disk(trial: Trial) -> Struck | None:
    """A file system with little room where the stage writes; the rest of the trial has room."""
    stage = trial.rng.choice(WORKING)
    trial.ground.forget(stage)
    folder = trial.ground.clone / trial.ground.outputs[stage][0].partition("/")[0]
    kept = folder.with_name(f"{folder.name}-with-room")
    used = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) // 1024
    room = trial.rng.choice((4, 16, 64, 256))
    folder.rename(kept)
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={4 * used + 2048}k", "none", str(folder)], check=True)
    subprocess.run(["cp", "-a", f"{kept}/.", str(folder)], check=True)
    shutil.rmtree(kept)
    filler = folder / ".filler"
    with filler.open("wb") as file:
        file.write(b"\0" * max(0, shutil.disk_usage(folder).free - room * 1024))

    def mend() -> None:
        filler.unlink(missing_ok=True)

    return Struck(f"{room} KB left for {stage}", trial.start(stage), lambda: trial.start(stage), mend)


def unmount(trial: Trial) -> None:
    """Take a file system of `full_disk` away, with what is on it."""
    for name in ("data", "artifacts"):
        if os.path.ismount(trial.ground.clone / name):
            subprocess.run(["umount", "-l", str(trial.ground.clone / name)], check=True)


def clock(trial: Trial) -> Struck | None:
    """The clock stands elsewhere for one run of a stage."""
    library = faketime()
    if library is None:
        return None
    stage, days = trial.rng.choice(WORKING), trial.rng.choice((-4000, -1, 1, 400))
    trial.ground.forget(stage)
    moved = trial.commands.program(
        [sys.executable, "-m", f"stages.{stage}"], {"LD_PRELOAD": str(library), CLOCK: f"{days:+d}d", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    )
    return Struck(f"{days:+d} days for {stage}", moved, lambda: trial.start(stage))


def faketime() -> Path | None:
    """libfaketime of the system, or of PyPI's package of that name."""
    for folder in (Path("/usr/lib"), Path("/usr/local/lib"), *(Path(entry) / "libfaketime" for entry in sys.path if entry), *_told()):
        if folder.is_dir() and (found := next(folder.rglob("libfaketime.so.1"), None)) is not None:
            return found
    return None


def _told() -> list[Path]:
    return [Path(os.environ["LIBFAKETIME"])] if "LIBFAKETIME" in os.environ else []


def store(trial: Trial, kind: str) -> Struck | None:
    """A stage that writes to an object store, of which calls fail or stall."""
    proxy = trial.services["proxy"]
    stage = trial.rng.choice(STORED)
    usual = trial.usual(stage)
    trial.ground.forget(stage)
    out = trial.ground.outputs[stage][0]
    params = (trial.ground.clone / "params.yaml").read_text().replace("store: .\n", f"store: s3://{BUCKET}/{trial.rng.getrandbits(48):x}\n")
    (trial.ground.clone / TO_A_STORE).write_text(params)
    seed = trial.rng.getrandbits(32)

    def start() -> Running:
        return trial.commands.stage(stage, "--params", TO_A_STORE, environment=trial.services["s3"])

    if kind == "fails":
        proxy.fail(0.05, seed)
        running = start()
    else:
        running = start()
        if not trial.wait_within(running, 0.8 * usual):
            proxy.mend()
            return None
        proxy.stall()

    def mend() -> None:
        proxy.mend()

    return Struck(f"of {out}, {proxy.total()} calls before", running, start, mend)


def server(trial: Trial, kind: str) -> Struck | None:
    """MLflow's server is killed, or stops for a while, while a stage logs to it."""
    stage = trial.rng.choice(WORKING)
    usual = trial.usual(stage)
    trial.ground.forget(stage)
    address = trial.services["mlflow"].up()
    params = (trial.ground.clone / "params.yaml").read_text().replace("sqlite:///mlflow.db", address)
    (trial.ground.clone / TO_A_SERVER).write_text(params)

    def start() -> Running:
        return trial.start(stage, "--params", TO_A_SERVER)

    running = start()
    if not trial.wait_within(running, 0.8 * usual):
        return None
    after = time.monotonic() - running.begun
    trial.services["mlflow"].strike(kind)

    def mend() -> None:
        trial.services["mlflow"].up()

    return Struck(f"in {stage} after {after:.1f} s", running, start, mend)
