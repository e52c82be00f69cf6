"""The paper's ablation tables as trials: experiments/tables.yaml, typed, and the recipes behind a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field, model_validator

from experiments.trials.recipe import Recipe, Systems, scaled
from pipeline.errors import UserError
from pipeline.params import file as parameters
from pipeline.params.sections.common import Section

Metric = Literal["MOTA", "IDF1", "HOTA", "MT", "ML", "FP", "FN", "IDSW", "R1", "mAP"]
LOWER_IS_BETTER = frozenset({"ML", "FP", "FN", "IDSW"})


class Row(Section):
    """A line of a table: the paper's numbers (or words), and how to come by ours."""

    label: str
    paper: list[float] | str | None = None
    method: str | None = None
    start: Literal["base", "own", "random"] = "base"
    tuned: bool = True
    occe: bool = False
    changes: dict[str, Any] = Field(default_factory=dict)


class Claim(Section):
    """What the paper's numbers say of two rows."""

    metric: Metric
    better: str
    than: str


class Table(Section):
    """One table of the paper; `ours` are further columns, which the paper does not have."""

    title: str
    columns: list[Metric]
    ours: list[Metric] = Field(default_factory=list)
    frames: Literal["val", "all"] = "val"
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

    def row(self, label: str) -> Row:
        """The row of that label."""
        return next(row for row in self.rows if row.label == label)


class Tables(Section):
    """The whole file."""

    source: str
    methods: dict[str, dict[str, Any]]
    tables: dict[int, Table]


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


def load(path: Path) -> Tables:
    """Read experiments/tables.yaml.

    Raises:
        UserError: the file is missing or a value of it cannot be used.
    """
    raw = parameters.read_yaml(path, missing="no such file\nnext: restore it from git")
    found = parameters.validate(Tables, raw, where=str(path))
    unknown = {row.method for table in found.tables.values() for row in table.rows if row.method} - set(found.methods)
    if unknown:
        raise UserError(f"{path}: rows name methods that do not exist: {', '.join(sorted(unknown))}; there are {', '.join(found.methods)}")
    return found


def recipes(tables: Tables, table: Table, row: Row, raw: Mapping[str, Any], budget: Budget, systems: Systems) -> list[Recipe]:
    """A trial for each seed of a row; none for a row without a method.

    Fine-tuning repeats with each seed from one shared pretraining; a row that is not fine-tuned repeats its pretraining.
    """
    if row.method is None:
        return []
    changes = {**tables.methods[row.method], **row.changes}
    track = {**changes, "track.frames": table.frames, "model.tracker.refind": "paper" if row.occe else "off"}
    pretrain = _pretraining(row, changes, raw, budget)
    finetune = {**changes, **scaled(raw, "finetune", budget.epochs), "finetune.workers": budget.workers}
    label = f"{row.label}, pretrained" if row.start == "own" and row.tuned else row.label
    return [
        Recipe(
            label=label,
            raw=raw,
            pretrain=pretrain,
            finetune=finetune if row.tuned else None,
            track=track,
            seed=seed,
            shared_seed=budget.seeds[0] if row.tuned else seed,
            systems=systems,
        )
        for seed in budget.seeds
    ]


def _pretraining(row: Row, changes: Mapping[str, Any], raw: Mapping[str, Any], budget: Budget) -> dict[str, Any]:
    """Changes of the pretraining that a row starts from."""
    cost = {**scaled(raw, "pretrain", budget.epochs), "pretrain.workers": budget.workers}
    if row.start == "own":
        return {**changes, **cost}
    if row.start == "base":
        return {**cost, "pretrain.id_weight": 0.0}
    return {**changes, "pretrain.epochs": 0}
