"""The paper's ablation tables: run what is missing, and show the paper's numbers on MOT17 beside ours on this data set.

    python -m stages.tables 3
    python -m stages.tables all --set sweep.seeds=3
    python -m stages.tables all --show

Finished rows are kept in docs/tables.json with seed, commit and fingerprint; docs/tables.md is written from it. Trials are those of
stages/sweep.py: shared pretrainings are trained once, and the same command goes on where a killed one was.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline import params as parameters
from pipeline.errors import UserError
from pipeline.experiments import pages, record, steps, tables, tuning
from pipeline.experiments.definitions import Case, Definition
from pipeline.experiments.ledger import Found, Ledger, Record
from pipeline.experiments.plan import Configuration, Plan, Trial
from pipeline.experiments.recipes import Recipe
from pipeline.experiments.tables import Budget, Row, Table, Tables
from pipeline.params import Params
from pipeline.publish import file_digest, write_file
from pipeline.runs import git_state
from stages import ROOT, plain_errors
from stages.sweep import EXIT_FAILED, MACHINERY, SYSTEMS, parameter_file

DEFINITIONS, LEDGER, PAGE = Path("sweeps/tables.yaml"), Path("docs/tables.json"), Path("docs/tables.md")
DEFINITION = Definition(description="The paper's ablation tables", first="finetune", cases=[Case(label="rows")])


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
        data = [file_digest(root / "data" / name / "manifest.json") for name in ("frames", "samples")]
        return parameters.digest(self.name, [recipe.digest() for recipe in self.recipes], data)


class Rows:
    """Every row of the tables on one parameter file: its trials, and what the ledger has of them.

    Args:
        raw: the parameter file as a mapping.
        params: the same, checked.
        defined: the tables.
        root: the repository.
    """

    def __init__(self, raw: dict[str, object], params: Params, defined: Tables, root: Path) -> None:
        self.raw, self.defined, self.root = raw, defined, root
        self.budget = Budget(params.sweep.budget, params.seeds, params.sweep.workers)
        self.data = "+".join(params.pack_samples.videos)
        self.ledger = Ledger(root / LEDGER)

    def recipes(self, table: Table, row: Row) -> list[Recipe]:
        """The trials of a row, a seed each."""
        return tables.recipes(self.defined, table, row, self.raw, self.budget, SYSTEMS)

    def found(self, recipe: Recipe) -> Found | None:
        """What the ledger has of a trial."""
        named = steps.fingerprint(recipe, self.root)
        return self.ledger.find(data=self.data, setting=recipe.digest(), seed=recipe.seed, fingerprint=named)

    def missing(self, numbers: Sequence[int]) -> list[Recipe]:
        """Trials of these tables that are not in the ledger, or stale there, seed after seed; one that several rows share comes once."""
        chosen = [self.defined.tables[number] for number in numbers]
        wanted = {recipe.digest(): recipe for table in chosen for row in table.rows for recipe in self.recipes(table, row)}
        missing = [recipe for recipe in wanted.values() if (found := self.found(recipe)) is None or not found.fresh]
        return sorted(missing, key=lambda recipe: self.budget.seeds.index(recipe.seed))

    def enter(self, numbers: Sequence[int], machinery: tuning.Machinery) -> None:
        """Keep in the ledger what has finished of these tables, also under a driver that was killed since."""
        state = git_state(self.root, but="docs")  # which this very command writes
        commit = state["throughline.git_commit"][:10] + ("+" if state["throughline.git_dirty"] == "true" else "")
        done = [(recipe, machinery.outcome(recipe, self.root)) for recipe in self.missing(numbers)]
        self.ledger.add([self._record(recipe, metrics, commit) for recipe, metrics in done if metrics is not None])

    def shown(self, wanted: Sequence[int]) -> list[int]:
        """Tables for the page: those that were asked for and those whose rows were all measured, as far as anything of them was."""
        return [number for number in self.defined.tables if self.text(number) and (number in wanted or self._whole(number))]

    def _whole(self, number: int) -> bool:
        table = self.defined.tables[number]
        return all(any(self.found(recipe) for recipe in recipes) for row in table.rows if (recipes := self.recipes(table, row)))

    def text(self, number: int) -> str:
        """One table as Markdown; empty where nothing of it was measured."""
        table = self.defined.tables[number]
        measured = {row.label: pages.Measured([self.found(recipe) for recipe in self.recipes(table, row)]) for row in table.rows}
        return pages.markdown(number, table, measured) if any(item.metrics for item in measured.values()) else ""

    def _record(self, recipe: Recipe, metrics: dict[str, float], commit: str) -> Record:
        named = steps.fingerprint(recipe, self.root)
        return Record(self.data, recipe.label, recipe.seed, recipe.digest(), named, commit, metrics)


def run_missing(
    rows: Rows, numbers: Sequence[int], params: Params, root: Path, machinery: tuning.Machinery = MACHINERY
) -> list[tuning.Outcome]:
    """Run the trials that these tables lack and enter them in the ledger; those that failed are told.

    Raises:
        UserError: a trial's parameters cannot be used, data is missing, or the cluster is too small.
    """
    rows.enter(numbers, machinery)
    missing = tuple(rows.missing(numbers))
    if not missing:
        return []
    plan = TablePlan("tables", DEFINITION, rows.raw, params, SYSTEMS, missing)
    with tuning.alone(plan, root):
        tuning.check(plan, machinery, root)
        with record.opened(plan, root) as runs:
            outcomes = tuning.run(plan, machinery, runs, root)
    rows.enter(numbers, machinery)
    return outcomes


def write_page(rows: Rows, wanted: Sequence[int], overrides: Sequence[str], root: Path) -> None:
    """Bring docs/tables.md up to date for this data set; what stands outside its markers stays.

    Args:
        rows: of this data set.
        wanted: tables to show even when rows of them are missing.
        overrides: what --set changed, for the command on the page.
        root: the repository.
    """
    path, shown = root / PAGE, rows.shown(wanted)
    every = [
        recipe for number in shown for row in rows.defined.tables[number].rows for recipe in rows.recipes(rows.defined.tables[number], row)
    ]
    commits = ", ".join(sorted({found.record.commit for recipe in every if (found := rows.found(recipe)) is not None})) or "none"
    asked = ["all"] if shown == list(rows.defined.tables) else [str(number) for number in shown]
    command = " ".join(["python -m stages.tables", *asked, *(f"--set {override}" for override in overrides)])
    head = (
        f"`{command}` with `sweep.budget: {rows.budget.epochs:g}` and seeds {', '.join(map(str, rows.budget.seeds))}; "
        f"commits {commits}. Ours: **mean** ± standard deviation over n seeds.\n"
    )
    body = "\n".join(rows.text(number) for number in shown)
    write_file(path, pages.insert(path.read_text(), rows.data, f"{head}\n{body}"))


def numbers(words: Sequence[str], defined: Tables) -> list[int]:
    """The tables that the command line names.

    Raises:
        UserError: there is no such table.
    """
    known = {str(number): number for number in defined.tables}
    unknown = [word for word in words if word != "all" and word not in known]
    if unknown:
        raise UserError(f"there is no table {', '.join(unknown)}; there are {', '.join(known)}, and all\nnext: correct the number")
    return list(defined.tables) if "all" in words else [known[word] for word in words]


def main(words: Sequence[str] | None = None) -> None:
    """Exits with 2 on a user's mistake and 1 when a trial failed."""
    parser = argparse.ArgumentParser(prog="python -m stages.tables", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("tables", nargs="+", help="numbers of tables, or all")
    parser.add_argument("--params", default=str(ROOT / "params.yaml"), help="parameter file (default: params.yaml)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a parameter of all trials")
    parser.add_argument("--show", action="store_true", help="run nothing, show what the ledger has")
    chosen = parser.parse_args(words)
    with plain_errors():
        defined = tables.load(ROOT / DEFINITIONS)
        wanted = numbers(chosen.tables, defined)
        raw, params = parameter_file(chosen)
        rows = Rows(raw, params, defined, ROOT)
        if chosen.show:
            rows.enter(wanted, MACHINERY)
        outcomes = [] if chosen.show else run_missing(rows, wanted, params, ROOT)
        write_page(rows, wanted, chosen.set, ROOT)
        for number in wanted:
            print(rows.text(number) or f"Table {number}: nothing of it was measured yet\n")
    failed = [item for item in outcomes if item.status in ("failed", "interrupted")]
    for item in failed:
        print(f"{item.trial.recipe.label}, seed {item.trial.seed}: {item.status}: {item.error} (log: {item.log})")
    if failed:
        raise SystemExit(EXIT_FAILED)


if __name__ == "__main__":
    main()
