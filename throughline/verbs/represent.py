"""`throughline represent NAME ...`."""

from __future__ import annotations

import sys
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
        list[str] | None,
        typer.Argument(
            metavar="NAME ..", help="Of experiments/represent/representations.yaml, or all.", autocompletion=names, show_default=False
        ),
    ] = None,
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
    show: Annotated[bool, typer.Option("--show", help="Write neither docs/representations.json nor the page.")] = False,
) -> None:
    """Tell how well frozen networks serve tracking, without training.

    sot and mot read the frames that `track.frames` names, which `dvc repro pack_samples` makes; the other tasks look at sequences that are
    drawn for them, under artifacts/represent/drawn. What was judged before is not judged again, and a killed run goes on. Scores are kept
    in docs/representations.json, from which docs/representations.md is written; without a NAME nothing is judged, and the page is written.
    A drawn clip of each task lies on artifacts/represent/index.html, and in the folder clips beside it.
    """
    from experiments.represent import gallery, ledger, page
    from experiments.represent.representations import chosen, read_entries
    from experiments.represent.run import Wanted
    from experiments.represent.run import represent as judge
    from experiments.represent.table import table
    from pipeline.params import file
    from stages import ROOT

    every, words = read_entries(ROOT / ENTRIES), tasks.split(",")
    if wanted:
        loaded = file.load(params)
        asked = Wanted(chosen(every, wanted, ROOT / ENTRIES), words, sequences, own)
        results = judge(asked, loaded, ROOT)
        gallery.draw(asked, loaded, ROOT)
        print(f"represent: drawn clips are on {gallery.write(every, ROOT)}", file=sys.stderr)
        print("\n\n".join(table(task, results) for task in words))
        if not show:
            ledger.enter(results, file.digest(loaded), ROOT)
    records = ledger.read(ROOT)
    text = page.text(records, every, ROOT)
    if not show:
        page.write(text, records, every, ROOT)
    elif not wanted:
        print(text)
