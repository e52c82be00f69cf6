"""The paper's ablation tables: run what is missing, and show the paper's numbers on MOT17 beside ours on this data set.

    python -m experiments.papers 3
    python -m experiments.papers all --set sweep.seeds=3
    python -m experiments.papers all --show

Finished rows are kept in docs/tables.json with seed, commit and fingerprint; docs/tables.md is written from it. Trials are those of
experiments/sweeps/command.py: shared pretrainings are trained once, and the same command goes on where a killed one was. A change of the
code that a row depends on makes it stale; a change of comments or docstrings does not.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from experiments.papers import pages, tables
from experiments.papers.rows import Rows, run_missing
from experiments.papers.tables import Tables
from experiments.sweeps.command import EXIT_FAILED, MACHINERY, SYSTEMS, parameter_file
from pipeline.artifacts import store
from pipeline.artifacts.store import write_text
from pipeline.errors import UserError
from stages import ROOT, plain_errors

DEFINITIONS, PAGE = Path("experiments/tables.yaml"), Path("docs/tables.md")


def write_page(rows: Rows, wanted: Sequence[int], overrides: Sequence[str], root: Path) -> None:
    """Bring docs/tables.md up to date for this data set; what stands outside its markers stays.

    Args:
        rows: of this data set.
        wanted: tables to show even when rows of them are missing.
        overrides: what --set changed, for the command on the page.
        root: the repository.
    """
    path, shown = root / PAGE, rows.shown(wanted)
    measured = [rows.measured(rows.defined.tables[number], row) for number in shown for row in rows.defined.tables[number].rows]
    records = [found.record for item in measured for found in item.found if found is not None]
    seeds = ", ".join(str(seed) for seed in sorted({record.seed for record in records}))
    commits = ", ".join(sorted({record.commit for record in records})) or "none"
    asked = ["all"] if shown == list(rows.defined.tables) else [str(number) for number in shown]
    command = " ".join(["python -m experiments.papers", *asked, *(f"--set {override}" for override in overrides)])
    head = (
        f"`{command}` with `sweep.budget: {rows.budget.epochs:g}` and seeds {seeds or 'none'}; "
        f"commits {commits}. Ours: **mean** ± standard deviation over n seeds.\n"
    )
    body = "\n".join(rows.text(number) for number in shown)
    write_text(path, pages.insert(path.read_text(), rows.data, f"{head}\n{body}"))


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
    parser = argparse.ArgumentParser(
        prog="python -m experiments.papers", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("tables", nargs="+", help="numbers of tables, or all")
    parser.add_argument("--params", default=str(ROOT / "params.yaml"), help="parameter file (default: params.yaml)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a parameter of all trials")
    parser.add_argument("--show", action="store_true", help="run nothing, show what the ledger has")
    chosen = parser.parse_args(words)
    with plain_errors():
        defined = tables.load(ROOT / DEFINITIONS)
        wanted = numbers(chosen.tables, defined)
        raw, params = parameter_file(chosen)
        rows = Rows(raw, params, defined, SYSTEMS, ROOT)
        if chosen.show:
            rows.enter(wanted, MACHINERY)
        with store.connected(params.base.store):
            outcomes = [] if chosen.show else run_missing(rows, wanted, MACHINERY)
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
