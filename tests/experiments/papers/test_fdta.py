"""FDTA's tables: each row is a configuration that can be trained from the shared pretraining, and rows differ as the paper's do."""

from __future__ import annotations

import functools
from typing import Any

import pytest
import torch

from experiments.papers import tables
from experiments.trials.recipe import STEPS, Recipe
from models.fdta.network import build_network
from models.fdta.options import FdtaOptions
from pipeline.params import preset
from tests.shared import ROOT

PAPER = tables.load("fdta", ROOT)
RAW = preset.values("fdta_ablations")
BUDGET = tables.Budget(1.0, [1, 2], 1)


def recipes(number: int, label: str) -> list[Recipe]:
    table = PAPER.tables[number]
    return tables.recipes(PAPER, table, table.row(label), RAW, BUDGET)


def options(recipe: Recipe, step: Any = "finetune") -> FdtaOptions:
    found = recipe.parameters(step)[1]
    assert isinstance(found, FdtaOptions)
    return found


def shapes(model: FdtaOptions) -> dict[str, torch.Size]:
    """Of the tensors of a network."""
    return _shapes(model.model_dump_json())


@functools.cache
def _shapes(stated: str) -> dict[str, torch.Size]:
    with torch.device("meta"):
        network = build_network(FdtaOptions.model_validate_json(stated))
    return {name: tensor.shape for name, tensor in network.state_dict().items()}


@pytest.mark.parametrize("number", sorted(PAPER.tables))
def test_every_row_can_be_trained_from_the_one_pretraining(number: int) -> None:
    for row in PAPER.tables[number].rows:
        first, second = recipes(number, row.label)
        for step in STEPS:
            first.parameters(step)
        assert (first.shared_seed, second.shared_seed, first.seed, second.seed) == (1, 1, 1, 2)
        start, wanted = shapes(options(first, "pretrain")), shapes(options(first))
        filled = sum(start.get(name) == shape for name, shape in wanted.items()) / len(wanted)
        assert filled >= first.parameters("finetune")[0].finetune.min_loaded, f"{row.label}: {filled:.0%} of the tensors"


def test_all_rows_share_a_pretraining_of_the_plain_detector() -> None:
    rows = [(number, row.label) for number, table in PAPER.tables.items() for row in table.rows]
    found = {str(options(recipes(number, label)[0], "pretrain")) for number, label in rows}
    assert len(found) == 1
    network = options(recipes(10, "with weighting")[0], "pretrain").network
    assert (network.depth_attention, network.temporal) == ("off", False)


def test_rows_have_the_adapters_that_the_tables_compare() -> None:
    def adapters(number: int, label: str) -> tuple[str, bool, bool]:
        model = options(recipes(number, label)[0])
        return model.network.depth_attention, model.network.temporal, model.loss.identity_weight > 0

    assert [adapters(0, row.label) for row in PAPER.tables[0].rows] == [
        ("off", False, False),  # MOTIP
        ("after", False, False),
        ("off", True, False),
        ("off", False, True),
        ("after", True, True),
    ]
    assert [adapters(9, row.label)[0] for row in PAPER.tables[9].rows] == ["off", "before", "between", "after"]
    assert [options(recipes(10, row.label)[0]).loss.depth_foreground_weight for row in PAPER.tables[10].rows] == [1.0, 6.0]
    lengths = [options(recipes(11, row.label)[0]).network.frames for row in PAPER.tables[11].rows]
    assert lengths == [5, 5, 10, 10, 20, 20, 30, 30]
    assert [adapters(11, row.label)[1] for row in PAPER.tables[11].rows] == [False, True] * 4


def test_rows_that_are_one_experiment_are_one_trial() -> None:
    assert recipes(0, "none (MOTIP)")[0].digest() == recipes(9, "Self → Vision")[0].digest()
    assert recipes(0, "SA")[0].digest() == recipes(9, "Self → Vision → Depth")[0].digest()
    assert recipes(0, "all (FDTA)")[0].digest() == recipes(10, "with weighting")[0].digest()


def test_the_papers_numbers_agree_where_tables_share_a_row() -> None:
    base = PAPER.tables[9].row("Self → Vision").paper
    assert isinstance(base, list)
    assert base[:2] == PAPER.tables[11].row("30, without TA").paper
