"""Which systems are compared on which data, and what crosses: experiments/systems/systems.yaml, typed, and the runs behind its cells."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from experiments.trials.recipe import Recipe
from pipeline.params import file as parameters
from pipeline.params import preset as presets
from pipeline.params.sections.common import Section
from pipeline.params.yaml_file import read_yaml

FILE = Path("experiments") / "systems" / "systems.yaml"


class System(Section):
    """A row of the first table."""

    label: str
    presets: dict[str, str] = Field(min_length=1)
    changes: dict[str, Any] = Field(default_factory=dict)


class Crossing(Section):
    """A row of the second table: a run, or why there is none."""

    detector: str
    embedding: str
    association: str
    preset: str | None = None
    changes: dict[str, Any] = Field(default_factory=dict)
    missing: str | None = None
    impossible: str | None = None

    @model_validator(mode="after")
    def _one_answer(self) -> Crossing:
        if sum(answer is not None for answer in (self.preset, self.missing, self.impossible)) != 1:
            raise ValueError(f"{self.label}: needs one of preset, missing and impossible")
        return self

    @property
    def label(self) -> str:
        """Detector, embedding and association, with commas between."""
        return f"{self.detector}, {self.embedding}, {self.association}"


class Comparison(Section):
    """The whole file; its head explains the keys."""

    seeds: list[int] = Field(min_length=1)
    data: dict[str, str]
    systems: list[System]
    crossings: list[Crossing]

    @model_validator(mode="after")
    def _known_data(self) -> Comparison:
        strangers = {name for system in self.systems for name in system.presets} - set(self.data)
        if strangers:
            raise ValueError(f"systems name data that is not listed: {', '.join(sorted(strangers))}")
        return self


def load(root: Path) -> Comparison:
    """Read experiments/systems/systems.yaml of a repository.

    Raises:
        UserError: a value of the file cannot be used.
    """
    return parameters.validate(Comparison, read_yaml(root / FILE, missing="no such file"), where=str(root / FILE))


def run_of(preset: str, changes: Mapping[str, Any], seed: int, root: Path) -> Recipe:
    """The run of a preset with changes; two runs of one digest have one outcome.

    Raises:
        UserError: there is no such preset, or a change cannot be used.
    """
    return whole(_values(preset, root), changes, seed, preset)


def whole(raw: Mapping[str, Any], changes: Mapping[str, Any], seed: int, label: str) -> Recipe:
    """The run of a parameter file from pretraining to scores."""
    return Recipe(label=label, raw=raw, pretrain=changes, finetune=changes, track=changes, seed=seed, shared_seed=seed)


@functools.cache
def _values(preset: str, root: Path) -> Mapping[str, Any]:
    return presets.values(preset, root)
