"""Runs of sweeps in a real store: what a dead driver left is closed or continued, what others run is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlflow import MlflowClient

from experiments.sweeps import record
from pipeline.registry.runs import PLACE
from tests.experiments import fake
from tests.mlflow_store import new_store

OTHER = fake.TRACKER | {"grid": {fake.THRESHOLD: [0.6]}}


@pytest.fixture(autouse=True)
def store(tmp_path: Path) -> None:
    new_store(tmp_path, "runs.db")


def statuses(root: Path) -> dict[str, str]:
    client = MlflowClient(f"sqlite:///{root}/runs.db")
    found = client.search_runs([e.experiment_id for e in client.search_experiments()])
    return {run.info.run_id: run.info.status for run in found}


def abandoned(root: Path, plan: fake.Plan) -> tuple[str, str]:
    """Parent and child as a killed driver leaves them."""
    with record.opened(plan, root) as runs:
        child = runs.begin(plan.trials()[0])
    client = MlflowClient(runs.parent.tracking_uri)
    for run_id in (runs.parent.run_id, child.run_id):
        client.update_run(run_id, status="RUNNING")
    return runs.parent.run_id, child.run_id


def test_the_same_sweep_continues_its_runs(tmp_path: Path) -> None:
    plan = fake.plan(fake.TRACKER)
    parent, child = abandoned(tmp_path, plan)
    with record.opened(plan, tmp_path) as runs:
        assert runs.parent.run_id == parent
        assert statuses(tmp_path) == {parent: "RUNNING", child: "KILLED"}
        assert runs.begin(plan.trials()[0]).run_id == child
        assert statuses(tmp_path)[child] == "RUNNING"
        assert runs.begin(plan.trials()[1]).run_id != child
    assert sorted(statuses(tmp_path).values()) == ["FINISHED", "KILLED", "KILLED"]


def test_another_sweep_closes_what_it_does_not_continue(tmp_path: Path) -> None:
    left = abandoned(tmp_path, fake.plan(fake.TRACKER))
    with record.opened(fake.plan(OTHER), tmp_path) as runs:
        assert runs.parent.run_id not in left
    assert [statuses(tmp_path)[run_id] for run_id in left] == ["KILLED", "KILLED"]


def test_sweeps_of_other_names_and_places_are_left_alone(tmp_path: Path) -> None:
    named = abandoned(tmp_path, fake.plan(fake.TRACKER, "named"))
    elsewhere = abandoned(tmp_path, fake.plan(fake.TRACKER))
    MlflowClient(f"sqlite:///{tmp_path}/runs.db").set_tag(elsewhere[0], PLACE, "far:/away")
    with record.opened(fake.plan(fake.TRACKER), tmp_path) as runs:
        assert runs.parent.run_id not in elsewhere
    assert [statuses(tmp_path)[run_id] for run_id in (*named, *elsewhere)] == ["RUNNING"] * 4


def test_an_error_closes_everything(tmp_path: Path) -> None:
    plan = fake.plan(fake.TRACKER)
    with pytest.raises(RuntimeError), record.opened(plan, tmp_path) as runs:
        runs.begin(plan.trials()[0])
        raise RuntimeError("no")
    assert sorted(statuses(tmp_path).values()) == ["FAILED", "KILLED"]


def test_a_failed_trial_that_is_tried_again_loses_its_error(tmp_path: Path) -> None:
    plan = fake.plan(fake.TRACKER)
    trial = plan.trials()[0]
    with record.opened(plan, tmp_path) as runs:
        run = runs.begin(trial)
        runs.close(run.run_id, "FAILED", error="no")
        assert [(child.status, child.error) for child in runs.children()] == [("FAILED", "no")]
        runs.begin(trial)
        assert [(child.status, child.error) for child in runs.children(0)] == [("RUNNING", "")]
        runs.finish(run, {"HOTA": 1.0}, None)
        assert [(child.status, child.metrics) for child in runs.children(0)] == [("FINISHED", {"HOTA": 1.0})]


def test_the_best_is_one(tmp_path: Path) -> None:
    plan = fake.plan(fake.TRACKER)
    with record.opened(plan, tmp_path) as runs:
        first, second = (runs.begin(trial) for trial in plan.trials()[:2])
        runs.tag_best(0, "HOTA", 50.0)
        runs.tag_best(1, "HOTA", 60.0)
    client = MlflowClient(runs.parent.tracking_uri)
    assert record.BEST not in client.get_run(first.run_id).data.tags
    assert client.get_run(second.run_id).data.tags[record.BEST] == "true"
    assert client.get_run(runs.parent.run_id).data.tags["throughline.best.HOTA"] == "60"
