"""Sweeps on a real Ray with a real MLflow store, whose trials cost nothing."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from experiments.sweeps import tuning
from experiments.sweeps.run import sweep
from experiments.sweeps.tuning import Outcome
from pipeline.errors import UserError
from tests.experiments import fake
from tests.shared import ROOT

SEARCH = {"description": "s", "first": "track", "trials": 6, "search": {fake.THRESHOLD: {"low": 0.2, "high": 0.45}}}
SEARCH["search"]["model.tracker.refind_window"] = {"low": 1, "high": 30}  # type: ignore[index]
TRAINED = {"description": "t", "first": "finetune", "grid": {fake.THRESHOLD: [0.4, 0.3]}}


def runs(root: Path, query: str = "") -> list[Any]:
    client = MlflowClient(f"sqlite:///{root}/runs.db")
    found = client.search_runs([e.experiment_id for e in client.search_experiments()], query, order_by=["attributes.start_time"])
    return list(found)


def children(root: Path) -> dict[int, Any]:
    return {int(run.data.tags["throughline.trial.number"]): run for run in runs(root, "tags.`throughline.trial.number` != ''")}


def worked(root: Path) -> Counter[str]:
    return Counter((root / "work.txt").read_text().splitlines())


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory, ray_local: None) -> tuple[Path, list[Outcome]]:
    """A sweep of four trials, the last of which fails."""
    root = fake.repository(tmp_path_factory.mktemp("failing"))
    return root, sweep(fake.plan(fake.TRACKER), root, fake.MACHINERY)


def test_a_failing_trial_stops_no_other(failing: tuple[Path, list[Outcome]]) -> None:
    _, outcomes = failing
    assert [outcome.status for outcome in outcomes] == ["finished", "finished", "finished", "failed"]
    assert [outcome.metrics.get("HOTA") for outcome in outcomes] == [pytest.approx(50), pytest.approx(50), pytest.approx(60), None]
    assert outcomes[3].error == "RuntimeError: the network diverged"
    assert outcomes[3].log is not None
    assert 'raise UserError("weights' in outcomes[3].log.read_text()  # the line of the traceback


def test_mlflow_has_a_parent_and_a_child_a_trial(failing: tuple[Path, list[Outcome]]) -> None:
    root, outcomes = failing
    (parent,) = runs(root, "tags.`throughline.stage` = 'sweep'")
    found = children(root)
    assert parent.info.status == "FINISHED"
    assert [found[number].info.status for number in range(4)] == ["FINISHED", "FINISHED", "FINISHED", "FAILED"]
    assert {run.data.tags["mlflow.parentRunId"] for run in found.values()} == {parent.info.run_id}
    assert [found[number].info.run_id for number in range(4)] == [outcome.run_id for outcome in outcomes]
    best = found[2]
    assert best.data.params == {fake.THRESHOLD: "0.3", "seed": "317"}
    assert best.data.metrics == {"HOTA": pytest.approx(60), "IDSW": 3.0, "loss": 2.0}
    assert best.data.tags["throughline.model"] == str(root / "model")
    assert len(best.data.tags["throughline.model.digest"]) == 64
    assert best.data.tags["throughline.git_commit"] == "unknown"
    assert len(best.data.tags["throughline.input.frames"]) == 64
    assert [number for number, run in found.items() if run.data.tags.get("throughline.best") == "true"] == [2]
    assert parent.data.tags["throughline.best.run"] == best.info.run_id
    assert found[3].data.tags["throughline.trial.error"] == "RuntimeError: the network diverged"


def test_the_page_and_the_tables_hang_on_the_parent(failing: tuple[Path, list[Outcome]]) -> None:
    root, _ = failing
    (parent,) = runs(root, "tags.`throughline.stage` = 'sweep'")
    client = MlflowClient(f"sqlite:///{root}/runs.db")
    names = ["sweep/index.html", "sweep/summary.csv", "sweep/trials.csv"]
    assert [item.path for item in client.list_artifacts(parent.info.run_id, "sweep")] == names
    with (root / "artifacts/sweeps/demo/trials.csv").open() as stream:
        lines = list(csv.DictReader(stream))
    assert [(line["trial"], line[fake.THRESHOLD], line["seed"], line["status"]) for line in lines] == [
        ("0", "0.4", "317", "finished"),
        ("1", "0.2", "317", "finished"),
        ("2", "0.3", "317", "finished"),
        ("3", "0.5", "317", "failed"),
    ]


def test_the_same_command_again_tries_only_what_failed(failing: tuple[Path, list[Outcome]]) -> None:
    root, outcomes = failing
    again = sweep(fake.plan(fake.TRACKER), root, fake.MACHINERY)
    assert [outcome.run_id for outcome in again] == [outcome.run_id for outcome in outcomes]
    assert worked(root) == {"0.4 317": 1, "0.2 317": 1, "0.3 317": 1, "0.5 317": 2}
    assert len(runs(root)) == 5


def test_a_lost_mlflow_store_is_filled_again_without_work(failing: tuple[Path, list[Outcome]]) -> None:
    root, _ = failing
    before = worked(root)
    moved = fake.plan(fake.TRACKER | {"grid": {fake.THRESHOLD: [0.2, 0.3]}}, mlflow__experiment="other")
    outcomes = sweep(moved, root, fake.MACHINERY)
    assert [outcome.status for outcome in outcomes] == ["finished"] * 3
    assert worked(root) == before
    assert len({outcome.run_id for outcome in outcomes}) == 3


@pytest.mark.slow
def test_weaker_trials_are_stopped_at_a_rung_and_closed(tmp_path: Path, ray_local: None) -> None:
    root = fake.repository(tmp_path)
    body = TRAINED | {"grid": {fake.THRESHOLD: [0.4, 0.3, 0.6, 0.7]}}
    settings = {"sweep__scheduler": "asha", "sweep__concurrency": 1}
    outcomes = sweep(fake.plan(body, **settings), root, fake.MACHINERY)
    assert [outcome.status for outcome in outcomes] == ["finished", "finished", "stopped", "stopped"]
    found = children(root)
    assert [found[number].info.status for number in range(4)] == ["FINISHED", "FINISHED", "KILLED", "KILLED"]
    assert found[2].data.metrics["HOTA"] == pytest.approx(30 / 4)  # of the first rung, a quarter of the budget
    client = MlflowClient(f"sqlite:///{root}/runs.db")
    steps = [(item.step, round(item.value, 6)) for item in client.get_metric_history(found[1].info.run_id, "HOTA")]
    assert steps == [(25, 15.0), (50, 30.0), (100, 60.0)]
    before = worked(root)
    again = sweep(fake.plan(body, **settings), root, fake.MACHINERY)
    assert [outcome.status for outcome in again] == [outcome.status for outcome in outcomes]
    assert worked(root) == before


@pytest.mark.slow
def test_a_search_begins_with_the_default_and_goes_on_where_it_was(tmp_path: Path, ray_local: None) -> None:
    root = fake.repository(tmp_path)
    outcomes = sweep(fake.plan(SEARCH), root, fake.MACHINERY)
    assert [outcome.trial.number for outcome in outcomes] == list(range(6))
    assert outcomes[0].trial.configuration.values == {fake.THRESHOLD: 0.4, "model.tracker.refind_window": 15}
    for outcome in outcomes:
        values = outcome.trial.configuration.values
        assert 0.2 <= values[fake.THRESHOLD] <= 0.45
        assert isinstance(values["model.tracker.refind_window"], int)
    before = worked(root)
    more = sweep(fake.plan(SEARCH, sweep__trials=8), root, fake.MACHINERY)
    assert [outcome.run_id for outcome in more][:6] == [outcome.run_id for outcome in outcomes]
    assert sum(worked(root).values()) == sum(before.values()) + 2
    assert len({outcome.trial.configuration.label for outcome in more}) == 8


@pytest.mark.slow
def test_seeds_are_told_apart_and_the_best_mean_wins(tmp_path: Path, ray_local: None) -> None:
    root = fake.repository(tmp_path)
    sweep(fake.plan(TRAINED, sweep__seeds=2, sweep__workers=1), root, fake.MACHINERY)
    with (root / "artifacts/sweeps/demo/summary.csv").open() as stream:
        lines = {line["configuration"]: line for line in csv.DictReader(stream)}
    best = lines["detection_threshold=0.3"]
    assert best["finished"] == "2"
    assert float(best["HOTA_mean"]) == pytest.approx(60.05)
    assert float(best["HOTA_std"]) == pytest.approx(0.1 / 2**0.5)
    (parent,) = runs(root, "tags.`throughline.stage` = 'sweep'")
    assert parent.data.tags["throughline.best.trial"] == "3"
    assert float(parent.data.tags["throughline.best.HOTA"]) == pytest.approx(60.1)


@pytest.mark.parametrize(
    ("body", "settings"),
    [(TRAINED, {"sweep__concurrency": 2}), (TRAINED, {"sweep__workers": 3}), (fake.TRACKER, {"sweep__concurrency": 3})],
)
def test_more_than_the_cluster_has_is_refused_before_work(
    tmp_path: Path, ray_local: None, body: dict[str, Any], settings: dict[str, Any]
) -> None:
    root = fake.repository(tmp_path)
    with pytest.raises(UserError, match=r"sweep.concurrency: \d trials x \d workers x 1 threads do not fit the cluster's 2 CPUs"):
        sweep(fake.plan(body, **settings), root, fake.MACHINERY)
    assert not (root / "work.txt").exists()
    assert [run.info.status for run in runs(root)] == ["FAILED"]


def test_a_metric_that_nothing_measures_fails_the_trial(tmp_path: Path, ray_local: None) -> None:
    root = fake.repository(tmp_path)
    outcomes = sweep(fake.plan(fake.TRACKER | {"grid": {fake.THRESHOLD: [0.4]}}, sweep__metric="mAP"), root, fake.MACHINERY)
    assert outcomes[0].status == "failed"
    assert outcomes[0].error == "sweep demo: mAP was not measured; there are HOTA, IDSW"


def test_bad_values_start_no_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"detection_threshold=2, track: 1 parameter"):
        sweep(fake.plan(fake.TRACKER | {"grid": {fake.THRESHOLD: [2.0]}}), tmp_path, fake.MACHINERY)
    assert not (tmp_path / "runs.db").exists()


def test_one_sweep_has_one_driver(tmp_path: Path) -> None:
    plan = fake.plan(fake.TRACKER)
    with tuning.alone(plan, tmp_path), pytest.raises(UserError, match="sweep demo: another process runs it"), tuning.alone(plan, tmp_path):
        pass


DRIVER = """
import sys
from pathlib import Path
from experiments.sweeps.run import sweep
from tests.experiments import fake
from tests.experiments.sweeps.test_tuning import SEARCH
body = SEARCH if sys.argv[2] == "search" else fake.TRACKER | {"grid": {fake.THRESHOLD: [0.2, 0.3, 0.35, 0.45]}}
plan = fake.plan(body, base__data_root="sleep2", sweep__concurrency=1)
print([outcome.status for outcome in sweep(plan, Path(sys.argv[1]), fake.MACHINERY)])
"""


def driver(root: Path, kind: str) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", DRIVER, str(root), kind]
    return subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "count"), [("grid", 5), ("search", 6)])
def test_a_killed_driver_is_continued(tmp_path: Path, kind: str, count: int) -> None:
    """Killed in its third trial: two stay as they are, the third goes on in its own run, and no run is left RUNNING."""
    root = fake.repository(tmp_path)
    first = driver(root, kind)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not ((root / "work.txt").exists() and sum(worked(root).values()) == 3):
        time.sleep(0.05)
    time.sleep(0.5)
    os.killpg(first.pid, signal.SIGKILL)
    os.kill(int((root / "worker.pid").read_text()), signal.SIGKILL)  # Ray lets it live on for seconds, long enough to finish
    first.wait()
    killed = children(root)
    assert sorted(run.info.status for run in killed.values()) == ["FINISHED", "FINISHED", "RUNNING"]
    second = driver(root, kind)
    told, _ = second.communicate(timeout=180)
    assert told.strip().endswith(str(["finished"] * count))
    found = children(root)
    assert {number: run.info.run_id for number, run in killed.items()}.items() <= {n: run.info.run_id for n, run in found.items()}.items()
    assert sum(worked(root).values()) == count + 1  # the interrupted one was begun twice
    assert {run.info.status for run in runs(root)} == {"FINISHED"}
    assert len(runs(root)) == count + 1
