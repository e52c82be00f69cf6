"""The manifest of a published folder, and the comparison of the folder with it.

`manifest.json` names every file with its SHA-256 and ends with a digest of its own text, so that no byte of the folder can change unseen. A
manifest that cannot be read, or is not what was written, counts as absent: the stage makes the folder anew, and who reads it is told so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.artifacts import store
from pipeline.artifacts.digests import digests_below
from pipeline.artifacts.store import MANIFEST, POINTER, follow, pointed
from pipeline.errors import UserError

CHECK = "check"  # key of the digest of all else


@dataclass(frozen=True)
class Manifest:
    """What a published folder holds.

    Attributes:
        stage: the stage that made it.
        fingerprint: digest of the parameters, inputs and code that made it.
        files: relative name -> {"size": bytes, "sha256": hex}, with "made_from" where the stage can tell (`reuse`).
        facts: whatever the stage states about its output (deterministic).
        digest: SHA-256 of the files' names and contents; what downstream runs cite.
    """

    stage: str
    fingerprint: str
    files: dict[str, dict[str, Any]]
    facts: dict[str, Any]
    digest: str

    def text(self) -> str:
        """The bytes of manifest.json; the same wherever the files lie."""
        return checked_text(vars(self), sort_keys=True)


def of_files(stage: str, fingerprint: str, files: dict[str, dict[str, Any]], facts: dict[str, Any]) -> Manifest:
    """The manifest of a folder that holds these files."""
    digest = hashlib.sha256(json.dumps({name: entry["sha256"] for name, entry in files.items()}, sort_keys=True).encode()).hexdigest()
    return Manifest(stage, fingerprint, files, facts, digest)


def read_manifest(folder: Path) -> Manifest:
    """Read a published folder's manifest and compare every file with it.

    A file that did not change since it was compared last costs no reading; see `digests`.

    Raises:
        UserError: the folder or a file of it is missing or was changed; names the file and what makes it again.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise UserError(
            f"{folder}: not a published folder ({MANIFEST} is missing)\nnext: run `dvc repro` so that the stage that makes it runs first"
        )
    found = stated(folder)
    if found is None:
        raise store.broken(path if _read(path) is None else folder / POINTER)
    changed = damaged(folder, found.files)
    if changed:
        raise UserError(
            f"{follow(folder) / changed[0]}: missing or changed since it was published ({len(changed)} of {len(found.files)} files)\n"
            f"next: make it again with `dvc repro --force --single-item {found.stage}`"
        )
    return found


def stated(folder: Path) -> Manifest | None:
    """A folder's manifest, without comparing its files; None where the manifest, or the pointer of a stored folder, cannot be read."""
    found = _read(folder / MANIFEST)
    return None if found is None or ((folder / POINTER).is_file() and pointed(folder) is None) else found


def damaged(folder: Path, files: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Names of those of a published folder's files that are missing or have another content than its manifest states.

    Args:
        folder: the published folder, or the pointer to it.
        files: what the manifest states, by name.
    """
    place, root = follow(folder), repository_of(folder)
    sizes = {name: found.size for name, found in store.listing(place).items()}
    candidates = [name for name, entry in files.items() if sizes.get(name) == entry["size"]]
    intact = _equal(files, digests_below(place, candidates, root))
    doubtful = [name for name in candidates if name not in intact]  # or what is remembered of it is damaged itself
    intact |= _equal(files, digests_below(place, doubtful, root, anew=True))
    return [name for name in files if name not in intact]


def content_digest(folder: Path) -> str | None:
    """The `Manifest.digest` of a published folder; None where there is none that can be read."""
    found = stated(folder)
    return None if found is None else found.digest


def repository_of(out: Path) -> Path:
    """The repository of a published folder: where `.throughline` lies, or would lie."""
    return next((parent for parent in out.parents if (parent / ".throughline").is_dir()), out.parents[1])


def checked_text(body: Mapping[str, Any], *, sort_keys: bool = False) -> str:
    """Plain data as JSON that names its own digest, for `checked`."""
    return json.dumps(dict(body) | {CHECK: _digest(body)}, indent=1, sort_keys=sort_keys) + "\n"


def checked(path: Path) -> dict[str, Any] | None:
    """The plain data of a file of `checked_text`; None where it is missing, cannot be read or is not what was written.

    One without a digest, as older versions wrote them, is taken as it is.
    """
    try:
        body = json.loads(path.read_bytes())
        check = body.pop(CHECK, None)
    except (OSError, ValueError, RecursionError, AttributeError, TypeError):
        return None
    found: dict[str, Any] = body
    return found if check in (None, _digest(found)) else None


def _read(path: Path) -> Manifest | None:
    try:
        found = Manifest(**(checked(path) or {}))
        return found if found == of_files(found.stage, found.fingerprint, found.files, found.facts) else None
    except (TypeError, AttributeError, KeyError):  # of another shape
        return None


def _equal(files: Mapping[str, Mapping[str, Any]], known: Mapping[str, str | None]) -> set[str]:
    return {name for name, digest in known.items() if digest == files[name]["sha256"]}


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(dict(body), sort_keys=True).encode()).hexdigest()
