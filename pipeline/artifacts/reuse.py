"""Parts that earlier runs of a stage left behind, found by the key of what they were made from: the same key means the same bytes.

A key is a digest of the contents, parameters and code behind one part. Earlier runs are the published folder, which DVC leaves in place
for its stage (`persist`), and the folders of attempts that were killed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.artifacts import digests, store
from pipeline.artifacts.publication import PARTS, Publication
from pipeline.artifacts.store import MANIFEST, Place, follow


@dataclass(frozen=True)
class Part:
    """A finished file.

    Attributes:
        path: where it lies.
        entry: what its manifest says: size, sha256, made_from.
    """

    path: Place
    entry: dict[str, Any]

    @property
    def made_from(self) -> dict[str, Any]:
        """What the stage said when it wrote the part; `key` is always there."""
        found: dict[str, Any] = self.entry["made_from"]
        return found


def parts(publication: Publication) -> list[Part]:
    """What lies in the published folder and in other attempts, and is still as long as it was."""
    found = [*_published(publication), *_attempted(publication)]
    return [part for part in found if "made_from" in part.entry]


def by_key(found: list[Part], name: str = "key") -> dict[str, Part]:
    """Parts by one of the digests that they were made from."""
    return {part.made_from[name]: part for part in found if part.made_from.get(name)}


def settled(publication: Publication, name: str, key: str | None, found: Mapping[str, Part]) -> bool:
    """Whether part `name` is there with this key: finished by this attempt before, or taken over now.

    Args:
        publication: that the part belongs to.
        name: of the part.
        key: what it would be made from; None: nothing can vouch for an older one.
        found: older parts by key.
    """
    if key is None:
        return False
    if publication.done(name) and (publication.made_from(name) or {}).get("key") == key:
        return True
    if key in found:
        publication.take(name, found[key].path, found[key].entry)
        return True
    return False


def is_whole(folder: Path, fingerprint: str, root: Path) -> bool:
    """Whether a folder was published with this fingerprint and every file in it still has the content that its manifest states.

    Args:
        folder: the published folder, or the pointer to it.
        fingerprint: that it should have.
        root: the repository, which remembers digests of local files.
    """
    manifest = _manifest(folder)
    if manifest is None or manifest["fingerprint"] != fingerprint:
        return False
    place, files = follow(folder), manifest["files"]
    if not isinstance(place, Path):
        return not store.damaged(folder, {name: entry["size"] for name, entry in files.items()})
    return len(_intact(place, files, root)) == len(files)


def _manifest(folder: Path) -> dict[str, Any] | None:
    """What a folder's manifest says; None where there is none that can be read, which counts as no published folder."""
    try:
        found: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        return found if {"fingerprint", "files"} <= found.keys() else None
    except (OSError, ValueError, AttributeError):
        return None


def _intact(folder: Path, files: Mapping[str, dict[str, Any]], root: Path) -> dict[str, dict[str, Any]]:
    """Those of a local folder's files that have the content that is stated of them."""
    known = digests.digests([folder / name for name in files], root)
    return {name: entry for name, entry in files.items() if known[folder / name] == entry["sha256"]}


def _published(publication: Publication) -> Iterator[Part]:
    manifest = _manifest(publication.out)
    if manifest is None:
        return
    folder, files = follow(publication.out), manifest["files"]
    if isinstance(folder, Path):
        files = _intact(folder, files, repository_of(publication.out))
    else:  # an object of the same size may still have other content
        changed = store.damaged(publication.out, {name: entry["size"] for name, entry in files.items()})
        files = {name: entry for name, entry in files.items() if name not in changed}
    yield from _whole(folder, files)


def repository_of(out: Path) -> Path:
    """The repository of a published folder: where `.throughline` lies, or would lie."""
    return next((parent for parent in out.parents if (parent / ".throughline").is_dir()), out.parents[1])


def _attempted(publication: Publication) -> Iterator[Part]:
    for folder in publication.others():
        names = [name for name in store.listing(folder / PARTS) if name.endswith(".json") and not name.endswith(".folder.json")]
        yield from _whole(folder, {name.removesuffix(".json"): json.loads((folder / PARTS / name).read_text()) for name in names})


def _whole(folder: Place, entries: Mapping[str, dict[str, Any]]) -> Iterator[Part]:
    """Those parts of a folder that have their size."""
    there = store.listing(folder)
    for name, entry in entries.items():
        if name in there and there[name].size == entry["size"]:
            yield Part(folder / name, entry)
