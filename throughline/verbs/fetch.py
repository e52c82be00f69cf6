"""`throughline fetch NAME`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from throughline import where


def names() -> list[str]:
    """Data sets that can be fetched, for completion."""
    from pipeline.fetch.public import read_table

    return list(read_table())


def fetch(
    name: Annotated[str, typer.Argument(help="A data set of pipeline/fetch/public.yaml, such as MOT17.", autocompletion=names)],
    to: Annotated[Path | None, typer.Option(help="Folder of data sets.", show_default="data/external")] = None,
) -> None:
    """Download a public data set, checked and unpacked.

    It says the licence first, goes on after a broken connection, and puts the set where the presets look for it.
    """
    from pipeline.fetch import public

    print(public.fetch(name, to or where.root() / "data" / "external", public.read_table()))
