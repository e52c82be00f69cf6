"""Folders that appear whole or not at all, with a manifest that names every byte in them.

Parts are written one by one into a folder named by the fingerprint of what makes them, so a killed stage picks up its finished parts and
a changed one starts anew. In the repository that is a sibling, renamed at the end; in a store (`pipeline/artifacts/store.py`) the parts
stay there
and the folder in the repository becomes a pointer to them. The manifest is deterministic: the MLflow run and the git commit are found by
its digest, not in it.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.artifacts import store
from pipeline.artifacts.store import MANIFEST, Place, follow
from pipeline.errors import UserError

if TYPE_CHECKING:
    from upath import UPath

PARTS = ".parts"  # what is known of finished parts


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
        out: the folder that will appear; with a store, the pointer.
        stage: recorded in the manifest.
        fingerprint: names the folder that collects the parts.
        kept: the store's folder of this artefact; None: it lies in the repository.
        shown: small parts that the repository has as well when the rest is in a store.
    """

    out: Path
    stage: str
    fingerprint: str
    kept: Place | None = None
    shown: tuple[str, ...] = ()

    @property
    def partial(self) -> Place:
        """Where parts collect until `publish`; in a store also after it."""
        if self.kept is not None:
            return self.kept / self.fingerprint[:12]
        return self.out.with_name(f"{self.out.name}.partial-{self.fingerprint[:12]}")

    def path(self, name: str) -> Place:
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

    def others(self) -> list[Place]:
        """Folders of other attempts at the same output."""
        if self.kept is None:
            return [path for path in sorted(self.out.parent.glob(f"{self.out.name}.partial-*")) if path != self.partial]
        versions: list[Place] = list(self.kept.iterdir()) if self.kept.is_dir() else []
        return [path for path in versions if path.name != self.partial.name and not (path / MANIFEST).is_file()]

    def take(self, name: str, path: Place, entry: dict[str, Any]) -> None:
        """Let a finished file of an earlier run be part `name`: a hard link where the disk can, else a copy."""
        final = self.path(name)
        if isinstance(final, Path):
            with _scratch(final) as temporary, store.local(path) as there:
                temporary.unlink(missing_ok=True)
                _link(there, temporary)
                self._record(name).unlink(missing_ok=True)
                os.replace(temporary, final)
        elif isinstance(path, Path):
            store.upload({path: final})
        elif str(path) != str(final):
            store.filesystem(final).copy(path.path, final.path)
        store.write_text(self._record(name), json.dumps(entry))

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
        with _scratch(final) as temporary:
            try:
                yield temporary
                with temporary.open("rb") as stream:
                    os.fsync(stream.fileno())
                entry = _entry(temporary) | ({"made_from": made_from} if made_from else {})
                if isinstance(final, Path):
                    self._record(name).unlink(missing_ok=True)  # which never speaks of another file
                    os.replace(temporary, final)
                else:
                    store.upload({temporary: final})
                store.write_text(self._record(name), json.dumps(entry))
            except OSError as error:
                raise _explain(error, final) from error

    @contextmanager
    def write_folder(self, name: str, marker: str) -> Iterator[Path]:
        """Yield a local folder to write many small parts into; when the block ends well they are below `name`.

        Args:
            name: the folder.
            marker: the part that is written last (by `write`); these parts count as finished with it.
        """
        final = self.path(name)
        if isinstance(final, Path):
            final.mkdir(parents=True, exist_ok=True)
            yield final
            return
        with tempfile.TemporaryDirectory(prefix="throughline-") as scratch:
            yield Path(scratch)
            written = {path.relative_to(scratch).as_posix(): path for path in sorted(Path(scratch).rglob("*")) if path.is_file()}
            store.upload({path: final / part for part, path in written.items()})
            record = self._record(f"{marker}.folder")
            store.write_text(record, json.dumps({f"{name}/{part}": _entry(path) for part, path in written.items()}))

    def publish(self, **facts: Any) -> Manifest:
        """Write the manifest and let the folder appear, replacing an older one."""
        if self.kept is not None:
            return self._point(self.kept, self.partial, facts)
        partial = self.partial
        assert isinstance(partial, Path)
        partial.mkdir(parents=True, exist_ok=True)
        manifest = _manifest(self.stage, self.fingerprint, self._files(partial), facts)
        (partial / MANIFEST).write_text(_text(manifest))
        shutil.rmtree(partial / PARTS, ignore_errors=True)
        _replace_folder(partial, self.out)
        _forget_other_attempts(self.out)
        return manifest

    def _point(self, kept: Place, partial: Place, facts: dict[str, Any]) -> Manifest:
        """Publish in the store: the manifest there, then the pointer here, then what killed runs left there goes."""
        files = self._files(partial) if isinstance(partial, Path) else self._recorded(partial)
        manifest = _manifest(self.stage, self.fingerprint, files, facts)
        store.write_text(partial / MANIFEST, _text(manifest))
        pointer = self.out.with_name(f"{self.out.name}.partial-{self.fingerprint[:12]}")
        shutil.rmtree(pointer, ignore_errors=True)
        pointer.mkdir(parents=True)
        (pointer / MANIFEST).write_text(_text(manifest))
        store.write_pointer(pointer, partial, list(files))
        for name in self.shown:
            (pointer / name).write_bytes((partial / name).read_bytes())
        _replace_folder(pointer, self.out)
        _forget_other_attempts(self.out)
        store.remove(partial / PARTS)
        store.forget_unpublished(kept)
        return manifest

    def _files(self, partial: Path) -> dict[str, dict[str, Any]]:
        """What lies in a local folder in the making."""
        for left_by_a_kill in partial.rglob(".*.tmp"):
            left_by_a_kill.unlink()
        records = partial / PARTS
        names = sorted(p.relative_to(partial).as_posix() for p in partial.rglob("*") if p.is_file() and records not in p.parents)
        return {name: self._known(name) for name in names if name != MANIFEST}

    def _recorded(self, partial: UPath) -> dict[str, dict[str, Any]]:
        """What was finished of a folder in the making at a URL, by the records; what nobody recorded goes.

        Raises:
            UserError: an object is not what was written.
        """
        found = store.listing(partial)
        known: dict[str, dict[str, Any]] = {}
        for name, text in store.read_texts(partial / PARTS).items():
            entry = json.loads(text)
            known |= entry if name.endswith(".folder.json") else {name.removesuffix(".json"): entry}
        for name in found:
            if name not in known and not name.startswith(f"{PARTS}/"):
                (partial / name).unlink()
        files = {name: entry for name, entry in sorted(known.items()) if name in found}
        for name, entry in files.items():
            if found[name].size != entry["size"]:
                raise UserError(
                    f"{partial / name}: changed while the stage ran\nnext: run one pipeline at a time on a store, and this one again"
                )
        return files

    def _record(self, name: str) -> Place:
        return self.partial / PARTS / f"{name}.json"

    def _known(self, name: str) -> dict[str, Any]:
        record = self._record(name)
        if record.is_file():
            entry: dict[str, Any] = json.loads(record.read_text())
            return entry
        return _entry(self.partial / name)


def read_manifest(folder: Path) -> Manifest:
    """Read a published folder's manifest and check that its files are there, with their sizes and, in a store, their content tags.

    Raises:
        UserError: the folder or a file of it is missing or was changed.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise UserError(
            f"{folder}: not a published folder ({MANIFEST} is missing)\nnext: run `dvc repro` so that the stage that makes it runs first"
        )
    body = json.loads(path.read_text())
    where = follow(folder)
    for name in body["files"] if where == folder else ():
        if not (folder / name).is_file() or (folder / name).stat().st_size != body["files"][name]["size"]:
            raise UserError(f"{folder / name}: missing or changed since it was published\nnext: run `dvc repro` or `dvc checkout`")
    damaged = store.damaged(folder, {name: entry["size"] for name, entry in body["files"].items()}) if where != folder else []
    if damaged:
        raise UserError(
            f"{where / damaged[0]}: missing or changed since it was published ({len(damaged)} of {len(body['files'])} files)\n"
            f"next: make it again with `dvc repro --force --single-item {body['stage']}`"
        )
    return Manifest(body["stage"], body["fingerprint"], body["files"], body["facts"], body["digest"])


def content_digest(folder: Path) -> str | None:
    """The `Manifest.digest` of a published folder; None where there is none."""
    path = folder / MANIFEST
    return str(json.loads(path.read_text())["digest"]) if path.is_file() else None


def file_digest(path: Place) -> str:
    """SHA-256 (hex) of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]  # fsspec's files have readinto


def require_space(folder: Place, needed_bytes: int, purpose: str) -> None:
    """Stop before work that the disk cannot hold; at a URL there is always space.

    Raises:
        UserError: fewer than `needed_bytes` are free where `folder` will lie.
    """
    if not isinstance(folder, Path):
        return
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


def _text(manifest: Manifest) -> str:
    """The bytes of manifest.json; the same wherever the files lie."""
    return json.dumps(vars(manifest), indent=1, sort_keys=True) + "\n"


@contextmanager
def _scratch(final: Place) -> Iterator[Path]:
    """A path to write a part at: beside its place, or, when that is a URL, among the temporary files."""
    if isinstance(final, Path):
        final.parent.mkdir(parents=True, exist_ok=True)
        temporary = final.with_name(f".{final.name}.{os.getpid()}.tmp")
        try:
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)
        return
    with tempfile.TemporaryDirectory(prefix="throughline-") as folder:
        yield Path(folder) / final.name


def _entry(path: Place) -> dict[str, Any]:
    return {"size": path.stat().st_size, "sha256": file_digest(path)}


def _link(path: Path, new: Path) -> None:
    try:
        os.link(path.resolve(), new)
    except OSError:
        shutil.copyfile(path, new)


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


def _explain(error: OSError, path: Place) -> BaseException:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return UserError(f"{path}: no space left on the disk; finished parts are kept\nnext: free space and run the same command again")
    return error
