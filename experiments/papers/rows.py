"""Rows of the tables on one parameter file: the trials behind them, what the ledger has, and running what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.papers import markdown, tables
from experiments.papers.ledger import Found, Ledger, Record
from experiments.papers.tables import Budget, Paper, Row, Table
from experiments.sweeps import record, tuning
from experiments.sweeps.definitions import Case, Definition
from experiments.sweeps.plan import Configuration, Plan, Trial
from experiments.trials import steps
from experiments.trials.recipe import Recipe
from pipeline.artifacts.fingerprint import code_of
from pipeline.artifacts.publication import content_digest
from pipeline.params import file as parameters
from pipeline.params.sections import Params
from pipeline.registry.runs import git_state
from pipeline.runtime.machine import kind

LEDGER = Path("docs/tables.json")
DEFINITION = Definition(description="The tables of a paper", first="finetune", cases=[Case(label="rows")])


@dataclass(frozen=True)
class TablePlan(Plan):
    """The trials behind rows, for the engine that runs sweeps."""

    recipes: tuple[Recipe, ...] = ()

    @property
    def count(self) -> int:
        return len(self.recipes)

    def trials(self) -> list[Trial]:
        return [
            Trial(number, Configuration(recipe.label, {"row": recipe.label}, {}), recipe.seed, recipe)
            for number, recipe in enumerate(self.recipes)
        ]

    def probes(self) -> Iterator[Recipe]:
        yield from self.recipes

    def fingerprint(self, root: Path) -> str:
        data = [content_digest(root / "data" / name) for name in ("frames", "samples")]
        return parameters.digest(self.name, [recipe.digest() for recipe in self.recipes], data)


class Rows:
    """Every row of the tables on one parameter file: its trials, and what the ledger has of them.

    Args:
        raw: the parameter file as a mapping.
        params: the same, checked.
        paper: whose tables.
        root: the repository.
    """

    def __init__(self, raw: dict[str, object], params: Params, paper: Paper, root: Path) -> None:
        self.raw, self.params, self.paper, self.root = raw, params, paper, root
        self.budget = Budget(params.sweep.budget, params.seeds, params.sweep.workers)
        self.data = "+".join(params.pack_samples.videos)
        self.ledger = Ledger(root / LEDGER)

    def recipes(self, table: Table, row: Row) -> list[Recipe]:
        """The trials of a row, one for each seed."""
        return tables.recipes(self.paper, table, row, self.raw, self.budget)

    def found(self, recipe: Recipe) -> Found | None:
        """What the ledger has of a trial."""
        named = steps.fingerprint(recipe, self.root)
        return self.ledger.find(data=self.data, setting=recipe.digest(), seed=recipe.seed, fingerprint=named)

    def measured(self, table: Table, row: Row) -> markdown.Measured:
        """What the page shows of a row: the seeds asked for, and any other that the ledger has of the same code and data."""
        others = {item.seed for item in self.ledger.records if item.data == self.data} - set(self.budget.seeds)
        every = self.budget._replace(seeds=[*self.budget.seeds, *sorted(others)])  # the first one stays that of shared pretrainings
        found = [self.found(recipe) for recipe in tables.recipes(self.paper, table, row, self.raw, every)]
        asked = len(self.budget.seeds)
        return markdown.Measured([*found[:asked], *(item for item in found[asked:] if item is not None and item.fresh)])

    def missing(self, numbers: Sequence[int]) -> list[Recipe]:
        """Trials of these tables that are not in the ledger, or stale there, seed after seed; one that several rows share comes once."""
        chosen = [self.paper.tables[number] for number in numbers]
        wanted = {recipe.digest(): recipe for table in chosen for row in table.rows for recipe in self.recipes(table, row)}
        missing = [recipe for recipe in wanted.values() if (found := self.found(recipe)) is None or not found.fresh]
        return sorted(missing, key=lambda recipe: self.budget.seeds.index(recipe.seed))

    def enter(self, numbers: Sequence[int], machinery: tuning.Machinery) -> None:
        """Take into the ledger, though not yet into its file, what has finished of these tables, also under a driver that was killed."""
        state = git_state(self.root, but=("docs", "params.yaml"))  # this command writes the one, and fingerprints hold the other
        commit = state["throughline.git_commit"][:10] + ("+" if state["throughline.git_dirty"] == "true" else "")
        done = [(recipe, machinery.outcome(recipe, self.root)) for recipe in self.missing(numbers)]
        self.ledger.add([self._record(recipe, metrics, commit) for recipe, metrics in done if metrics is not None])

    def shown(self, wanted: Sequence[int]) -> list[int]:
        """Tables for the page: those that were asked for and those whose rows were all measured, as far as anything of them was."""
        return [number for number in self.paper.tables if self.text(number) and (number in wanted or self._whole(number))]

    def _whole(self, number: int) -> bool:
        table = self.paper.tables[number]
        return all(any(self.found(recipe) for recipe in recipes) for row in table.rows if (recipes := self.recipes(table, row)))

    def text(self, number: int) -> str:
        """One table as Markdown; empty where nothing of it was measured."""
        table = self.paper.tables[number]
        measured = {row.label: self.measured(table, row) for row in table.rows}
        return markdown.markdown(number, table, self.paper.metrics, measured) if any(item.metrics for item in measured.values()) else ""

    def _record(self, recipe: Recipe, metrics: dict[str, float], commit: str) -> Record:
        named = steps.fingerprint(recipe, self.root)
        return Record(self.data, recipe.label, recipe.seed, recipe.digest(), named, commit, metrics, self._made(recipe))

    def _made(self, recipe: Recipe) -> dict[str, dict[str, str]]:
        """What a row's numbers were made from, for `throughline trace`."""
        steps_taken = {"pretrain": recipe.pretrain, "finetune": recipe.finetune, "track": recipe.track}
        taken = {step: changes for step, changes in steps_taken.items() if changes is not None}
        parameters_of = {f"{step}: {key}": str(value) for step, changes in taken.items() for key, value in changes.items()}
        code = {step: code_of(step, recipe.parameters("track")[0]) for step in (*taken, "evaluate")}
        data = {name: content_digest(self.root / "data" / name) or "" for name in ("frames", "samples")}
        return {"parameters": {"file": parameters.digest(self.params), **parameters_of}, "data": data, "code": code, "machine": kind()}


def run_missing(rows: Rows, numbers: Sequence[int], machinery: tuning.Machinery) -> list[tuning.Outcome]:
    """Run the trials that these tables lack and enter them in the ledger.

    Returns:
        The outcome of each of these trials, failed ones included.

    Raises:
        UserError: a trial's parameters cannot be used, data is missing, or the cluster is too small.
    """
    rows.enter(numbers, machinery)
    outcomes = run(rows, rows.missing(numbers), machinery)
    rows.enter(numbers, machinery)
    rows.ledger.save()
    return outcomes


def run(rows: Rows, recipes: Sequence[Recipe], machinery: tuning.Machinery) -> list[tuning.Outcome]:
    """Run trials; without any, no tracked run is opened.

    Raises:
        UserError: a trial's parameters cannot be used, data is missing, or the cluster is too small.
    """
    if not recipes:
        return []
    plan = TablePlan("tables", DEFINITION, rows.raw, rows.params, tuple(recipes))
    with tuning.alone(plan, rows.root):
        tuning.check(plan, machinery, rows.root)
        with record.opened(plan, rows.root) as runs:
            return tuning.run(plan, machinery, runs, rows.root)
