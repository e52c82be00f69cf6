"""Folders that appear whole or not at all, with a manifest that names every byte in them.

Parts are written one by one into a sibling folder named by the fingerprint of what makes them, so a killed stage picks up its finished
parts and a changed one starts anew. The manifest is deterministic: the MLflow run and the git commit are found by its digest, not in it.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import UserError

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """What a published folder holds.

    Attributes:
        stage: the stage that made it.
        fingerprint: digest of the parameters, inputs and code that made it.
        files: relative name -> {"size": bytes, "sha256": hex}, with "made_from" where the stage can tell (`earlier`).
        facts: whatever the stage states about its output (deterministic).
        digest: SHA-256 of the files' names and contents; what downstream runs cite.
    """

    stage: str
    fingerprint: str
    files: dict[str, dict[str, Any]]
    facts: dict[str, Any]
    digest: str


@dataclass(frozen=True)
class Publication:
    """A folder in the making; picklable, so that Ray tasks can write its parts.

    Attributes:
        out: the folder that will appear.
        stage: recorded in the manifest.
        fingerprint: names the sibling folder that collects the parts.
    """

    out: Path
    stage: str
    fingerprint: str

    @property
    def partial(self) -> Path:
        """Where parts collect until `publish`."""
        return self.out.with_name(f"{self.out.name}.partial-{self.fingerprint[:12]}")

    def path(self, name: str) -> Path:
        """Where part `name` lies before publication."""
        return self.partial / name

    def done(self, name: str) -> bool:
        """Whether part `name` was finished by this run or a killed one with the same fingerprint."""
        record = self._record(name)
        return record.is_file() and self.path(name).is_file() and self.path(name).stat().st_size == json.loads(record.read_text())["size"]

    def made_from(self, name: str) -> dict[str, Any] | None:
        """What part `name` was said to be made from when it was written; None where it was not said, or the part is not there."""
        record = self._record(name)
        found: dict[str, Any] | None = json.loads(record.read_text()).get("made_from") if record.is_file() else None
        return found

    def others(self) -> list[Path]:
        """Folders of other attempts at the same output."""
        return [path for path in sorted(self.out.parent.glob(f"{self.out.name}.partial-*")) if path != self.partial]

    def take(self, name: str, path: Path, entry: dict[str, Any]) -> None:
        """Let a finished file of an earlier run be part `name` (a hard link where the disk can, else a copy)."""
        final = self.path(name)
        final.parent.mkdir(parents=True, exist_ok=True)
        temporary = final.with_name(f".{final.name}.{os.getpid()}.tmp")
        temporary.unlink(missing_ok=True)
        try:
            os.link(path.resolve(), temporary)
        except OSError:
            shutil.copyfile(path, temporary)
        self._keep(name, temporary, entry)

    @contextmanager
    def write(self, name: str, made_from: dict[str, Any] | None = None) -> Iterator[Path]:
        """Yield a temporary path; when the block ends well the file becomes part `name`.

        Args:
            name: of the part.
            made_from: plain data for the manifest, as it is when the block ends.

        Raises:
            UserError: the disk is full.
        """
        final = self.path(name)
        final.parent.mkdir(parents=True, exist_ok=True)
        temporary = final.with_name(f".{final.name}.{os.getpid()}.tmp")
        try:
            yield temporary
            with temporary.open("rb") as stream:
                os.fsync(stream.fileno())
            self._keep(name, temporary, _entry(temporary) | ({"made_from": made_from} if made_from else {}))
        except OSError as error:
            raise _explain(error, final) from error
        finally:
            temporary.unlink(missing_ok=True)

    def publish(self, **facts: Any) -> Manifest:
        """Write the manifest and let the folder appear, replacing an older one."""
        self.partial.mkdir(parents=True, exist_ok=True)
        for left_by_a_kill in self.partial.rglob(".*.tmp"):
            left_by_a_kill.unlink()
        records = self.partial / ".parts"
        names = sorted(p.relative_to(self.partial).as_posix() for p in self.partial.rglob("*") if p.is_file() and records not in p.parents)
        files = {name: self._known(name) for name in names if name != MANIFEST}
        manifest = _manifest(self.stage, self.fingerprint, files, facts)
        body = {"stage": manifest.stage, "fingerprint": manifest.fingerprint, "digest": manifest.digest, "facts": facts, "files": files}
        (self.partial / MANIFEST).write_text(json.dumps(body, indent=1, sort_keys=True) + "\n")
        shutil.rmtree(records, ignore_errors=True)
        _replace_folder(self.partial, self.out)
        _forget_other_attempts(self.out)
        return manifest

    def _keep(self, name: str, temporary: Path, entry: dict[str, Any]) -> None:
        """Name a finished file; its record goes first and comes last, so that none ever speaks of another file."""
        record = self._record(name)
        record.parent.mkdir(parents=True, exist_ok=True)
        record.unlink(missing_ok=True)
        os.replace(temporary, self.path(name))
        write_file(record, json.dumps(entry))

    def _record(self, name: str) -> Path:
        return self.partial / ".parts" / f"{name}.json"

    def _known(self, name: str) -> dict[str, Any]:
        record = self._record(name)
        if record.is_file():
            entry: dict[str, Any] = json.loads(record.read_text())
            return entry
        return _entry(self.path(name))


def read_manifest(folder: Path) -> Manifest:
    """Read a published folder's manifest and check that its files are there with their sizes.

    Raises:
        UserError: the folder or a file of it is missing or of another size.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise UserError(
            f"{folder}: not a published folder ({MANIFEST} is missing)\nnext: run `dvc repro` so that the stage that makes it runs first"
        )
    body = json.loads(path.read_text())
    for name, entry in body["files"].items():
        part = folder / name
        if not part.is_file() or part.stat().st_size != entry["size"]:
            raise UserError(f"{part}: missing or changed since it was published\nnext: run `dvc repro` or `dvc checkout`")
    return Manifest(body["stage"], body["fingerprint"], body["files"], body["facts"], body["digest"])


def content_digest(folder: Path) -> str | None:
    """The `Manifest.digest` of a published folder; None where there is none."""
    path = folder / MANIFEST
    return str(json.loads(path.read_text())["digest"]) if path.is_file() else None


def write_file(path: Path, text: str) -> None:
    """Write a small text file so that readers see the old or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_text(text)
    os.replace(temporary, path)


def file_digest(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def require_space(folder: Path, needed_bytes: int, purpose: str) -> None:
    """Stop before work that the disk cannot hold.

    Raises:
        UserError: fewer than `needed_bytes` are free where `folder` will lie.
    """
    existing = next(p for p in [folder, *folder.parents] if p.exists())
    free = shutil.disk_usage(existing).free
    if free < needed_bytes:
        raise UserError(
            f"{existing}: {purpose} needs about {needed_bytes / 1e6:,.0f} MB, {free / 1e6:,.0f} MB are free\n"
            "next: free space (`dvc gc -w` drops unused cached data), or move the repository to a larger disk"
        )


def _manifest(stage: str, fingerprint: str, files: dict[str, dict[str, Any]], facts: dict[str, Any]) -> Manifest:
    digest = hashlib.sha256(json.dumps({name: entry["sha256"] for name, entry in files.items()}, sort_keys=True).encode()).hexdigest()
    return Manifest(stage, fingerprint, files, facts, digest)


def _entry(path: Path) -> dict[str, Any]:
    return {"size": path.stat().st_size, "sha256": file_digest(path)}


def _replace_folder(source: Path, target: Path) -> None:
    """Two renames: readers see the old folder, for an instant none, then the new one."""
    old = target.with_name(f"{target.name}.old-{os.getpid()}")
    if target.exists():
        os.replace(target, old)
    os.replace(source, target)
    shutil.rmtree(old, ignore_errors=True)


def _forget_other_attempts(out: Path) -> None:
    for stale in [*out.parent.glob(f"{out.name}.partial-*"), *out.parent.glob(f"{out.name}.old-*")]:
        shutil.rmtree(stale, ignore_errors=True)


def _explain(error: OSError, path: Path) -> BaseException:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return UserError(f"{path}: no space left on the disk; finished parts are kept\nnext: free space and run the same command again")
    return error
