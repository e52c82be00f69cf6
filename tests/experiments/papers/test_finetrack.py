"""FineTrack's tables: its numbers, and rows that are configurations of its own preset."""

from __future__ import annotations

from typing import Any

import pytest

from experiments.papers import tables
from experiments.trials.recipe import Recipe
from pipeline.params import preset as presets
from tests.shared import ROOT

PAPER = tables.load("finetrack", ROOT)
BUDGET = tables.Budget(1.0, [1], 1)


@pytest.fixture(scope="module")
def raw() -> dict[str, Any]:
    return presets.values("finetrack_walkers", ROOT)


def only(raw: dict[str, Any], number: int, label: str) -> Recipe:
    table = PAPER.tables[number]
    [recipe] = tables.recipes(PAPER, table, table.row(label), raw, BUDGET)
    return recipe


def test_the_appendix_gives_two_rows_of_each_table() -> None:
    """Tables 1 and 2 of the appendix."""
    numbers = {number: {row.label: row.paper for row in table.rows if row.paper} for number, table in PAPER.tables.items()}
    assert numbers == {
        1: {"without diversity": [91.1, 58.9], "with diversity": [92.3, 61.8]},
        2: {"without diversity": [76.0, 78.8, 209], "with diversity": [77.0, 81.1, 115]},
    }


@pytest.mark.parametrize("label", [row.label for row in PAPER.tables[1].rows])
def test_a_row_is_one_trial_of_both_tables_whose_parameters_can_be_used(raw: dict[str, Any], label: str) -> None:
    recipe = only(raw, 1, label)
    for step in ("pretrain", "finetune", "track"):
        params, _ = recipe.parameters(step)
        assert params.pretrain.model["id_weight"] == 0 or step != "pretrain"
    assert recipe.parameters("track")[0].evaluate.reid_max_visibility == 0.5
    assert recipe.digest() == only(raw, 2, label).digest()


def test_rows_differ_in_what_they_say(raw: dict[str, Any]) -> None:
    def option(label: str, section: str, name: str) -> Any:
        return only(raw, 1, label).parameters("finetune")[1].model_dump()[section][name]

    said = [option(row.label, "loss", "diversity") for row in PAPER.tables[1].rows[:4]]
    assert said == ["none", "mask", "pooled", "embedding"]
    assert option("K = 0", "network", "parts") == 0
    assert option("no alignment", "network", "alignment") == "none"
    assert option("utrack", "loss", "identity") == "utrack"
    shared = [only(raw, 1, row.label).pretrain for row in PAPER.tables[1].rows]
    assert len({str(changes) for changes in shared}) == 3, "networks that differ are pretrained by themselves"
    assert [only(raw, 1, label).parameters("finetune")[0].finetune.sampling for label in ("with diversity", "rows")] == ["groups", "rows"]
