"""`throughline sweep NAME`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from throughline import PARAMS


def names() -> list[str]:
    """Sweeps that there are, for completion."""
    from experiments.sweeps import definitions
    from experiments.sweeps.run import SWEEPS
    from stages import ROOT

    return list(definitions.read(ROOT / SWEEPS))


def sweep(
    name: Annotated[str, typer.Argument(help="A sweep of experiments/sweeps.yaml; with --grid any word.", autocompletion=names)],
    params: Annotated[Path, typer.Option(help="Parameter file.", show_default="params.yaml")] = PARAMS,
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a parameter of all trials; may be repeated.")
    ] = None,
    grid: Annotated[
        list[str] | None, typer.Option(metavar="KEY=V1,V2", help="Values to try in place of the sweep's own; may be repeated.")
    ] = None,
    seeds: Annotated[int | None, typer.Option(help="How many seeds.", show_default="sweep.seeds")] = None,
    trials: Annotated[int | None, typer.Option(help="How many trials of a search.", show_default="sweep.trials")] = None,
    concurrency: Annotated[int | None, typer.Option(help="Trials side by side.", show_default="sweep.concurrency")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Write the best trial to the parameter file and register it.")] = False,
) -> None:
    """Try variants of the parameter file side by side.

    Each is trained, tracked and scored. What is finished is never done again: the same command goes on where a killed one was.

    Exits with 1 when a trial failed or was interrupted.
    """
    from experiments.sweeps import apply as best
    from experiments.sweeps import run
    from pipeline.artifacts import store
    from stages import ROOT

    settings = {"sweep.seeds": seeds, "sweep.trials": trials, "sweep.concurrency": concurrency}
    plan = run.plan(name, params, changes or (), grid or (), settings)
    with store.connected(plan.params.base.store):
        outcomes = run.sweep(plan, ROOT)
        if apply:
            best.apply(plan, outcomes, run.MACHINERY, params, ROOT)
    unfinished = [outcome for outcome in outcomes if outcome.status in ("failed", "interrupted")]
    if unfinished:
        print(f"error: {len(unfinished)} of {len(outcomes)} trials did not finish; the same command tries them again", file=sys.stderr)
        raise typer.Exit(1)
