"""The command line of sweeps: what it means, and what it says to who gets it wrong."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from experiments.sweeps import command as stage
from experiments.sweeps.plan import Plan
from experiments.sweeps.tuning import Machinery, Outcome
from pipeline.errors import UserError
from tests.experiments import fake
from tests.shared import ROOT

WALKERS = str(ROOT / "presets" / "walkers.yaml")


def read(*words: str) -> Plan:
    return stage.read(stage.arguments([*words, "--params", WALKERS]), ROOT)


def test_a_named_sweep() -> None:
    plan = read("temperature")
    assert (plan.name, plan.definition.first, plan.metric, plan.count) == ("temperature", "finetune", "HOTA", 6)


def test_overrides_reach_parameters_and_the_sweep() -> None:
    plan = read("temperature", "--set", "finetune.epochs=4", "--set", "sweep.metric=IDF1", "--seeds", "2", "--concurrency", "1")
    assert (plan.params.finetune.epochs, plan.metric, plan.seeds, plan.count) == (4, "IDF1", (317, 318), 12)
    assert plan.trials()[0].recipe.raw["finetune"]["epochs"] == 4
    assert read("tracker", "--trials", "7").count == 7


def test_a_grid_of_ones_own() -> None:
    plan = read("mine", "--grid", "model.tracker.iou_limit=0.4,0.6", "--grid", "model.tracker.refind=off")
    labels = [point.label for point in plan.configurations()]
    assert labels == ["default", "refind=off", "iou_limit=0.4", "iou_limit=0.4, refind=off", "iou_limit=0.6", "iou_limit=0.6, refind=off"]
    assert [point.changes for point in plan.configurations()][1] == {"model.tracker.refind": "off"}
    assert read("temperature", "--grid", "model.loss.temperature=9").count == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["cold"], "no sweep 'cold'; there are: temperature, placeholder"),
        (["temperature", "--set", "finetune.epoch=3"], "finetune.epoch is no parameter; finetune has epochs, batch_size"),
        (["temperature", "--set", "finetune.epochs"], "--set finetune.epochs: expected KEY=VALUE"),
        (["temperature", "--set", "sweep.metric=speed"], "sweep.metric: Input should be 'HOTA', 'MOTA'"),
        (["temperature", "--seeds", "0"], "sweep.seeds: must be how many, at least 1"),
        (["mine", "--grid", "model.tracker.iou_limit=[0"], r"--grid model.tracker.iou_limit=\[0: expected KEY=VALUE"),
    ],
)
def test_mistakes_are_named(words: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read(*words)


def test_a_missing_data_set_is_named_before_work(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data/frames: not a published folder .*\nnext: run `dvc repro`"):
        stage.sweep(fake.plan(fake.TRACKER), tmp_path)
    assert not list(tmp_path.glob("*.db"))


@pytest.mark.parametrize(
    ("statuses", "code"), [(["finished", "failed"], 1), (["finished", "interrupted"], 1), (["finished", "stopped"], None)]
)
def test_the_exit_status_says_whether_all_finished(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], statuses: list[str], code: int | None
) -> None:
    def pretend(plan: Plan, root: Path, machinery: Machinery = fake.MACHINERY) -> list[Outcome]:
        return [Outcome(trial, status) for trial, status in zip(plan.trials(), statuses, strict=False)]  # type: ignore[arg-type]

    monkeypatch.setattr(stage, "sweep", pretend)
    monkeypatch.setattr(sys, "argv", ["sweep", "temperature", "--params", WALKERS])
    if code is None:
        stage.main()
        return
    with pytest.raises(SystemExit) as stop:
        stage.main()
    assert stop.value.code == code
    assert "1 of 2 trials did not finish; the same command tries them again" in capsys.readouterr().err
