"""A training that is killed between two checkpoints ends with the bytes of one left alone, whatever a system learns from."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.artifacts.publication import Publication
from pipeline.params.sections.common import Cluster
from pipeline.training import checkpoints
from pipeline.training import fit as training
from tests.pipeline.tiny import feed, write_samples
from tests.shared import ROOT

SETTINGS: dict[str, Any] = {"epochs": 4, "lr_drop_epochs": [3], "checkpoint_minutes": 0.002}
PAIRS = {"id_weight": 1.0, "max_gap": 3, "negative_ratio": 0.0}
SYSTEMS: dict[str, dict[str, Any]] = {
    "tiny": {"workers": 2, "batch_size": 4, "model": PAIRS, "epochs": 40, "lr_drop_epochs": [30]},
    "qdtrack": {"workers": 2, "batch_size": 4, "model": PAIRS},  # keys and references, two stages
    "fdta": {"workers": 1, "batch_size": 2, "model": {"max_gap": 2}},  # clips with depth, a network in the tracker
    "finetrack": {"workers": 2, "batch_size": 8, "sampling": "groups", "group_frames": 4, "model": {"id_weight": 1.0}},  # runs of frames
}
SECONDS = 240


@pytest.mark.slow
@pytest.mark.parametrize("system", SYSTEMS)
def test_a_killed_training_ends_like_an_undisturbed_one(system: str, tmp_path: Path) -> None:
    samples = write_samples(tmp_path / "samples", sequences=4, frames=16)
    for folder in ("whole", "killed"):
        (tmp_path / folder).mkdir()
    output = finished(tmp_path / "whole", samples, system)
    assert "resumed" not in output
    checkpoint = killed(tmp_path / "killed", samples, system)
    assert checkpoint.parent.name.startswith("finetune-")
    assert (checkpoint.parent / checkpoints.STEP_FILE).is_file()
    assert not (tmp_path / "killed" / "out").exists()
    assert "resumed after epoch" in finished(tmp_path / "killed", samples, system)
    assert published(tmp_path / "killed") == published(tmp_path / "whole")


def killed(folder: Path, samples: Path, system: str) -> Path:
    """Start a training and end its whole group of processes by SIGKILL when it has a second checkpoint; gives the first."""
    victim = command(folder, samples, system)
    deadline = time.monotonic() + SECONDS
    while len(found := list((folder / checkpoints.FOLDER).glob("*/checkpoint_*"))) < 2:
        assert victim.poll() is None, victim.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(victim.pid, signal.SIGKILL)
    victim.communicate(timeout=SECONDS)
    return found[0]


def finished(folder: Path, samples: Path, system: str) -> str:
    """What a training that is left alone writes."""
    process = command(folder, samples, system)
    output = process.communicate(timeout=SECONDS)[0]
    assert process.returncode == 0, output
    return output


def command(folder: Path, samples: Path, system: str) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-m", "tests.system.test_systems_survive", str(folder), str(samples), system]
    return subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)


def published(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "out").iterdir()}


def train(folder: Path, samples: Path, system: str) -> None:
    given = feed(samples, **SETTINGS | SYSTEMS[system])
    if system != "tiny":
        spec = importlib.import_module(f"models.{system}.spec").SPEC
        given = replace(given, spec=spec, options=importlib.import_module(f"tests.models.{system}.samples").small_options())
    publication = Publication(folder / "out", "finetune", "a" * 64)
    cluster = Cluster(address="local", num_cpus=2, object_store_mb=100)
    with training.trained(given, None, publication=publication, run=None, cluster=cluster, root=folder):
        pass


if __name__ == "__main__":
    train(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
