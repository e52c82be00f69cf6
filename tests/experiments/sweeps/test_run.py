"""The plan that a command line means, and what it says to who gets it wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.sweeps import run
from experiments.sweeps.plan import Plan
from pipeline.errors import UserError
from tests.experiments import fake
from tests.shared import ROOT

WALKERS = ROOT / "presets" / "walkers.yaml"


def plan(name: str, *changes: str, grid: tuple[str, ...] = (), **settings: int) -> Plan:
    return run.plan(name, WALKERS, changes, grid, {f"sweep.{key}": value for key, value in settings.items()}, ROOT)


def test_a_named_sweep() -> None:
    made = plan("temperature")
    assert (made.name, made.definition.first, made.metric, made.count) == ("temperature", "finetune", "HOTA", 6)


def test_overrides_reach_parameters_and_the_sweep() -> None:
    made = plan("temperature", "finetune.epochs=4", "sweep.metric=IDF1", seeds=2, concurrency=1)
    assert (made.params.finetune.epochs, made.metric, made.seeds, made.count) == (4, "IDF1", (317, 318), 12)
    assert made.trials()[0].recipe.raw["finetune"]["epochs"] == 4
    assert plan("tracker", trials=7).count == 7


def test_a_grid_of_ones_own() -> None:
    made = plan("mine", grid=("model.tracker.iou_limit=0.4,0.6", "model.tracker.refind=off"))
    labels = [point.label for point in made.configurations()]
    assert labels == ["default", "refind=off", "iou_limit=0.4", "iou_limit=0.4, refind=off", "iou_limit=0.6", "iou_limit=0.6, refind=off"]
    assert [point.changes for point in made.configurations()][1] == {"model.tracker.refind": "off"}
    assert plan("temperature", grid=("model.loss.temperature=9",)).count == 2


@pytest.mark.parametrize(
    ("name", "changes", "grid", "message"),
    [
        ("cold", (), (), "no sweep 'cold'; there are: temperature, averaging"),
        ("temperature", ("finetune.epoch=3",), (), "finetune.epoch is no parameter; finetune has epochs, batch_size"),
        ("temperature", ("finetune.epochs",), (), "--set finetune.epochs: expected KEY=VALUE"),
        ("temperature", ("sweep.metric=speed",), (), "sweep.metric: Input should be 'HOTA', 'MOTA'"),
        ("temperature", ("sweep.seeds=0",), (), "sweep.seeds: must be how many, at least 1"),
        ("mine", (), ("model.tracker.iou_limit=[0",), r"--grid model.tracker.iou_limit=\[0: expected KEY=VALUE"),
    ],
)
def test_mistakes_are_named(name: str, changes: tuple[str, ...], grid: tuple[str, ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        plan(name, *changes, grid=grid)


def test_a_missing_data_set_is_named_before_work(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data/frames: not a published folder .*\nnext: run `dvc repro`"):
        run.sweep(fake.plan(fake.TRACKER), tmp_path)
    assert not list(tmp_path.glob("*.db"))
