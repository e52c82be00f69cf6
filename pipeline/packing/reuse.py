"""Rows that an earlier run packed, read from its shards instead of being decoded, resized and encoded again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from typing import Any, NamedTuple

from pipeline.artifacts.store import Place, parquet
from pipeline.files.frames import read_frames
from pipeline.packing.shards import Slice


class Name(NamedTuple):
    """What tells rows apart."""

    dataset: str
    sequence: str
    frame: int


def packed_before(part: Slice, shards: Sequence[Place]) -> Iterator[dict[str, Any]] | None:
    """The samples of a slice, in order; None where the shards do not hold all of them.

    Args:
        part: rows of a frame file.
        shards: that hold samples of this very sequence, packed in the same way.
    """
    if not shards:
        return None
    rows = islice(read_frames(part.frames, list(Name._fields), first=part.first), part.rows)
    wanted = [Name(row.dataset, row.sequence, row.frame) for row in rows]
    places = _places(shards, frozenset(wanted))
    return _samples(wanted, places) if len(places) == len(wanted) else None


def _places(shards: Sequence[Place], wanted: frozenset[Name]) -> dict[Name, tuple[Place, int]]:
    """Shard and row group of each wanted row, as far as they are there."""
    places: dict[Name, tuple[Place, int]] = {}
    for path in shards:
        with parquet(path) as file:
            for group in range(file.num_row_groups):
                columns = file.read_row_group(group, columns=list(Name._fields)).to_pydict()
                for name in map(Name, *(columns[field] for field in Name._fields)):
                    if name in wanted:
                        places.setdefault(name, (path, group))
    return places


def _samples(wanted: Sequence[Name], places: dict[Name, tuple[Place, int]]) -> Iterator[dict[str, Any]]:
    for (path, group), names in groupby(wanted, places.__getitem__):
        with parquet(path) as file:
            rows = {Name(*(row[field] for field in Name._fields)): row for row in file.read_row_group(group).to_pylist()}
        yield from (rows[name] for name in names)
