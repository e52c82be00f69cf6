"""`throughline preset NAME`."""

from __future__ import annotations

from typing import Annotated

import typer


def preset(
    name: Annotated[str, typer.Argument(help="A file of presets/ without .yaml.")],
    data_root: Annotated[str | None, typer.Option(help="Folder that holds third-party data sets.")] = None,
) -> None:
    """Make a preset the current parameter file."""
    from pipeline.params.preset import use

    print(f"{use(name, data_root=data_root)} is presets/{name}.yaml")
