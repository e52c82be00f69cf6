"""`throughline tables SYSTEM N ..`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from throughline import PARAMS


def systems() -> list[str]:
    """Systems whose paper has tables, for completion."""
    from experiments.papers.tables import names

    return names(PARAMS.parent)


def tables(
    system: Annotated[str, typer.Argument(help="A system whose paper stands in experiments/papers/.", autocompletion=systems)],
    numbers: Annotated[list[str], typer.Argument(metavar="N ..", help="Numbers of tables, or all.")],
    params: Annotated[Path, typer.Option(help="Parameter file.", show_default="params.yaml")] = PARAMS,
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a parameter of all trials; may be repeated.")
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Only print what the ledger has: run nothing, write nothing.")] = False,
    page: Annotated[bool, typer.Option("--page", help="Run nothing, but write the page from what the ledger has.")] = False,
) -> None:
    """Run a paper's tables; show its numbers beside ours.

    Only what is missing is run. Finished rows are kept in docs/tables.json; the page is docs/papers/SYSTEM.md.

    Exits with 1 when a trial failed.
    """
    from experiments.papers import page as pages
    from experiments.papers import tables as papers
    from experiments.papers.rows import Rows, run_missing
    from experiments.sweeps.run import MACHINERY
    from experiments.trials.changes import changed_file
    from pipeline.artifacts import store

    root = PARAMS.parent
    paper = papers.load(system, root)
    wanted = pages.numbers(numbers, paper)
    rows = Rows(*changed_file(params, changes or ()), paper, root)
    with store.connected(rows.params.base.store):
        outcomes = [] if show or page else run_missing(rows, wanted, MACHINERY)
    if not show:
        pages.write(rows, system, wanted, changes or (), root)
    for number in wanted:
        print(rows.text(number) or f"Table {number}: nothing of it was measured yet\n")
    failed = [item for item in outcomes if item.status in ("failed", "interrupted")]
    for item in failed:
        print(f"{item.trial.recipe.label}, seed {item.trial.seed}: {item.status}: {item.error} (log: {item.log})")
    if failed:
        raise typer.Exit(1)
