from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import mlflow
import pytest

from pipeline.params.sections.common import Mlflow
from pipeline.registry import reproduction, runs
from pipeline.registry.reproduction import Reproduction
from tests.mlflow_store import new_store
from tests.shared import ROOT

SETTINGS = Mlflow(tracking_uri="sqlite:///runs.db", experiment="demo", system_metrics=False)
TRACKER = {"model": {"tracker": {"iou_limit": 0.88, "refind": "paper"}}, "pack_samples": {"split": {"rule": "half"}, "mix": {}}}
TUNED = {**TRACKER, "model": {"tracker": {"iou_limit": 0.8, "refind": "paper"}}}


@pytest.fixture(autouse=True)
def store(tmp_path: Path) -> None:
    new_store(tmp_path, "runs.db")


def test_stages_of_one_command_lie_below_one_run_whose_rows_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = [Reproduction(os.getpid(), "1", None), Reproduction(os.getpid(), "2", "lousy-bort")]
    made = []
    for command, params in zip(commands, (TRACKER, TUNED), strict=True):
        monkeypatch.setattr(reproduction, "current", lambda command=command: command)
        for stage in ("track", "evaluate"):
            tags = {"throughline.fingerprint": f"{stage}-fingerprint"}
            with runs.started(SETTINGS, tmp_path, stage=stage, tags=tags, params=params, whole={**params, "base": {"seed": 1}}) as run:
                run.headline({"HOTA": 60.0})
                made.append(run)
    store = mlflow.MlflowClient(made[0].tracking_uri)
    parents = [store.get_run(run.parent) for run in made[::2]]
    assert [run.parent for run in made] == [parents[0].info.run_id] * 2 + [parents[1].info.run_id] * 2
    assert [parent.info.run_name for parent in parents] == ["repro unknown", "exp lousy-bort: iou_limit=0.8"]
    assert [parent.info.status for parent in parents] == ["FINISHED", "FINISHED"]
    assert parents[0].data.metrics == {"HOTA": 60.0}
    assert parents[0].data.params["base.seed"] == "1"
    children = [store.get_run(run.run_id) for run in made]
    assert [child.info.run_name for child in children] == [
        "track track-f",
        "evaluate evaluat",
        "track: iou_limit=0.8",
        "evaluate: iou_limit=0.8",
    ]
    assert {child.data.tags["mlflow.parentRunId"] for child in children[2:]} == {parents[1].info.run_id}
    assert children[0].data.params == {
        "model.tracker.iou_limit": "0.88",
        "model.tracker.refind": "paper",
        "pack_samples.split.rule": "half",
        "pack_samples.mix": "{}",
    }
    (found,) = (item for item in store.search_experiments() if item.name == "demo")
    assert found.tags["mlflow.experimentKind"] == "custom_model_development", "MLflow's page opens it on its runs"


def test_a_failed_stage_fails_the_whole_for_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reproduction, "current", lambda: Reproduction(os.getpid(), "1", None))
    with pytest.raises(RuntimeError), runs.started(SETTINGS, tmp_path, stage="track", tags={}, params=TRACKER):
        raise RuntimeError("no")
    with runs.started(SETTINGS, tmp_path, stage="evaluate", tags={}, params=TRACKER) as run:
        assert mlflow.MlflowClient(run.tracking_uri).get_run(run.parent).info.status == "RUNNING"
    assert mlflow.MlflowClient(run.tracking_uri).get_run(run.parent).info.status == "FAILED"


def test_what_a_killed_command_left_running_is_closed_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait(timeout=20)
    monkeypatch.setattr(reproduction, "current", lambda: Reproduction(gone.pid, "1", None))
    with runs.started(SETTINGS, tmp_path, stage="track", tags={}, params=TRACKER) as first:
        store = mlflow.MlflowClient(first.tracking_uri)
        monkeypatch.setattr(reproduction, "current", lambda: Reproduction(os.getpid(), "2", None))
        mlflow.end_run()
        with runs.started(SETTINGS, tmp_path, stage="evaluate", tags={}, params=TRACKER):
            assert store.get_run(first.parent).info.status == "KILLED"


def test_the_command_is_the_nearest_process_above_that_is_no_stage() -> None:
    told = "import sys; sys.path.insert(0, {root!r}); from pipeline.registry.reproduction import current; print(current())"
    shell = f'{sys.executable} -c "{told.format(root=str(ROOT))}" ; true'  # a shell stands between, and stays for `true`
    outside = {key: value for key, value in os.environ.items() if not key.startswith("DVC_")}
    outputs = [
        subprocess.run(["bash", "-c", shell], env=outside | added, capture_output=True, text=True, timeout=60, check=True).stdout.strip()
        for added in ({}, {"DVC_STAGE": "track"}, {"DVC_STAGE": "evaluate"}, {"DVC_STAGE": "track", "DVC_EXP_NAME": "bort"})
    ]
    assert outputs[0] == "None"
    assert outputs[1] == outputs[2]
    assert outputs[1].startswith(f"Reproduction(process={os.getpid()}, key='{os.getpid()}:")
    assert outputs[3].endswith("experiment='bort')")


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ({"a.lr": "1", "b.lr": "2"}, {"a.lr": "1", "b.lr": "3"}, "b.lr=3"),  # two keys end the same
        ({"a.b.lr": "1"}, {"a.b.lr": "2"}, "lr=2"),  # one does
        ({"a": "1", "b": "1", "c": "1", "d": "1"}, {"a": "2", "b": "2", "c": "2", "d": "2"}, "a=2, b=2, c=2, 1 more"),
        ({"a": "1"}, {"a": "1", "b": "1"}, ""),  # a parameter that an older commit lacked is no change
    ],
)
def test_a_name_tells_what_changed(before: dict[str, str], now: dict[str, str], told: str) -> None:
    assert reproduction.changes(now, before) == told
