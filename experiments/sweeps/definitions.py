"""experiments/sweeps.yaml as types: what a sweep tries, and from which step on."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from experiments.trials.recipe import Step
from pipeline.errors import UserError
from pipeline.params.file import validate
from pipeline.params.sections.common import Section
from pipeline.params.sections.results import Metric
from pipeline.params.yaml_file import read_yaml


class Domain(Section):
    """Where a search may look for one parameter: from `low` to `high`, in whole numbers if the parameter is one, or among `choices`."""

    low: float | None = None
    high: float | None = None
    log: bool = False
    step: float | None = Field(default=None, gt=0)
    choices: list[Any] | None = Field(default=None, min_length=2)

    @model_validator(mode="after")
    def _one_kind(self) -> Domain:
        if (self.choices is None) == (self.low is None or self.high is None):
            raise ValueError("must have low and high, or choices")
        if self.choices is not None and (self.low, self.high, self.log, self.step) != (None, None, False, None):
            raise ValueError("choices stand alone")
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ValueError(f"low must lie below high, got {self.low} and {self.high}")
        if self.log and (self.step is not None or (self.low or 0) <= 0):
            raise ValueError("log needs a low above 0 and no step")
        return self


class Case(Section):
    """A point of a sweep that a grid cannot express."""

    label: str = Field(min_length=1)
    changes: dict[str, Any] = Field(default={})
    pretrain: bool = True
    finetune: bool = True


class Definition(Section):
    """One named sweep; experiments/sweeps.yaml explains the keys."""

    description: str
    first: Step
    grid: dict[str, list[Any]] | None = Field(default=None, min_length=1)
    cases: list[Case] | None = Field(default=None, min_length=1)
    search: dict[str, Domain] | None = Field(default=None, min_length=1)
    trials: int | None = Field(default=None, ge=1)
    metric: Metric | None = None
    finetune: bool = True
    frames: Literal["val", "train", "all"] | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Definition:
        if sum(part is not None for part in (self.grid, self.cases, self.search)) != 1:
            raise ValueError("must have one of grid, cases and search")
        if (self.search is None) != (self.trials is None):
            raise ValueError("trials belongs to search, and search needs it")
        if self.first == "finetune" and not self.finetune:
            raise ValueError("finetune: false leaves nothing to a sweep whose first step is finetune")
        if self.cases is not None and self.cases[0] != Case(label=self.cases[0].label):
            raise ValueError("the first case is the parameter file as it is: it must change nothing")
        if self.cases is not None and len({case.label for case in self.cases}) < len(self.cases):
            raise ValueError("the labels of the cases must differ")
        return self


def load(path: Path, name: str) -> Definition:
    """A sweep of a file of sweeps.

    Raises:
        UserError: the file is missing or is no YAML mapping, no sweep has that name, or one of its keys cannot be used.
    """
    named = read(path)
    if name not in named:
        raise UserError(
            f"{path}: there is no sweep {name!r}; there are: {', '.join(named)}\n"
            "next: correct the name, or try keys of your own with --grid"
        )
    return validate(Definition, named[name], where=str(path), prefix=name)


def read(path: Path) -> dict[str, Any]:
    """All sweeps of a file by name, unchecked.

    Raises:
        UserError: the file is missing or is no YAML mapping.
    """
    named = read_yaml(path, missing="no such file of sweeps\nnext: run from a whole checkout of the repository")
    if not isinstance(named, dict) or not all(isinstance(body, dict) for body in named.values()):
        raise UserError(f"{path}: expected sweeps by name, each a mapping\nnext: see the head of experiments/sweeps.yaml")
    return named
