"""What sweeps.yaml may say, and what is said to who gets it wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from experiments.sweeps import definitions
from pipeline.errors import UserError
from pipeline.params.file import validate
from tests.shared import ROOT

SHIPPED = ROOT / "experiments" / "sweeps.yaml"
GOOD: dict[str, Any] = {"description": "d", "first": "track", "grid": {"model.tracker.iou_limit": [0.5]}}
RANGE = {"low": 0.1, "high": 0.9}


def read(**changes: Any) -> definitions.Definition:
    body = {key: value for key, value in (GOOD | changes).items() if value is not None}
    return validate(definitions.Definition, body, where="sweeps.yaml", prefix="mine")


def test_an_unknown_sweep_names_those_there_are() -> None:
    with pytest.raises(UserError, match=r"no sweep 'temprature'; there are: temperature, averaging, .*tracker\nnext: .*--grid"):
        definitions.load(SHIPPED, "temprature")


def test_every_shipped_sweep_can_be_read() -> None:
    named = definitions.read(SHIPPED)
    wanted = "temperature averaging placeholder occlusion_threshold negative_ratio loss_terms reid_objective refinding pretraining tracker"
    qdtrack = "matching similarity candidates embedding_update qdtrack_tracker"
    finetrack = "diversity parts sampling alignment identity finetrack_tracker"
    assert list(named) == [*wanted.split(), *qdtrack.split(), *finetrack.split()]
    for name in named:
        assert definitions.load(SHIPPED, name).description
    ratio = definitions.load(SHIPPED, "negative_ratio")
    assert (ratio.first, ratio.finetune, ratio.frames, ratio.metric) == ("pretrain", False, "all", "mAP")
    assert definitions.load(SHIPPED, "tracker").trials == 200


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"grids": {}}, "mine.grids: unknown key; allowed here: description, first, grid"),
        ({"first": "tracking"}, "mine.first: Input should be 'pretrain', 'finetune' or 'track' (got 'tracking')"),
        ({"cases": [{"label": "a"}]}, "must have one of grid, cases and search"),
        ({"trials": 5}, "trials belongs to search"),
        ({"first": "finetune", "finetune": False}, "leaves nothing"),
        ({"grid": None, "cases": [{"label": "a", "changes": {"base.seed": 1}}]}, "must change nothing"),
        ({"grid": None, "cases": [{"label": "a"}, {"label": "a"}]}, "labels of the cases must differ"),
        (
            {"grid": None, "cases": [{"label": "a", "pretrained": False}]},
            "mine.cases.0.pretrained: unknown key; allowed here: label, changes",
        ),
        ({"grid": None, "trials": 3, "search": {"k": {"low": 0.1}}}, "mine.search.k: must have low and high, or choices"),
        ({"grid": None, "trials": 3, "search": {"k": RANGE | {"low": 0.9}}}, "low must lie below high"),
        ({"grid": None, "trials": 3, "search": {"k": RANGE | {"step": 0.1, "log": True}}}, "log needs"),
        ({"grid": None, "trials": 3, "search": {"k": RANGE | {"choices": [1, 2]}}}, "must have low and high, or choices"),
        ({"grid": None, "trials": 3, "search": {"k": RANGE | {"hihg": 1}}}, "mine.search.k.hihg: unknown key; allowed here: low, high"),
    ],
)
def test_a_wrong_key_or_value_names_itself(changes: dict[str, Any], part: str) -> None:
    with pytest.raises(UserError) as caught:
        read(**changes)
    assert part in str(caught.value)


def test_a_file_that_holds_no_sweeps(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file of sweeps"):
        definitions.read(tmp_path / "none.yaml")
    for text, message in (("a: [1", "not valid YAML"), ("a: 1", "expected sweeps by name")):
        (tmp_path / "sweeps.yaml").write_text(text)
        with pytest.raises(UserError, match=message):
            definitions.read(tmp_path / "sweeps.yaml")
