"""The best trial becomes the parameter file and a version, on a real MLflow store and a network of a few thousand weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from experiments.sweeps import definitions
from experiments.sweeps.apply import apply
from experiments.sweeps.plan import Plan
from experiments.sweeps.tuning import Machinery, Outcome
from pipeline.errors import UserError
from pipeline.params import file as parameters
from pipeline.registry import registry
from pipeline.registry.runs import StageRun, started
from pipeline.registry.scores import scores
from tests.experiments import fake
from tests.mlflow_store import new_store
from tests.stages.repository import Repository

IOU, TEMPERATURE = "model.tracker.iou_limit", "model.loss.temperature"


class Swept:
    """A repository whose network was swept."""

    def __init__(self, root: Path) -> None:
        new_store(root)
        self.repository = Repository(root)
        self.file = self.repository.params
        self.file.write_text("# my own head\n" + self.file.read_text())
        settings = parameters.load(self.file).mlflow
        with started(settings, root, stage="sweep", tags={}) as run:
            self.run: StageRun = run
        self.machinery = Machinery(fake.check, fake.realise, fake.outcome, lambda recipe, root: root / "artifacts" / "finetune")

    def plan(self, body: dict[str, Any]) -> Plan:
        definition = parameters.validate(definitions.Definition, {"description": "d", **body}, where="test")
        return Plan("demo", definition, parameters.read(self.file), parameters.load(self.file))

    def apply(self, body: dict[str, Any], hotas: list[float]) -> None:
        plan = self.plan(body)
        outcomes = [Outcome(trial, "finished", {"HOTA": hota}, self.run.run_id) for trial, hota in zip(plan.trials(), hotas, strict=True)]
        apply(plan, outcomes, self.machinery, self.file, self.repository.root)

    def champion(self) -> registry.Registered:
        return registry.show("outrack@champion", self.run.tracking_uri)


@pytest.fixture
def swept(tmp_path: Path) -> Swept:
    return Swept(tmp_path)


def test_the_best_thresholds_are_written_registered_and_scored(swept: Swept, capsys: pytest.CaptureFixture[str]) -> None:
    before = swept.file.read_text()
    swept.apply({"first": "track", "grid": {IOU: [0.5, 0.7]}}, [60.0, 62.0, 61.0])
    old, new = before.splitlines(), swept.file.read_text().splitlines()
    assert [pair for pair in zip(old, new, strict=True) if pair[0] != pair[1]] == [("    iou_limit: 0.9", "    iou_limit: 0.5")]
    champion = swept.champion()
    assert [score.metrics for score in scores(champion.tags).values()] == [{"HOTA": 62.0}]
    fetched = registry.fetch("outrack@champion", swept.run.tracking_uri, swept.repository.root / "fetched")
    assert yaml.safe_load((fetched / "model.json").read_text())["options"]["tracker"]["iou_limit"] == 0.5
    assert "params.yaml: model.tracker.iou_limit: 0.5" in capsys.readouterr().out
    versions = [item.version for item in registry.versions(swept.run.tracking_uri)]
    swept.apply({"first": "track", "grid": {IOU: [0.5, 0.7]}}, [62.0, 61.0])
    assert "params.yaml stays as it is" in capsys.readouterr().out
    assert [item.version for item in registry.versions(swept.run.tracking_uri)] == versions, "known already"


def test_the_trial_of_the_files_own_seed_is_taken_and_other_sections_keep_their_values(swept: Swept) -> None:
    plan = swept.plan({"first": "finetune", "grid": {TEMPERATURE: [4.0]}})
    raw = {**plan.raw, "sweep": {**plan.raw["sweep"], "seeds": 2}}
    plan = Plan(plan.name, plan.definition, raw, parameters.validate(type(plan.params), raw, where="test"))
    hotas = {("default", 317): 60.0, ("default", 318): 61.0, ("temperature=4", 317): 63.0, ("temperature=4", 318): 64.0}
    outcomes = [
        Outcome(trial, "finished", {"HOTA": hotas[trial.configuration.label, trial.seed]}, swept.run.run_id) for trial in plan.trials()
    ]
    apply(plan, outcomes, swept.machinery, swept.file, swept.repository.root)
    written = parameters.read(swept.file)
    assert (written["model"]["loss"]["temperature"], written["sweep"]["seeds"], written["base"]["seed"]) == (4.0, 1, 317)
    assert [score.metrics["HOTA"] for score in scores(swept.champion().tags).values()] == [63.0]


def test_what_was_told_the_ground_truth_is_not_registered(swept: Swept, capsys: pytest.CaptureFixture[str]) -> None:
    swept.file.write_text(swept.file.read_text().replace("detections: private", "detections: ground_truth"))
    swept.apply({"first": "track", "grid": {IOU: [0.5]}}, [90.0, 99.0])
    assert "told the ground truth" in capsys.readouterr().out
    assert registry.versions(swept.run.tracking_uri) == []


def test_what_cannot_be_applied_is_said_and_nothing_is_written(swept: Swept) -> None:
    before, cases = swept.file.read_text(), [{"label": "as it is"}, {"label": "no start", "pretrain": False}]
    with pytest.raises(UserError, match="no start leaves out a training stage"):
        swept.apply({"first": "finetune", "cases": cases}, [60.0, 61.0])
    with pytest.raises(UserError, match="no trial finished"):
        apply(swept.plan({"first": "track", "grid": {IOU: [0.5]}}), [], swept.machinery, swept.file, swept.repository.root)
    assert swept.file.read_text() == before


def test_a_champion_is_not_beaten_by_less(swept: Swept) -> None:
    swept.apply({"first": "track", "grid": {IOU: [0.5]}}, [60.0, 62.0])
    best = swept.champion().version
    swept.apply({"first": "track", "grid": {IOU: [0.7]}}, [60.0, 61.0])
    assert swept.champion().version == best
