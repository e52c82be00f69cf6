"""experiments/systems/systems.yaml as it stands: every cell that can be run has usable parameters."""

from __future__ import annotations

from typing import Any

import pytest

import models
from experiments.systems.comparison import Crossing, load, run_of
from pipeline.errors import UserError
from pipeline.params import file as parameters
from tests.shared import ROOT

DEFINED = load(ROOT)
SYSTEM_RUNS = [(system.label, data, preset, system.changes) for system in DEFINED.systems for data, preset in system.presets.items()]
CROSSING_RUNS = [(crossing.label, crossing.preset, crossing.changes) for crossing in DEFINED.crossings if crossing.preset]


@pytest.mark.parametrize(("label", "data", "preset", "changes"), SYSTEM_RUNS)
def test_a_systems_run_is_of_it_and_of_the_data(label: str, data: str, preset: str, changes: dict[str, Any]) -> None:
    params = run_of(preset, changes, 1, ROOT).parameters("track")[0]
    assert (params.model.name, params.pack_samples.videos) == (label.lower(), [data])


@pytest.mark.parametrize(("label", "preset", "changes"), CROSSING_RUNS)
def test_a_crossings_run_can_be_read(label: str, preset: str, changes: dict[str, Any]) -> None:
    run = run_of(preset, changes, 1, ROOT)
    for step in ("pretrain", "finetune", "track"):
        assert run.parameters(step)[0].model.name in models.SYSTEMS


def test_no_two_crossings_are_one_run() -> None:
    digests = [run_of(preset, changes, 1, ROOT).digest() for _, preset, changes in CROSSING_RUNS]
    assert len(set(digests)) == len(digests)
    assert len({crossing.label for crossing in DEFINED.crossings}) == len(DEFINED.crossings)


@pytest.mark.parametrize("answers", [{}, {"preset": "walkers", "impossible": "no"}, {"missing": "a", "impossible": "b"}])
def test_a_crossing_has_one_answer(answers: dict[str, str]) -> None:
    with pytest.raises(UserError, match="needs one of preset, missing and impossible"):
        parameters.validate(Crossing, {"detector": "a", "embedding": "b", "association": "c", **answers}, where="test")
