"""`throughline represent NAME ...`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from throughline import PARAMS

ENTRIES = Path("experiments") / "represent" / "representations.yaml"


def names() -> list[str]:
    """Representations that there are, for completion."""
    from experiments.represent.representations import read_entries
    from stages import ROOT

    return ["all", *read_entries(ROOT / ENTRIES)]


def represent(
    wanted: Annotated[
        list[str], typer.Argument(metavar="NAME", help="Of experiments/represent/representations.yaml, or all.", autocompletion=names)
    ],
    params: Annotated[Path, typer.Option(help="Parameter file.", show_default="params.yaml")] = PARAMS,
    tasks: Annotated[
        str,
        typer.Option(
            help="By commas: sot (boxes followed), vos (masks), propagation (joints), mot (true boxes joined), mots (masks), "
            "pose (joints), vis (instances of several classes)."
        ),
    ] = "sot,vos,mot,mots,pose,propagation,vis",
    sequences: Annotated[int | None, typer.Option(help="How many sequences.", show_default="all")] = None,
    own: Annotated[
        bool, typer.Option("--own", help="Judge masks and joints on the held-out frames, instead of on drawn sequences.")
    ] = False,
) -> None:
    """Tell how well frozen networks serve tracking, without training.

    sot and mot read the frames that `track.frames` names, which `dvc repro pack_samples` makes; the other tasks look at sequences that are
    drawn for them, under artifacts/represent/drawn. What was judged before is not judged again.
    """
    from experiments.represent import run
    from experiments.represent.representations import chosen, read_entries
    from pipeline.params import file
    from stages import ROOT

    entries = chosen(read_entries(ROOT / ENTRIES), wanted, ROOT / ENTRIES)
    found = run.represent(entries, tasks.split(","), file.load(params), ROOT, sequences, own=own)
    print("\n\n".join(run.table(task, rows) for task, rows in found.items()))
