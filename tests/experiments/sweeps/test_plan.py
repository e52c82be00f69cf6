"""Definitions become trials: the default first, changes only from the sweep's first step on, seeds where they mean something."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.sweeps import definitions
from experiments.sweeps.plan import adhoc
from pipeline.errors import UserError
from pipeline.params.preset import values
from tests.experiments import fake
from tests.shared import ROOT

TEMPERATURE = {"description": "T", "first": "finetune", "grid": {"model.loss.temperature": ["adaptive", 1.0, 2.0]}}
QDTRACK = {"matching", "similarity", "candidates", "embedding_update", "qdtrack_tracker"}
FINETRACK = {"diversity", "parts", "sampling", "alignment", "identity", "finetrack_tracker"}
SHIPPED = definitions.read(ROOT / "experiments" / "sweeps.yaml")


def test_the_parameter_files_own_value_comes_first_listed_or_not() -> None:
    assert [point.label for point in fake.plan(TEMPERATURE).configurations()] == ["default", "temperature=1", "temperature=2"]
    moved = fake.plan(TEMPERATURE, model__loss__temperature=2.0).configurations()
    assert [point.values["model.loss.temperature"] for point in moved] == [2.0, "adaptive", 1.0]
    other = fake.plan(TEMPERATURE, model__loss__temperature=7.0).configurations()
    assert [point.label for point in other] == ["default", "temperature=adaptive", "temperature=1", "temperature=2"]
    assert [point.changes for point in other][:2] == [{}, {"model.loss.temperature": "adaptive"}]


def test_a_grid_is_the_product_of_its_axes() -> None:
    grid = {"model.loss.intra": [True, False], "model.loss.placeholder": ["mean", "zero"]}
    points = fake.plan(TEMPERATURE | {"grid": grid}).configurations()
    assert [point.label for point in points] == ["default", "placeholder=zero", "intra=False", "intra=False, placeholder=zero"]
    assert points[3].values == {"model.loss.intra": False, "model.loss.placeholder": "zero"}


def test_keys_with_one_last_word_keep_their_whole_name() -> None:
    grid = {"pretrain.lr": [0.001, 0.01], "finetune.lr": [0.0008, 0.01]}
    labels = [point.label for point in fake.plan(TEMPERATURE | {"first": "pretrain", "grid": grid}).configurations()]
    assert labels == ["default", "finetune.lr=0.01", "pretrain.lr=0.01", "pretrain.lr=0.01, finetune.lr=0.01"]


def test_seeds_run_one_after_another() -> None:
    trials = fake.plan(TEMPERATURE, sweep__seeds=2).trials()
    assert [(trial.number, trial.configuration.label, trial.seed) for trial in trials] == [
        (0, "default", 317),
        (1, "temperature=1", 317),
        (2, "temperature=2", 317),
        (3, "default", 318),
        (4, "temperature=1", 318),
        (5, "temperature=2", 318),
    ]
    assert fake.plan(TEMPERATURE, sweep__seeds=[5, 9]).seeds == (5, 9)
    assert fake.plan(fake.TRACKER, sweep__seeds=3).seeds == (317,)


def test_only_steps_from_the_first_on_are_changed() -> None:
    trial = fake.plan(TEMPERATURE, sweep__seeds=[5], sweep__budget=0.5).trials()[1]
    changed = {"model.loss.temperature": 1.0}
    assert trial.recipe.pretrain == {}
    assert trial.recipe.finetune == {**changed, "finetune.workers": 2, "finetune.epochs": 2, "finetune.lr_drop_epochs": [1, 2]}
    assert trial.recipe.track == changed
    assert (trial.recipe.seed, trial.recipe.shared_seed) == (5, 317)


def test_a_sweep_over_pretraining_has_its_own_pretraining() -> None:
    plan = fake.plan(SHIPPED["negative_ratio"], sweep__seeds=[5], sweep__budget=0.3)
    recipe = plan.trials()[1].recipe
    assert recipe.pretrain == {
        "pretrain.workers": 2,
        "pretrain.model.negative_ratio": 0.1111,
        "pretrain.epochs": 2,
        "pretrain.lr_drop_epochs": [1, 2],
    }
    assert recipe.finetune is None
    assert recipe.track == {"track.frames": "all", "pretrain.model.negative_ratio": 0.1111}
    assert (recipe.seed, recipe.shared_seed, plan.metric) == (5, 5, "mAP")


def test_cases_say_what_is_trained() -> None:
    trials = fake.plan(SHIPPED["pretraining"]).trials()
    assert [(trial.configuration.label, trial.recipe.pretrain) for trial in trials] == [("pretrained", {}), ("random start", None)]
    terms = fake.plan(SHIPPED["loss_terms"]).trials()
    assert [trial.configuration.values for trial in terms] == [{"case": "all three"}, {"case": "inter"}, {"case": "inter and intra"}]
    assert terms[1].recipe.track == {"model.loss.intra": False, "model.loss.cycle": False}


def test_the_budget_names_another_trial_and_what_runs_beside_does_not() -> None:
    digests = [
        fake.plan(TEMPERATURE, **changes).trials()[1].recipe.digest()
        for changes in ({}, {"sweep__concurrency": 1}, {"sweep__seeds": 3}, {"mlflow__experiment": "x"}, {"sweep__budget": 0.5})
    ]
    assert digests[0] == digests[1] == digests[2] == digests[3] != digests[4]


def test_the_fingerprint_follows_configurations_and_data(tmp_path: Path) -> None:
    def of(body: dict[str, object], **changes: object) -> str:
        return fake.plan(body, **changes).fingerprint(tmp_path)

    same = of(TEMPERATURE)
    assert same == of(TEMPERATURE, sweep__seeds=3) == of(TEMPERATURE, sweep__concurrency=2)
    assert same != of(TEMPERATURE, sweep__metric="IDF1")
    assert same != of(TEMPERATURE, finetune__lr=0.1)
    fake.repository(tmp_path)
    assert same != of(TEMPERATURE)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"grid": {"model.loss.temprature": [1.0]}}, "model.loss.temprature is no parameter; model.loss has reid, temperature"),
        ({"first": "track"}, r"model.loss.temperature changes nothing in a trial that begins with track\nnext: .* finetune"),
        ({"grid": {"pretrain.lr": [0.1]}}, r"pretrain.lr changes nothing in a trial that begins with finetune\nnext: .* pretrain"),
        ({"grid": {"model.loss.temperature": ["hot"]}}, r"demo: temperature=hot, .*\n.*must be adaptive or a number above 0 \(got 'hot'\)"),
    ],
)
def test_what_cannot_be_tried_is_named(body: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        for recipe in fake.plan(TEMPERATURE | body).probes():
            recipe.parameters("track")


@pytest.mark.parametrize(
    ("domain", "message"),
    [
        ({"low": 0.5, "high": 0.9}, r"detection_threshold: the parameter file's 0.4 lies outside 0.5 to 0.9\nnext: widen"),
        ({"low": 0.1, "high": 1.9}, r"detection_threshold=1.9, .*\n.*less than or equal to 1"),
        ({"choices": [0.1, 0.2]}, "0.4 is none of"),
    ],
)
def test_a_search_is_tried_at_its_ends(domain: dict[str, object], message: str) -> None:
    body = {"description": "s", "first": "track", "trials": 5, "search": {fake.THRESHOLD: domain}}
    with pytest.raises(UserError, match=message):
        for recipe in fake.plan(body).probes():
            recipe.parameters("track")


def test_words_have_no_range() -> None:
    body = {"description": "s", "first": "track", "trials": 5, "search": {"model.tracker.refind": {"low": 1, "high": 2}}}
    with pytest.raises(UserError, match=r"'paper' is no number, so it has no range\nnext: give it choices"):
        list(fake.plan(body).probes())


@pytest.mark.parametrize(
    ("name", "preset"),
    [(name, preset) for name in SHIPPED if name not in QDTRACK | FINETRACK for preset in ("walkers", "pets", "mot17", "smoke")]
    + [(name, "qdtrack_walkers") for name in sorted(QDTRACK)]
    + [(name, preset) for name in sorted(FINETRACK) for preset in ("finetrack_walkers", "finetrack_mot17")],
)
def test_every_shipped_sweep_can_be_tried_on_every_preset_of_its_system(name: str, preset: str) -> None:
    raw = values(preset)
    plan = fake.plan(SHIPPED[name], name, **{key: raw[key] for key in ("model", "pretrain", "finetune", "track", "evaluate")})
    for recipe in plan.probes():
        for step in ("pretrain", "finetune", "track"):
            recipe.parameters(step)
    assert plan.trials()[0].configuration.changes == {}


def test_a_sweep_of_another_system_says_what_the_parameters_have_instead() -> None:
    raw = values("walkers")
    plan = fake.plan(SHIPPED["matching"], "matching", **{key: raw[key] for key in ("model", "pretrain", "finetune", "track", "evaluate")})
    with pytest.raises(UserError, match=r"sweep matching: model\.loss\.matching"):
        list(plan.probes())


def test_a_grid_of_the_command_line_knows_what_it_trains() -> None:
    assert adhoc("mine", None, {"model.tracker.iou_limit": [0.4]}).first == "track"
    assert adhoc("mine", None, {"model.loss.margin": [0.4], "model.tracker.iou_limit": [0.4]}).first == "finetune"
    assert adhoc("mine", None, {"pretrain.lr": [0.4]}).first == "pretrain"
    known = definitions.load(ROOT / "experiments" / "sweeps.yaml", "tracker")
    changed = adhoc("tracker", known, {"model.tracker.iou_limit": [0.4]})
    assert (changed.search, changed.trials, changed.description) == (None, None, known.description)
