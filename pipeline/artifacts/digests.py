"""Digests of files' contents, remembered by path, size, times and inode, so that only what changed since is read again."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from pathlib import Path
from typing import NamedTuple

from pipeline.artifacts.publication import file_digest
from pipeline.runtime.progress import Progress

MEMORY = Path(".throughline") / "contents.db"
SETTLED = 2_000_000_000  # nanoseconds: what was written later than this before it was read may change again unseen
MANY_BYTES = 1_000_000_000  # that are worth a bar
_TABLE = "CREATE TABLE IF NOT EXISTS contents (path TEXT PRIMARY KEY, state TEXT, digest TEXT)"


def digests(paths: Sequence[Path], root: Path) -> dict[Path, str | None]:
    """SHA-256 (hex) of each file; None where it cannot be read, which is for its reader to say.

    Args:
        paths: local files.
        root: the repository, which keeps the memory.
    """
    memory = root / MEMORY
    memory.parent.mkdir(parents=True, exist_ok=True)
    wanted = {path: _state(path) for path in dict.fromkeys(paths)}
    with closing(sqlite3.connect(memory, timeout=60)) as base, base:
        base.execute(_TABLE)
        known = {path: _known(base, path, state) for path, state in wanted.items()}
        unread = [path for path, state in wanted.items() if state is not None and known[path] is None]
    read = _read(unread)
    lasting = [(str(path), state.text, read[path]) for path, state in wanted.items() if state and state.settled and read.get(path)]
    with closing(sqlite3.connect(memory, timeout=60)) as base, base:
        base.executemany("INSERT OR REPLACE INTO contents VALUES (?, ?, ?)", lasting)
    return known | read


def _read(paths: list[Path]) -> dict[Path, str | None]:
    """Digest files side by side (hashing leaves Python's lock), with a bar where it takes a while."""
    found: dict[Path, str | None] = {}
    bar = Progress("Reading contents", len(paths), "files") if sum(path.stat().st_size for path in paths) > MANY_BYTES else None
    with ThreadPoolExecutor(os.cpu_count()) as threads, bar or nullcontext():
        for path, digest in zip(paths, threads.map(_digest, paths), strict=True):
            found[path] = digest
            if bar is not None:
                bar.advance()
    return found


class _State(NamedTuple):
    """What changes with a file's content."""

    text: str
    settled: bool


def _state(path: Path) -> _State | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return _State(
        f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns} {found.st_ino}",
        time.time_ns() - found.st_mtime_ns > SETTLED,
    )


def _digest(path: Path) -> str | None:
    try:
        return file_digest(path)
    except OSError:
        return None


def _known(base: sqlite3.Connection, path: Path, state: _State | None) -> str | None:
    row = base.execute("SELECT state, digest FROM contents WHERE path = ?", (str(path),)).fetchone()
    return str(row[1]) if row is not None and state is not None and row[0] == state.text else None
