"""`throughline relocate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from throughline import PARAMS


def relocate(
    params: Annotated[Path, typer.Option(help="Parameter file, which names the store.", show_default="params.yaml")] = PARAMS,
) -> None:
    """Make a copied or moved clone's MLflow store its own.

    MLflow writes absolute paths into its sqlite file, so that a copy goes on writing to the folders that it came from; every command says
    so and stops. This changes those paths to the present ones. Copy mlruns/ along: it holds the artefacts and the models.
    """
    from pipeline.errors import UserError
    from pipeline.params import file
    from pipeline.registry import address
    from pipeline.registry.relocate import relocate

    uri = address.absolute_uri(address.TOLD or file.load(params).mlflow.tracking_uri, PARAMS.parent)
    path = address.database(uri)
    if path is None or not path.is_file():
        raise UserError(f"{uri}: no sqlite file of MLflow lies there\nnext: nothing has to be done; the next stage makes one")
    found = relocate(path)
    if found is None:
        print(f"{path} is this clone's own: nothing to do")
        return
    print(f"{path}: {found[1]} entries named {found[0].parent}, and name {path.parent} now")
    if not (path.parent / address.RUNS).is_dir():
        print(f"{path.parent / address.RUNS}: not there, so artefacts and models of earlier runs cannot be opened until it is copied")
