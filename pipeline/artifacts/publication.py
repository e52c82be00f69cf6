"""Folders that appear whole or not at all, with a manifest that names every byte in them.

Parts are written one by one into a folder named by the fingerprint of what makes them, so a killed stage picks up its finished parts and
a changed one starts anew. In the repository that is a sibling of the folder, renamed at the end; in a store
(`pipeline/artifacts/store.py`) the parts stay where they are, and the folder in the repository becomes a pointer to them. The manifest is
deterministic: the MLflow run and the git commit are found by its digest, and are not in it.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.artifacts import manifest as manifests
from pipeline.artifacts import store
from pipeline.artifacts.digests import digests_below
from pipeline.artifacts.digests import file_digest as file_digest
from pipeline.artifacts.manifest import Manifest as Manifest
from pipeline.artifacts.manifest import content_digest as content_digest
from pipeline.artifacts.manifest import read_manifest as read_manifest
from pipeline.artifacts.manifest import repository_of
from pipeline.artifacts.store import MANIFEST, Place
from pipeline.errors import UserError

if TYPE_CHECKING:
    from upath import UPath

PARTS = ".parts"  # what is known of finished parts
_FOLDER = ".folder"  # end of the name of a record of many parts


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
        """Whether part `name` was finished by this run or a killed one with the same fingerprint, and is what was written then."""
        entry = self.recorded(name)
        if entry is None:
            return False
        entries = {name: entry} | (read_record(self._record(name + _FOLDER)) or {})
        there = digests_below(self.partial, entries, repository_of(self.out))
        return all(there[part] == known.get("sha256") for part, known in entries.items())

    def made_from(self, name: str) -> dict[str, Any] | None:
        """What part `name` was said to be made from when it was written; None where it was not said, or the part is not there."""
        found: dict[str, Any] | None = (self.recorded(name) or {}).get("made_from")
        return found

    def recorded(self, name: str) -> dict[str, Any] | None:
        """What was noted of part `name` when it was finished; None where nothing was, or the note cannot be read."""
        return read_record(self._record(name))

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
            self._record_folder(name, marker, final)
            return
        with tempfile.TemporaryDirectory(prefix="throughline-") as scratch:
            yield Path(scratch)
            self._record_folder(name, marker, Path(scratch))
            written = {path: final / path.relative_to(scratch).as_posix() for path in sorted(Path(scratch).rglob("*")) if path.is_file()}
            store.upload(written)

    def _record_folder(self, name: str, marker: str, written: Path) -> None:
        """Note the parts of a folder, which lie below `written` now and will lie below `name`."""
        parts = {path.relative_to(written).as_posix(): path for path in sorted(written.rglob("*")) if path.is_file()}
        entries = {f"{name}/{part}": _entry(path) for part, path in parts.items() if f"{name}/{part}" != marker and not _is_scratch(path)}
        store.write_text(self._record(marker + _FOLDER), json.dumps(entries))

    def publish(self, **facts: Any) -> Manifest:
        """Write the manifest and let the folder appear, replacing an older one.

        Raises:
            UserError: a part is not what was written; it is removed, and the next run makes it again.
        """
        if self.kept is not None:
            return self._point(self.kept, self.partial, facts)
        partial = self.partial
        assert isinstance(partial, Path)
        partial.mkdir(parents=True, exist_ok=True)
        manifest = manifests.of_files(self.stage, self.fingerprint, self._compared(self._files(partial)), facts)
        (partial / MANIFEST).write_text(manifest.text())
        shutil.rmtree(partial / PARTS, ignore_errors=True)
        _replace_folder(partial, self.out)
        _forget_other_attempts(self.out)
        return manifest

    def _point(self, kept: Place, partial: Place, facts: dict[str, Any]) -> Manifest:
        """Publish in the store: the manifest there, then the pointer here, then what killed runs left there goes."""
        files = self._files(partial) if isinstance(partial, Path) else self._recorded(partial)
        manifest = manifests.of_files(self.stage, self.fingerprint, self._compared(files), facts)
        store.write_text(partial / MANIFEST, manifest.text())
        pointer = self.out.with_name(f"{self.out.name}.partial-{self.fingerprint[:12]}")
        shutil.rmtree(pointer, ignore_errors=True)
        pointer.mkdir(parents=True)
        (pointer / MANIFEST).write_text(manifest.text())
        store.write_pointer(pointer, partial)
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
        known = self._entries({path.relative_to(records).as_posix(): path.read_text() for path in records.rglob("*") if path.is_file()})
        names = sorted(p.relative_to(partial).as_posix() for p in partial.rglob("*") if p.is_file() and records not in p.parents)
        return {name: known.get(name) or _entry(partial / name) for name in names if name != MANIFEST}

    def _recorded(self, partial: UPath) -> dict[str, dict[str, Any]]:
        """What was finished of a folder in the making at a URL, by the records; what nobody recorded goes."""
        found, known = store.listing(partial), self._entries(store.read_texts(partial / PARTS))
        for name in found:
            if name not in known and not name.startswith(f"{PARTS}/"):
                (partial / name).unlink()
        return {name: entry for name, entry in sorted(known.items()) if name in found}

    def _entries(self, records: Mapping[str, str]) -> dict[str, dict[str, Any]]:
        """Entries of parts by name, out of the records' texts by name; a record that cannot be read says nothing."""
        known: dict[str, dict[str, Any]] = {}
        for name, text in records.items():
            entry = _parsed(text)
            if entry is not None:
                known |= entry if name.endswith(f"{_FOLDER}.json") else {name.removesuffix(".json"): entry}
        return known

    def _compared(self, files: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """The entries, after every part was found to be what was written."""
        there = digests_below(self.partial, files, repository_of(self.out))
        changed = [name for name, entry in files.items() if there[name] != entry["sha256"]]
        for name in changed:
            self.path(name).unlink(missing_ok=True)
        if changed:
            raise UserError(
                f"{self.path(changed[0])}: changed while the stage ran ({len(changed)} of {len(files)} files), and was removed\n"
                "next: run the same command again, which makes it anew; one pipeline at a time on a store"
            )
        return files

    def _record(self, name: str) -> Place:
        return self.partial / PARTS / f"{name}.json"


def read_record(path: Place) -> dict[str, Any] | None:
    """What was noted of a part at `path`; None where nothing was, or the note cannot be read."""
    try:
        return _parsed(path.read_text())
    except (FileNotFoundError, UnicodeDecodeError):
        return None


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


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


def _is_scratch(path: Path) -> bool:
    return path.name.startswith(".") and path.name.endswith(".tmp")


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
