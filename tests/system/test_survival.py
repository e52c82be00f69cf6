"""The whole pipeline in two clones: one undisturbed, one killed in every long stage. Both end with the same bytes, and repeat nothing."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.params import preset
from tests.shared import ROOT

DATA = ("data/walkers", "data/frames", "data/depth", "data/samples")
MODELS = ("artifacts/pretrain", "artifacts/finetune")
KILLED = {
    "render_walkers": "data/walkers.partial-*/.parts/**/*.json",
    "extract_frames": "data/frames.partial-*/.parts/**/*.json",
    "label_depth": "data/depth.partial-*",
    "pack_samples": "data/samples.partial-*",
    "pretrain": ".throughline/checkpoints/pretrain-*/checkpoint_*",
    "finetune": ".throughline/checkpoints/finetune-*/checkpoint_*",
    "track": "artifacts/tracks.partial-*",
}
STAGE_SECONDS = 240


def clone(folder: Path, epochs: int = 2) -> Path:
    """The working tree as git would clone it, with the smoke preset, so many epochs a training, and its own git history."""
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(lambda name: (ROOT / name).is_file(), names.stdout.splitlines()):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    copy_machine_code(folder)
    (folder / "params.yaml").write_text(re.sub(r"(?m)^  epochs: \d+", f"  epochs: {epochs}", preset.text("smoke")))
    subprocess.run("git init -q && git add -A && git -c user.name=t -c user.email=t@t commit -qm x", cwd=folder, shell=True, check=True)
    return folder


def copy_machine_code(folder: Path) -> None:
    """What Numba compiled here, so that a clone does not compile it anew; Numba knows a kernel by its folder's path and its file's time."""
    for compiled in ROOT.glob("*/*/kernels/__pycache__/*/kernels_*"):
        kernels = folder / compiled.parents[2].relative_to(ROOT)
        name = f"kernels_{hashlib.sha1(str(kernels).encode()).hexdigest()}"
        shutil.copytree(compiled, kernels / "__pycache__" / compiled.parent.name / name)


def environment(folder: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return os.environ | {"PATH": path, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}


def repro(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["dvc", "repro", *arguments], cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def kill_in(folder: Path, stage: str) -> None:
    """Start the pipeline up to a stage and SIGKILL everything once the stage has made its first part."""
    process = subprocess.Popen(
        ["dvc", "repro", stage],
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + STAGE_SECONDS
    while not any(folder.glob(KILLED[stage])) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def digests(folder: Path, names: tuple[str, ...]) -> dict[str, str]:
    return {name: json.loads((folder / name / "manifest.json").read_text())["digest"] for name in names}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_pipeline_killed_in_every_long_stage_ends_with_the_same_bytes(tmp_path: Path) -> None:
    calm, killed = clone(tmp_path / "calm"), clone(tmp_path / "killed")
    repro(calm)
    for stage in KILLED:
        kill_in(killed, stage)  # which first ends the stage that was killed before
    repro(killed)
    everything = (*DATA, *MODELS, "artifacts/tracks", "artifacts/observations")
    assert digests(calm, everything) == digests(killed, everything)
    first, second = (json.loads((folder / "artifacts/evaluate/metrics.json").read_text()) for folder in (calm, killed))
    first.pop("speed"), second.pop("speed")
    assert first == second
    for folder in (calm, killed):
        for name in everything:
            for part, entry in json.loads((folder / name / "manifest.json").read_text())["files"].items():
                assert hashlib.sha256((folder / name / part).read_bytes()).hexdigest() == entry["sha256"]
    assert "up to date" in repro(calm)
    assert not list((killed / "data").glob("*.partial-*"))
