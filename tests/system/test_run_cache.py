"""DVC's run cache and the registry: forth to another threshold with `dvc exp run -S`, back with `dvc repro`, which runs nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipeline.registry import registry
from tests.mlflow_store import new_store
from tests.shared import ROOT
from tests.stages.test_evaluate import Repository

STAGES = {
    "stages": {
        "track": {
            "cmd": f"{sys.executable} toy.py track",
            "params": ["iou_limit"],
            "outs": ["artifacts/tracks", "artifacts/observations", "artifacts/speed.json"],
        },
        "evaluate": {
            "cmd": f"{sys.executable} toy.py evaluate",
            "deps": ["artifacts/tracks", "artifacts/observations", "artifacts/speed.json"],
            "outs": ["artifacts/evaluate"],
        },
    }
}
TOY = """
import sys
from pathlib import Path
import yaml
from tests.stages.test_evaluate import Repository

repository, limit = Repository(Path.cwd()), yaml.safe_load(Path("params.yaml").read_text())["iou_limit"]
repository.weights = Path("weights.txt").read_text()
repository.evaluate() if sys.argv[1] == "evaluate" else repository.tracks(missed=1 if limit == 0.9 else 0, iou_limit=limit)
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A registered network, and a pipeline of two stages that tracks and scores it."""
    monkeypatch.chdir(tmp_path)
    new_store(tmp_path)
    made = Repository(tmp_path)
    made.frames()
    made.model(1)
    for name, text in {
        "weights.txt": made.weights,
        "toy.py": TOY,
        "dvc.yaml": yaml.safe_dump(STAGES),
        "params.yaml": "iou_limit: 0.9\n",
        ".gitignore": "/artifacts\n/data\n/mlruns\n/mlflow.db*\n",
    }.items():
        (tmp_path / name).write_text(text)
    run("git", "init", "-q")
    run("git", "config", "user.email", "you@example.org")
    run("git", "config", "user.name", "you")
    dvc("init", "-q")
    run("git", "add", "-A")
    run("git", "commit", "-qm", "begin")
    return made


def run(*words: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "DVC_NO_ANALYTICS": "1"}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def dvc(*words: str) -> str:
    return run(sys.executable, "-m", "dvc", *words)


@pytest.mark.slow
def test_forth_and_back_the_registry_ends_right(repository: Repository) -> None:
    dvc("repro")
    assert repository.scores(1) == {"private": 75}
    assert repository.champion() == "1"
    dvc("exp", "run", "-S", "iou_limit=0.8")
    right = {"private": 75}, {"private": 100}, "2"
    assert (repository.scores(1), repository.scores(2), repository.champion()) == right
    Path("params.yaml").write_text("iou_limit: 0.9\n")
    assert "Stage 'evaluate' is cached" in dvc("repro")
    assert (repository.scores(1), repository.scores(2), repository.champion()) == right
    assert [item.version for item in registry.versions(repository.uri)] == ["1", "2"]
