"""A sqlite store of MLflow that was copied or moved with its clone: the paths in it are made those of the clone where it lies now."""

from __future__ import annotations

import socket
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from pipeline.registry.address import DATABASE, FILE, RUNS, foreign

# Columns that hold the address of a folder.
ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
# Tables of tags, whose values name the repository as `machine:folder`, or a path in it.
TAGS = ("tags", "experiment_tags")


def relocate(path: Path) -> tuple[Path, int] | None:
    """Let everything in a store that names its old clone name the present one.

    Artefacts that lie elsewhere (`base.store`) keep their addresses.

    Args:
        path: the sqlite file.

    Returns:
        The file that the store was made in, and how many entries changed; None where it is this one already.
    """
    origin = foreign(path)
    if origin is None:
        return None
    old, new = origin.parent, path.resolve().parent
    with closing(sqlite3.connect(path)) as base, base:
        changed = sum(_addresses(base, table, column, old, new) for table, column in ADDRESSES if column in _columns(base, table))
        for table in TAGS:
            changed += base.execute(
                f"UPDATE {table} SET value = ? WHERE substr(value, instr(value, ':')) = ?", (f"{socket.gethostname()}:{new}", f":{old}")
            ).rowcount
            changed += base.execute(
                f"UPDATE {table} SET value = ? || substr(value, ?) WHERE substr(value, 1, ?) = ?",
                (f"{new}/", len(str(old)) + 2, len(str(old)) + 1, f"{old}/"),
            ).rowcount
        base.execute("UPDATE experiment_tags SET value = ? WHERE key = ?", (str(path.resolve()), DATABASE))
    return origin, changed


def _addresses(base: sqlite3.Connection, table: str, column: str, old: Path, new: Path) -> int:
    """Change the addresses in one column; both `file:///folder` and a plain path are found there."""
    count = 0
    for before, after in ((f"{FILE}{quote(str(old))}/{RUNS}", f"{FILE}{quote(str(new))}/{RUNS}"), (f"{old}/{RUNS}", f"{new}/{RUNS}")):
        count += base.execute(
            f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",
            (after, len(before) + 1, len(before), before),
        ).rowcount
    return count


def _columns(base: sqlite3.Connection, table: str) -> set[str]:
    return {row[1] for row in base.execute(f"PRAGMA table_info({table})")}
