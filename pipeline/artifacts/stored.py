"""What a store holds for this repository, and whether it is whole (`throughline stored`).

DVC sees the pointers, not the objects, so this is the question that `dvc status` cannot answer. Versions that no pointer names any more
stay, so that an older commit and its `dvc checkout` find theirs, until `prune` removes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pipeline.artifacts import store
from pipeline.artifacts.manifest import damaged, stated
from pipeline.artifacts.store import MANIFEST, POINTER, Place

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
        name, found = folder.relative_to(root).as_posix(), stated(folder)
        if found is None:
            yield Artefact(name, str(folder / POINTER), 0, 0, [MANIFEST])
            continue
        bytes_there = sum(entry["size"] for entry in found.files.values())
        yield Artefact(name, str(store.follow(folder)), len(found.files), bytes_there, damaged(folder, found.files))


def pointers(root: Path) -> list[Path]:
    """Folders of the repository whose files lie in a store."""
    return sorted(path.parent for parent in PARENTS for path in (root / parent).glob(f"*/{POINTER}"))


def prune(root: Path) -> list[str]:
    """Remove from the store the versions beside those that the repository's pointers name, and give the places removed.

    Versions that only another checkout's pointers name are removed too.
    """
    removed = []
    for folder in pointers(root):
        named = store.follow(folder)
        versions: list[Place] = list(named.parent.iterdir())
        for version in sorted(versions, key=str):
            if version.name != named.name:
                store.remove(version)
                removed.append(str(version))
    return removed
