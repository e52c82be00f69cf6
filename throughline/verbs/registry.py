"""`throughline registry list|show|fetch|promote`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from throughline import PARAMS

if TYPE_CHECKING:
    from pipeline.registry.registry import Registered

SHOWN = ("HOTA", "MOTA", "IDF1")  # scores in a line

registry = typer.Typer(name="registry", help="The registered models: list, show, fetch, promote.", no_args_is_help=True)
Reference = Annotated[str, typer.Argument(help="NAME@ALIAS or NAME/VERSION, e.g. outrack@champion.")]
TrackingUri = Annotated[str | None, typer.Option(help="MLflow store.", show_default="mlflow.tracking_uri of params.yaml")]


@registry.command("list")
def list_all(tracking_uri: TrackingUri = None) -> None:
    """Every version, its aliases and metrics."""
    from pipeline.registry.registry import versions

    uri = _store(tracking_uri)
    print("\n".join(map(_line, versions(uri))) or f"no registered models at {uri}")


@registry.command()
def show(reference: Reference, tracking_uri: TrackingUri = None) -> None:
    """Tags of one version."""
    from pipeline.registry.registry import show

    item = show(reference, _store(tracking_uri))
    print("\n".join([_line(item), f"  run {item.run_id}", *(f"  {key}: {value}" for key, value in sorted(item.tags.items()))]))


@registry.command()
def fetch(
    reference: Reference,
    out: Annotated[Path | None, typer.Option(help="Folder to make or fill.", show_default="NAME-VERSION")] = None,
    tracking_uri: TrackingUri = None,
) -> None:
    """Copy weights, card and parameters of a version into a folder."""
    from pipeline.registry.registry import fetch, show

    uri = _store(tracking_uri)
    item = show(reference, uri)
    print(fetch(reference, uri, out or Path(f"{item.name}-{item.version}")))


@registry.command()
def promote(reference: Reference, tracking_uri: TrackingUri = None) -> None:
    """Make a version champion by hand, e.g. after the evaluation data changed."""
    from pipeline.registry.registry import make_champion

    item = make_champion(reference, _store(tracking_uri))
    print(f"{item.name}/{item.version} is champion")


def _store(tracking_uri: str | None) -> str:
    """The store with an absolute path; MLflow, which announces the tables of a new one, is silenced."""
    import logging

    from pipeline.params import file
    from pipeline.registry.runs import absolute_uri

    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
    return absolute_uri(tracking_uri or file.load(PARAMS).mlflow.tracking_uri, PARAMS.parent)


def _line(item: Registered) -> str:
    scores = [f"{key} {float(item.tags[f'metrics.{key}']):.2f}" for key in SHOWN if f"metrics.{key}" in item.tags]
    return "  ".join([item.label, *scores])
