"""`throughline preset NAME`."""

from __future__ import annotations

from typing import Annotated

import typer

from throughline import PARAMS


def names() -> list[str]:
    """Presets that there are, for completion."""
    return sorted(path.stem for path in (PARAMS.parent / "presets").glob("*.yaml"))


def preset(
    name: Annotated[
        str,
        typer.Argument(
            help="A file of presets/ without .yaml; or several with + between them, each over those before it.", autocompletion=names
        ),
    ],
    data_root: Annotated[str | None, typer.Option(help="Folder that holds third-party data sets.", show_default="the preset's")] = None,
    show: Annotated[bool, typer.Option("--show", help="Only print the whole file; write nothing.")] = False,
) -> None:
    """Make a preset the current parameter file.

    A preset states what differs from presets/walkers.yaml; params.yaml becomes the whole file, every value with its comment.
    """
    from models.parameters import check
    from pipeline.params.preset import text, use, values

    check(values(name), f"presets/{name}.yaml")
    if show:
        print(text(name, data_root=data_root), end="")
    else:
        print(f"{use(name, data_root=data_root)} is the whole of presets/{name}.yaml")
