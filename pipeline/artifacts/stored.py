"""What a store holds for this repository, and whether it is whole.

    python -m pipeline.artifacts.stored
    python -m pipeline.artifacts.stored --prune

DVC sees the pointers, not the objects, so this is the question that `dvc status` cannot answer. Versions that no pointer names any more
stay, so that an older commit and its `dvc checkout` find theirs; --prune removes them, as `dvc gc` does for the cache.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pipeline.artifacts import store
from pipeline.artifacts.store import MANIFEST, POINTER, Place
from pipeline.errors import PlainError
from pipeline.params import file as params

ROOT = Path(__file__).resolve().parents[2]
PARENTS = ("data", "artifacts")


class Artefact(NamedTuple):
    """A pointer of the repository: its name there, where its files are, how many, their bytes, and which are missing or changed."""

    name: str
    place: str
    files: int
    bytes: int
    damaged: list[str]


def artefacts(root: Path) -> Iterator[Artefact]:
    """What the repository's pointers name, compared with what the store has."""
    for folder in pointers(root):
        sizes = {name: entry["size"] for name, entry in json.loads((folder / MANIFEST).read_text())["files"].items()}
        damaged = store.damaged(folder, sizes)
        name = folder.relative_to(root).as_posix()
        yield Artefact(name, str(store.follow(folder)), len(sizes), sum(sizes.values()), damaged)


def pointers(root: Path) -> list[Path]:
    """Folders of the repository whose files lie in a store."""
    return sorted(path.parent for parent in PARENTS for path in (root / parent).glob(f"*/{POINTER}"))


def prune(root: Path) -> list[str]:
    """Remove from the store the versions beside those that the repository's pointers name; gives the places removed."""
    removed = []
    for folder in pointers(root):
        named = store.follow(folder)
        versions: list[Place] = list(named.parent.iterdir())
        for version in sorted(versions, key=str):
            if version.name != named.name:
                store.remove(version)
                removed.append(str(version))
    return removed


def main(words: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """The command line; returns 1 when something is missing or changed, 2 on a user's mistake."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.artifacts.stored", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--params", type=Path, default=root / "params.yaml", help="parameter file (default: params.yaml)")
    parser.add_argument("--prune", action="store_true", help="remove versions that no pointer names")
    chosen = parser.parse_args(words)
    try:
        kept = params.load(chosen.params).base.store
        store.check(kept, root)
        with store.connected(kept):
            found = list(artefacts(root))
            removed = prune(root) if chosen.prune else []
    except PlainError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.status
    for item in found:
        state = f"{len(item.damaged)} missing or changed, first {item.damaged[0]}" if item.damaged else "whole"
        print(f"{item.name}: {item.files} files, {item.bytes / 1e6:,.1f} MB, {state} ({item.place})")
    for place in removed:
        print(f"removed: {place}")
    if not found:
        print(f"{root}: no artefact lies in a store")
    return 1 if any(item.damaged for item in found) else 0


if __name__ == "__main__":
    raise SystemExit(main())
