"""A recipe is a parameter file with changes; its digest knows what its steps read and nothing else."""

from dataclasses import replace
from typing import Any

import pytest

from experiments.trials.recipe import Recipe, of_system, overridden, scaled
from pipeline.errors import UserError
from tests.parameters import walkers

RAW = walkers()


def recipe(**changed: Any) -> Recipe:
    made = Recipe(label="trial", raw=RAW, pretrain={}, finetune={}, track={}, seed=5, shared_seed=3)
    return replace(made, **changed)


def test_each_step_has_its_changes_and_its_seed() -> None:
    made = recipe(pretrain={"pretrain.lr": 0.5}, finetune={"model.loss.temperature": 2.0}, track={"model.tracker.top_k": 7})
    pretrain, finetune, track = (made.parameters(step) for step in ("pretrain", "finetune", "track"))
    assert (pretrain[0].base.seed, finetune[0].base.seed) == (3, 5)
    assert pretrain[0].pretrain.lr == 0.5
    assert finetune[0].pretrain.lr == RAW["pretrain"]["lr"]
    assert (finetune[1].model_dump()["loss"]["temperature"], track[1].model_dump()["loss"]["temperature"]) == (2.0, "adaptive")
    assert track[1].model_dump()["tracker"]["top_k"] == 7
    assert RAW["model"]["loss"]["temperature"] == "adaptive", "the parameter file itself stays"


@pytest.mark.parametrize(
    "changed",
    [
        {"seed": 6},
        {"shared_seed": 4},
        {"finetune": None},
        {"track": {"model.tracker.iou_limit": 0.4}},
        {"track": {"evaluate.benchmark": "MOT15"}},
        {"pretrain": {"pretrain.epochs": 1}},
    ],
)
def test_what_a_step_reads_changes_the_digest(changed: dict[str, Any]) -> None:
    assert recipe(**changed).digest() != recipe().digest()


@pytest.mark.parametrize(
    "changed",
    [
        {"label": "another"},
        {"track": {"report.clips": 9}},
        {"finetune": {"pretrain.epochs": 1}},
        {"pretrain": {"finetune.epochs": 1, "track.batch_size": 2}},
    ],
)
def test_what_no_step_reads_does_not(changed: dict[str, Any]) -> None:
    assert recipe(**changed).digest() == recipe().digest()


def test_unknown_keys_are_named_with_their_siblings() -> None:
    with pytest.raises(UserError, match=r"here: model\.loss\.temprature is no parameter; model\.loss has reid, temperature"):
        overridden(RAW, {"model.loss.temprature": 1.0}, "here")
    with pytest.raises(UserError, match=r"base\.seed\.x is no parameter; base\.seed has nothing"):
        overridden(RAW, {"base.seed.x": 1}, "here")


def test_options_that_the_file_leaves_at_their_default_may_be_changed() -> None:
    changed = {"model.tracker.similarity": "bisoftmax", "model.loss.quasi_dense.equation": 3}
    found = overridden(RAW, changed, "here")["model"]
    assert (found["tracker"]["similarity"], found["loss"]["quasi_dense"]) == ("bisoftmax", {"equation": 3})
    assert recipe(track={"model.tracker.similarity": "bisoftmax"}).digest() != recipe().digest()
    for key in ("model.loss.quasi_dense.equatoin", "model.quasi_dense.equation", "model.loss.temperature.of"):
        with pytest.raises(UserError, match=rf"{key} is no parameter"):
            overridden(RAW, {key: 3}, "here")


def test_a_key_that_moved_deeper_is_told() -> None:
    with pytest.raises(UserError, match=r"pretrain\.max_gap is no parameter; .*\nnext: .*; there is pretrain\.model\.max_gap$"):
        overridden(RAW, {"pretrain.max_gap": 3}, "here")


def test_another_system_keeps_what_both_know_of_a_training_and_has_defaults_for_the_rest() -> None:
    raw = overridden(RAW, {"finetune.model.max_gap": 7}, "here")
    made = recipe(raw=raw, finetune={"model.name": "centertrack", "finetune.model.negative_ratio": 0.0})
    assert made.parameters("finetune")[0].finetune.model == {"max_gap": 7, "negative_ratio": 0.0}
    assert made.parameters("pretrain")[0].pretrain.model == RAW["pretrain"]["model"]
    raw = overridden(RAW, {"model.name": "unitrack"}, "here") | {stage: RAW[stage] | {"model": {}} for stage in ("pretrain", "finetune")}
    with pytest.raises(
        UserError, match=r"system centertrack also needs pretrain\.model\.max_gap, pretrain\.model\.negative_ratio, finetune"
    ):
        of_system(raw, "centertrack", "here")


def test_values_that_cannot_be_used_are_named() -> None:
    with pytest.raises(UserError, match=r"trial, finetune: .*\n  model\.loss\.temperature: .*\(got -1\)"):
        recipe(finetune={"model.loss.temperature": -1}).parameters("finetune")


@pytest.mark.parametrize(("budget", "epochs", "drops"), [(1.0, 5, [3, 4]), (0.5, 2, [1, 2]), (0.1, 1, [1]), (0.001, 1, [1])])
def test_budgets_scale_epochs_and_drops(budget: float, epochs: int, drops: list[int]) -> None:
    assert scaled(RAW, "finetune", budget) == {"finetune.epochs": epochs, "finetune.lr_drop_epochs": drops}


def test_no_epochs_stay_none() -> None:
    assert scaled(overridden(RAW, {"pretrain.epochs": 0}, ""), "pretrain", 0.5) == {"pretrain.epochs": 0, "pretrain.lr_drop_epochs": []}
