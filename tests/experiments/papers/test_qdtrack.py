"""The tables of the QDTrack paper: every row that is run here has usable parameters, and what rows share is trained once."""

from __future__ import annotations

from typing import Any

import pytest

from experiments.papers import tables
from experiments.trials.recipe import STEPS
from pipeline.params import preset
from tests.shared import ROOT

DEFINED = tables.load("qdtrack", ROOT)
RAW = preset.values("qdtrack_walkers")
BUDGET = tables.Budget(1.0, [1], 1)


def recipes(number: int) -> dict[str, Any]:
    table = DEFINED.tables[number]
    made = {row.label: tables.recipes(DEFINED, table, row, RAW, BUDGET) for row in table.rows}
    return {label: found[0] for label, found in made.items() if found}


@pytest.mark.parametrize(("number", "count"), [(4, 6), (5, 7), (6, 0), (9, 2), (10, 2)])
def test_every_parameter_of_every_row_can_be_used(number: int, count: int) -> None:
    found = recipes(number)
    assert len(found) == count
    for recipe in found.values():
        assert {recipe.parameters(step)[0].model.name for step in STEPS} == {"qdtrack"}


def test_all_tables_need_three_trainings() -> None:
    every = [recipe for number in DEFINED.tables for recipe in recipes(number).values()]
    assert {recipe.parameters("finetune")[1].model_dump()["loss"]["matching"] for recipe in every} == {"dense", "one", "sparse"}
    assert len({str(recipe.finetune) for recipe in every}) == 3
    assert len({str(recipe.pretrain) for recipe in every}) == 1


def test_the_whole_method_is_one_row_of_four_tables() -> None:
    whole = [(4, "dense, bi-softmax, duplicates removed, backdrops"), (5, "appearance"), (9, "Pedestrian, no oracle")]
    assert len({recipes(number)[label].digest() for number, label in [*whole, (10, "Pedestrian, no oracle")]}) == 1


def test_oracles_are_told_one_thing_each() -> None:
    told = [(item.parameters("track")[0].track.detections, item.parameters("track")[0].track.association) for item in oracles()]
    assert told == [("ground_truth", "tracker"), ("private", "ground_truth")]


def oracles() -> list[Any]:
    return [recipes(number)["Pedestrian"] for number in (9, 10)]
