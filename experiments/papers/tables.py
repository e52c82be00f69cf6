"""A paper's tables as trials: experiments/papers/<system>.yaml, typed, and the recipes behind a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field, model_validator

from experiments.trials.recipe import Recipe, scaled
from pipeline.errors import UserError
from pipeline.params import file as parameters
from pipeline.params.sections.common import Section
from pipeline.params.yaml_file import read_yaml

FOLDER = Path("experiments") / "papers"


class Metric(Section):
    """How a metric of a trial is shown and compared."""

    digits: int = Field(ge=0, description="after the point")
    less_is_better: bool = False


class Row(Section):
    """A line of a table: the paper's numbers (or words), and how to come by ours."""

    label: str
    paper: list[float] | str | None = None
    method: str | None = None
    start: Literal["base", "own", "random"] = "base"
    tuned: bool = True
    changes: dict[str, Any] = Field(default_factory=dict)
    tracking: dict[str, Any] = Field(default_factory=dict)


class Claim(Section):
    """What the paper's numbers say of two rows."""

    metric: str
    better: str
    than: str


class Table(Section):
    """One table of the paper; `ours` are further columns, which the paper does not have."""

    title: str
    columns: list[str]
    ours: list[str] = Field(default_factory=list)
    frames: Literal["val", "train", "all"] = "val"
    rows: list[Row] = Field(min_length=1)
    claims: list[Claim]

    @model_validator(mode="after")
    def _consistent(self) -> Table:
        labels = [row.label for row in self.rows]
        strangers = [name for claim in self.claims for name in (claim.better, claim.than) if name not in labels]
        if len(set(labels)) < len(labels) or strangers:
            raise ValueError(f"labels must differ and claims name them; unknown: {strangers}")
        short = [row.label for row in self.rows if isinstance(row.paper, list) and len(row.paper) != len(self.columns)]
        if short:
            raise ValueError(f"rows with another number of values than columns: {short}")
        return self

    @property
    def names(self) -> list[str]:
        """Metrics of all columns, the paper's and ours."""
        return [*self.columns, *self.ours]

    def row(self, label: str) -> Row:
        """The row of that label."""
        return next(row for row in self.rows if row.label == label)


class Paper(Section):
    """The whole file; the head of experiments/papers/outrack.yaml explains the keys."""

    source: str
    metrics: dict[str, Metric]
    methods: dict[str, dict[str, Any]]
    base: dict[str, Any] = Field(default_factory=dict)
    tracking: dict[str, Any] = Field(default_factory=dict)
    tables: dict[int, Table]

    @model_validator(mode="after")
    def _named(self) -> Paper:
        tables = self.tables.values()
        methods = {row.method for table in tables for row in table.rows if row.method} - set(self.methods)
        metrics = {name for table in tables for name in (*table.names, *(claim.metric for claim in table.claims))} - set(self.metrics)
        if methods:
            raise ValueError(f"rows name methods that do not exist: {', '.join(sorted(methods))}; there are {', '.join(self.methods)}")
        if metrics:
            raise ValueError(f"columns name metrics that do not exist: {', '.join(sorted(metrics))}; there are {', '.join(self.metrics)}")
        return self


class Budget(NamedTuple):
    """What the trials of a table may cost.

    Attributes:
        epochs: factor on the epochs of both trainings.
        seeds: of the repetitions; the first one is that of shared pretrainings.
        workers: training processes of a trial.
    """

    epochs: float
    seeds: Sequence[int]
    workers: int


def names(root: Path) -> list[str]:
    """Systems whose paper has tables here."""
    return sorted(path.stem for path in (root / FOLDER).glob("*.yaml"))


def load(system: str, root: Path) -> Paper:
    """Read experiments/papers/<system>.yaml.

    Raises:
        UserError: there is no such paper, or a value of the file cannot be used.
    """
    if system not in names(root):
        raise UserError(f"there are no tables of {system}; there are those of {', '.join(names(root))}\nnext: correct the name")
    path = root / FOLDER / f"{system}.yaml"
    return parameters.validate(Paper, read_yaml(path, missing="no such file"), where=str(path))


def recipes(paper: Paper, table: Table, row: Row, raw: Mapping[str, Any], budget: Budget) -> list[Recipe]:
    """A trial for each seed of a row; none for a row without a method.

    Fine-tuning repeats with each seed from one shared pretraining; a row that is not fine-tuned repeats its pretraining.
    """
    if row.method is None:
        return []
    changes = {**paper.methods[row.method], **row.changes}
    finetune = {**changes, **scaled(raw, "finetune", budget.epochs), "finetune.workers": budget.workers}
    label = f"{row.label}, pretrained" if row.start == "own" and row.tuned else row.label
    return [
        Recipe(
            label=label,
            raw=raw,
            pretrain=_pretraining(paper, row, changes, raw, budget),
            finetune=finetune if row.tuned else None,
            track={**changes, "track.frames": table.frames, **paper.tracking, **row.tracking},
            seed=seed,
            shared_seed=budget.seeds[0] if row.tuned else seed,
        )
        for seed in budget.seeds
    ]


def _pretraining(paper: Paper, row: Row, changes: Mapping[str, Any], raw: Mapping[str, Any], budget: Budget) -> dict[str, Any]:
    """Changes of the pretraining that a row starts from."""
    cost = {**scaled(raw, "pretrain", budget.epochs), "pretrain.workers": budget.workers}
    if row.start == "own":
        return {**changes, **cost}
    if row.start == "base":
        return {**cost, **paper.base}
    return {**changes, "pretrain.epochs": 0}
