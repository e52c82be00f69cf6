"""`throughline stored`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from throughline import PARAMS


def stored(
    params: Annotated[Path, typer.Option(help="Parameter file, whose base.store it is.", show_default="params.yaml")] = PARAMS,
    prune: Annotated[bool, typer.Option("--prune", help="Remove versions that no pointer of this checkout names.")] = False,
) -> None:
    """Say what the store holds, and whether it is whole.

    DVC sees the pointers, not the objects, so this is the question that `dvc status` cannot answer. Versions that no pointer names any
    more stay, so that an older commit and its `dvc checkout` find theirs; --prune removes them, as `dvc gc` does for the cache. It knows
    the pointers of this checkout alone: of a store that several checkouts share, it removes what the others use.

    Exits with 1 when something is missing or changed.
    """
    from pipeline.artifacts import store
    from pipeline.artifacts import stored as holdings
    from pipeline.params import file

    root = PARAMS.parent
    kept = file.load(params).base.store
    store.check(kept, root)
    with store.connected(kept):
        found = list(holdings.artefacts(root))
        removed = holdings.prune(root) if prune else []
    for item in found:
        state = f"{len(item.damaged)} missing or changed, first {item.damaged[0]}" if item.damaged else "whole"
        print(f"{item.name}: {item.files} files, {item.bytes / 1e6:,.1f} MB, {state} ({item.place})")
    for place in removed:
        print(f"removed: {place}")
    if not found:
        print(f"{root}: no artefact lies in a store")
    raise typer.Exit(1 if any(item.damaged for item in found) else 0)
