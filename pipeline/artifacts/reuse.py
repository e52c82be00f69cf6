"""Parts that earlier runs of a stage left behind, found by the key of what they were made from: the same key means the same bytes.

A key is a digest of the contents, parameters and code behind one part. Earlier runs are the published folder, which DVC leaves in place
for its stage (`persist`), and the folders of attempts that were killed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.artifacts import digests, store
from pipeline.artifacts.manifest import damaged, repository_of, stated
from pipeline.artifacts.publication import PARTS, Publication, read_record
from pipeline.artifacts.store import Place, follow


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
    """The parts in the published folder and in other attempts whose content is still what was written."""
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


def is_whole(folder: Path, fingerprint: str) -> bool:
    """Whether a folder was published with this fingerprint and every file in it still has the content that its manifest states.

    Args:
        folder: the published folder, or the pointer to it.
        fingerprint: that it should have.
    """
    manifest = stated(folder)
    return manifest is not None and manifest.fingerprint == fingerprint and not damaged(folder, manifest.files)


def _published(publication: Publication) -> Iterator[Part]:
    manifest = stated(publication.out)
    if manifest is not None:
        changed = set(damaged(publication.out, manifest.files))
        for name, entry in manifest.files.items():
            if name not in changed:
                yield Part(follow(publication.out) / name, entry)
            elif "made_from" in entry:
                print(f"{publication.stage}: {follow(publication.out) / name}: damaged since it was published; it is made again")


def _attempted(publication: Publication) -> Iterator[Part]:
    for folder in publication.others():
        names = [name for name in store.listing(folder / PARTS) if name.endswith(".json") and not name.endswith(".folder.json")]
        read = {name.removesuffix(".json"): read_record(folder / PARTS / name) for name in names}
        entries = {name: entry for name, entry in read.items() if entry is not None}
        known = digests.digests_below(folder, entries, repository_of(publication.out))
        yield from (Part(folder / name, entry) for name, entry in entries.items() if known[name] == entry.get("sha256"))
