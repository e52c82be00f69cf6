"""`throughline tables SYSTEM N ..` and `throughline tables systems`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.errors import UserError
from throughline import PARAMS

SIDE_BY_SIDE = "systems"


def systems() -> list[str]:
    """Systems whose paper has tables, and the word for all of them, for completion."""
    from experiments.papers.tables import names

    return [*names(PARAMS.parent), SIDE_BY_SIDE]


def tables(
    system: Annotated[
        str,
        typer.Argument(
            help="A system whose paper stands in experiments/papers/; or systems, for all of them side by side in docs/systems.md.",
            autocompletion=systems,
        ),
    ],
    numbers: Annotated[list[str] | None, typer.Argument(metavar="N ..", help="Numbers of tables, or all.", show_default=False)] = None,
    params: Annotated[Path, typer.Option(help="Parameter file.", show_default="params.yaml")] = PARAMS,
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a parameter of all trials; may be repeated.")
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Only print what the ledger has: run nothing, write nothing.")] = False,
    page: Annotated[bool, typer.Option("--page", help="Run nothing, but write the page from what the ledger has.")] = False,
    record: Annotated[
        bool, typer.Option("--record", help="Of systems: first take the pipeline that has run here into docs/systems.json.")
    ] = False,
) -> None:
    """Run a paper's tables; show its numbers beside ours.

    Only what is missing is run. Finished rows are kept in docs/tables.json; the page is docs/papers/SYSTEM.md.
    `throughline tables systems` runs nothing: it writes docs/systems.md from docs/systems.json.

    Exits with 1 when a trial failed.
    """
    if system == SIDE_BY_SIDE:
        print(_side_by_side(params, record, show))
        return
    if record or not numbers:
        raise UserError(f"tables {system}: {'--record is of systems alone' if record else 'no table is named'}\nnext: correct the command")
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


def _side_by_side(params: Path, record: bool, show: bool) -> str:
    """Write docs/systems.md; returns it."""
    from experiments.papers.ledger import Ledger
    from experiments.systems import comparison, finished
    from experiments.systems import page as pages
    from experiments.systems.minutes import training_minutes
    from pipeline.artifacts.store import write_text
    from pipeline.params import file
    from pipeline.registry.address import tracking_uri

    root = PARAMS.parent
    ledger = Ledger(root / finished.LEDGER)
    if record:
        settings = file.load(params).mlflow
        ledger.add([finished.finished(params, training_minutes(tracking_uri(settings.tracking_uri, root), settings.experiment), root)])
    written = pages.text(comparison.load(root), ledger.records, root)
    if record:
        ledger.save()
    if not show:
        write_text(root / pages.PAGE, written)
    return written
