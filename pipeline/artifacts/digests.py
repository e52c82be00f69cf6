"""Digests of files' contents, remembered by size, times and inode, so that only what changed since is read again.

A local file is known by its inode, size, time of change and time of its inode's change, which no program can set; an object in a store by
its address, size and content tag. A memory that cannot be read or written counts as empty: then everything is read.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from pathlib import Path
from typing import NamedTuple

from pipeline.artifacts import store
from pipeline.artifacts.store import Place
from pipeline.runtime.progress import Progress

MEMORY = Path(".throughline") / "contents.db"
SETTLED = 2_000_000_000  # nanoseconds: what was written later than this before it was read may change again unseen
MANY_BYTES = 1_000_000_000  # that are worth a bar
_TABLE = "CREATE TABLE IF NOT EXISTS contents (path TEXT PRIMARY KEY, state TEXT, digest TEXT)"
_SECONDS = 60  # that another process may hold the memory


def digests(paths: Sequence[Path], root: Path) -> dict[Path, str | None]:
    """SHA-256 (hex) of each file; None where it cannot be read, which is left to whoever reads the file to report.

    Args:
        paths: local files.
        root: the repository, which keeps the memory.
    """
    found = _digests({path: _state(path) for path in paths}, root)
    return {path: found[path] for path in paths}


def digests_below(folder: Place, names: Iterable[str], root: Path, *, anew: bool = False) -> dict[str, str | None]:
    """`digests` of files below a folder, by relative name; an object at a URL is read once per machine and content tag.

    Args:
        folder: in the repository or in a store.
        names: of the files, relative to it.
        root: the repository, which keeps the memory.
        anew: whether every file is read, whatever is remembered of it.
    """
    if isinstance(folder, Path):
        places: dict[str, Place] = {name: folder / name for name in names}
        states = {place: _state(Path(str(place))) for place in places.values()}
    else:
        places = {name: folder / name for name in names}
        found = store.listing(folder) if places else {}
        states = {place: _state_at_url(str(place), found.get(name)) for name, place in places.items()}
    known = _digests(states, root, anew=anew)
    return {name: known[place] for name, place in places.items()}


def file_digest(path: Place) -> str:
    """SHA-256 (hex) of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]  # fsspec's files have readinto


class _State(NamedTuple):
    """A file's own key, a text that changes with its content, its size in bytes, and whether its digest may be remembered."""

    key: str
    text: str
    size: int
    settled: bool


def _state(path: Path) -> _State | None:
    try:
        found = path.stat()
    except OSError:
        return None
    text = f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"
    settled = time.time_ns() - found.st_mtime_ns > SETTLED
    return _State(f"{found.st_dev}:{found.st_ino}", text, found.st_size, settled)  # which stays when a folder above is renamed


def _state_at_url(address: str, found: store.Found | None) -> _State | None:
    if found is None:
        return None
    return _State(address, f"{found.size} {found.tag}", found.size, found.tag is not None)


def _digests(states: Mapping[Place, _State | None], root: Path, *, anew: bool = False) -> dict[Place, str | None]:
    there = {path: state for path, state in states.items() if state is not None}
    remembered = {} if anew else _remembered([state.key for state in there.values()], root)
    known: dict[Place, str | None] = dict.fromkeys(states)
    for path, state in there.items():
        text, sha256 = remembered.get(state.key, ("", ""))
        known[path] = sha256 if text == state.text else None
    unread = {path: state for path, state in there.items() if known[path] is None}
    read = _read(unread)
    _remember([(state.key, state.text, digest) for path, state in unread.items() if state.settled and (digest := read[path])], root)
    return known | read


def _read(files: Mapping[Place, _State]) -> dict[Place, str | None]:
    """Digest files side by side (hashing leaves Python's lock), with a bar where it takes a while."""
    found: dict[Place, str | None] = {}
    bar = Progress("Reading contents", len(files), "files") if sum(state.size for state in files.values()) > MANY_BYTES else None
    with ThreadPoolExecutor(os.cpu_count()) as threads, bar or nullcontext():
        for path, digest in zip(files, threads.map(_digest, files), strict=True):
            found[path] = digest
            if bar is not None:
                bar.advance()
    return found


def _digest(path: Place) -> str | None:
    try:
        return file_digest(path)
    except OSError:
        return None


def _remembered(keys: Sequence[str], root: Path) -> dict[str, tuple[str, str]]:
    """State and digest by key; of a damaged memory nothing, and it is removed."""
    memory = root / MEMORY
    if not keys or not memory.is_file():
        return {}
    try:
        with closing(sqlite3.connect(memory, timeout=_SECONDS)) as base:
            found = (base.execute("SELECT state, digest FROM contents WHERE path = ?", (key,)).fetchone() for key in keys)
            return {key: (str(row[0]), str(row[1])) for key, row in zip(keys, found, strict=True) if row is not None}
    except sqlite3.OperationalError:  # held by another process, or not ours to read
        return {}
    except sqlite3.DatabaseError:
        _forget(memory)
        return {}


def _remember(rows: Sequence[tuple[str, str, str]], root: Path) -> None:
    memory = root / MEMORY
    if not rows:
        return
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(memory, timeout=_SECONDS)) as base, base:
            base.execute(_TABLE)
            base.executemany("INSERT OR REPLACE INTO contents VALUES (?, ?, ?)", rows)
    except (sqlite3.OperationalError, OSError):  # read-only: then it is read again
        return
    except sqlite3.DatabaseError:
        _forget(memory)


def _forget(memory: Path) -> None:
    try:
        memory.unlink(missing_ok=True)
    except OSError:
        return
