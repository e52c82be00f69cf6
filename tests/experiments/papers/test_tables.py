"""The paper's numbers are whole, and the rows become the trials that they describe."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from experiments.papers import tables
from experiments.trials.recipe import STEPS
from pipeline.errors import UserError
from tests.parameters import walkers

ROOT = Path(__file__).resolve().parents[3]
RAW = walkers()
DEFINED = tables.load("outrack", ROOT)
BUDGET = tables.Budget(0.5, [1, 2], 1)


def recipes(number: int, label: str) -> list[Any]:
    table = DEFINED.tables[number]
    return tables.recipes(DEFINED, table, table.row(label), RAW, BUDGET)


def test_the_papers_numbers_agree_where_tables_share_a_row() -> None:
    assert sorted(DEFINED.tables) == list(range(1, 11))
    default = [67.6, 71.8, 137, 63, 2621, 14388, 503]
    shared = {1: "FairMOT+UTrack", 2: "inter + intra + cycle", 3: "T = 2 log(C + 1)", 4: "mean", 5: "FairMOT+UTrack", 10: "FairMOT+UTrack"}
    assert [DEFINED.tables[number].row(label).paper for number, label in shared.items()] == [default] * 6
    occluded = {5: "FairMOT+UTrack+OccE", 6: "tau = 0.7", 10: "FairMOT+UTrack+OccE"}
    assert len({str(DEFINED.tables[number].row(label).paper) for number, label in occluded.items()}) == 1


def test_rows_that_are_one_experiment_are_one_trial() -> None:
    shared = [(1, "FairMOT+UTrack"), (2, "inter + intra + cycle"), (3, "T = 2 log(C + 1)"), (4, "mean"), (5, "FairMOT+UTrack")]
    assert len({recipes(number, label)[0].digest() for number, label in shared}) == 1
    assert recipes(1, "FairMOT+UTrack")[0].digest() != recipes(1, "FairMOT+UTrack")[1].digest()
    assert recipes(5, "FairMOT+UTrack+GSM") == []


@pytest.mark.parametrize("number", sorted(DEFINED.tables))
def test_every_parameter_of_every_row_can_be_used(number: int) -> None:
    for row in DEFINED.tables[number].rows:
        for recipe in recipes(number, row.label):
            assert {recipe.parameters(step)[0].track.frames for step in STEPS[2:]} == {"all" if number in (7, 8) else "val"}


def test_fine_tuning_shares_a_pretraining_and_the_rest_repeats_it() -> None:
    base, own, alone = recipes(1, "FairMOT"), recipes(10, "FairMOT *"), recipes(9, "FairMOT")
    assert [item.shared_seed for item in base] == [1, 1]
    assert [item.seed for item in base] == [1, 2]
    assert base[0].parameters("pretrain")[0].pretrain.model["id_weight"] == 0
    assert own[0].parameters("pretrain")[1].model_dump()["loss"]["reid"] == "classification"
    assert [item.shared_seed for item in alone] == [1, 2]
    assert alone[0].finetune is None
    assert (base[0].parameters("finetune")[0].finetune.epochs, base[0].parameters("pretrain")[0].pretrain.epochs) == (2, 2)


def test_occlusion_estimation_is_refinding_on_the_same_weights() -> None:
    without, with_it = recipes(5, "CenterTrack")[0], recipes(5, "CenterTrack+OccE")[0]
    assert without.finetune == with_it.finetune
    assert [item.parameters("track")[1].model_dump()["tracker"]["refind"] for item in (without, with_it)] == ["off", "paper"]


def test_a_row_with_a_missing_number_is_refused(tmp_path: Path) -> None:
    metrics = {"MOTA": {"digits": 1}, "IDF1": {"digits": 1}}
    body = {"source": "x", "metrics": metrics, "methods": {}, "tables": {1: {"title": "t", "columns": ["MOTA", "IDF1"], "claims": []}}}
    body["tables"][1]["rows"] = [{"label": "a", "paper": [1.0]}]  # type: ignore[index]
    path = tmp_path / tables.FOLDER / "toy.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump(body))
    with pytest.raises(UserError, match="another number of values than columns: \\['a'\\]"):
        tables.load("toy", tmp_path)
    body["tables"][1]["rows"] = [{"label": "a", "method": "magic"}]  # type: ignore[index]
    path.write_text(yaml.safe_dump(body))
    with pytest.raises(UserError, match="methods that do not exist: magic"):
        tables.load("toy", tmp_path)
    body["tables"][1] |= {"rows": [{"label": "a"}], "ours": ["AssA"]}  # type: ignore[index]
    path.write_text(yaml.safe_dump(body))
    with pytest.raises(UserError, match="metrics that do not exist: AssA; there are IDF1, MOTA"):
        tables.load("toy", tmp_path)
    with pytest.raises(UserError, match="there are no tables of outrack; there are those of toy"):
        tables.load("outrack", tmp_path)
