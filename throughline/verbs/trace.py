"""`throughline trace SOURCE`: where a number comes from."""

from __future__ import annotations

from typing import Annotated

import typer

from throughline import PARAMS


def trace(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE ..",
            help="README.md:LINE or another page's, docs/tables.json#LABEL or #ROW, a file or folder of artifacts/ or data/, "
            "models:/NAME/VERSION or models:/NAME@ALIAS.",
        ),
    ],
    record: Annotated[
        tuple[str, str] | None,
        typer.Option(
            metavar="PAGE TEXT",
            help="Enter the words of a page that hold the sources' figures, of several seeds their mean, in docs/figures.json.",
        ),
    ] = None,
    command: Annotated[str, typer.Option(help="With --record: what gives these figures.")] = "make repro",
    tracking_uri: Annotated[str | None, typer.Option(help="MLflow store.", show_default="mlflow.tracking_uri of params.yaml")] = None,
) -> None:
    """Trace a number to parameters, digests of data and code, and the kind of machine."""
    from pipeline.params import file
    from pipeline.registry.address import absolute_uri
    from pipeline.registry.address import tracking_uri as store_of
    from throughline.figures import Figures, of_source
    from throughline.traces import traces

    root = PARAMS.parent
    uri = absolute_uri(tracking_uri, root) if tracking_uri else store_of(file.load(PARAMS).mlflow.tracking_uri, root)
    found = [item for source in sources for item in traces(source, root, uri)]
    print("\n\n".join(item.text for item in found))
    if record is not None:
        page, text = record
        Figures(root).add(of_source(found, page, text, command))
        print(f"\nentered in {Figures(root).path}")
