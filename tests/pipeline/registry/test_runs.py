from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import mlflow
import pytest

from pipeline.artifacts.publication import Publication
from pipeline.params.sections.common import Mlflow
from pipeline.registry import runs
from tests.mlflow_store import new_store
from tests.shared import ROOT

SETTINGS = Mlflow(tracking_uri="sqlite:///runs.db", experiment="demo", system_metrics=False)


@pytest.fixture(autouse=True)
def store(tmp_path: Path) -> None:
    new_store(tmp_path, "runs.db")


def test_a_run_finds_the_run_that_wrote_its_input(tmp_path: Path) -> None:
    made = Publication(tmp_path / "out", "writer", "a" * 64)
    with made.write("one.txt") as path:
        path.write_text("one")
    manifest = made.publish()
    with runs.started(SETTINGS, tmp_path, stage="writer", tags={}) as writer:
        writer.output(manifest)
        writer.params({"writer": {"lr": 0.1, "augment": {"flip": 0.5}}})
        writer.metrics({"loss": 2.0}, step=1)
        writer.metrics({"loss": 1.0}, step=2)
        writer.artifact(made.out / "one.txt")
    with runs.started(SETTINGS, tmp_path, stage="reader", tags={"note": "x"}) as reader:
        reader.input(manifest, "frames")
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/runs.db")
    written, read = client.get_run(writer.run_id), client.get_run(reader.run_id)
    assert written.data.params == {"writer.lr": "0.1", "writer.augment.flip": "0.5"}
    assert [m.value for m in client.get_metric_history(writer.run_id, "loss")] == [2.0, 1.0]
    assert read.data.tags["throughline.upstream.frames"] == writer.run_id
    assert read.inputs.dataset_inputs[0].dataset.digest == manifest.digest[:36]
    assert read.data.tags["throughline.git_commit"] == "unknown"
    assert read.info.status == "FINISHED"


def test_a_failed_stage_leaves_a_failed_run(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), runs.started(SETTINGS, tmp_path, stage="broken", tags={}) as run:
        raise RuntimeError("no")
    assert mlflow.MlflowClient(run.tracking_uri).get_run(run.run_id).info.status == "FAILED"


def test_what_a_killed_stage_left_running_is_closed_by_the_next(tmp_path: Path) -> None:
    code = f"""
import os, signal
from pathlib import Path
from pipeline.params.sections.common import Mlflow
from pipeline.registry.runs import started
with started(Mlflow.model_validate({SETTINGS.model_dump()}), Path({str(tmp_path)!r}), stage="track", tags={{}}):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == -signal.SIGKILL
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/runs.db")
    (killed,) = client.search_runs([item.experiment_id for item in client.search_experiments()])
    assert killed.info.status == "RUNNING"
    living = client.create_run(killed.info.experiment_id, tags=killed.data.tags | {runs.PROCESS: str(os.getpid())}).info.run_id
    untagged = {name: value for name, value in killed.data.tags.items() if name != runs.PROCESS}
    another = client.create_run(killed.info.experiment_id, tags=untagged).info.run_id
    with runs.started(SETTINGS, tmp_path, stage="track", tags={}):
        assert client.get_run(another).info.status == "RUNNING", "nobody says which process it is"
        assert client.get_run(killed.info.run_id).info.status == "KILLED"
        assert client.get_run(living).info.status == "RUNNING", "its process lives"


def test_without_git_the_commit_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert runs.git_state(ROOT) == {"throughline.git_commit": "unknown", "throughline.git_dirty": "unknown"}
