"""`throughline cluster up|down|status`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from throughline import PARAMS

cluster = typer.Typer(name="cluster", help="A local Ray head that all stages share.", no_args_is_help=True)


@cluster.command()
def up(
    params: Annotated[
        Path, typer.Option(help="Parameter file; its `cluster` section sizes the head.", show_default="params.yaml")
    ] = PARAMS,
) -> None:
    """Start a head, unless one answers already."""
    from pipeline.params import file
    from pipeline.runtime.cluster import up

    print(f"Ray head at {up(file.load(params).cluster)}")


@cluster.command()
def down() -> None:
    """Stop the head that `up` started."""
    from pipeline.runtime.cluster import down

    down()


@cluster.command()
def status() -> None:
    """Say whether the head that `up` started answers; exits with 1 where none does."""
    from pipeline.runtime.cluster import head

    address = head()
    print(f"Ray head at {address}" if address else "no Ray head answers; `throughline cluster up` starts one")
    raise typer.Exit(0 if address else 1)
