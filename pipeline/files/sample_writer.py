"""Writes shards of samples: Arrow files, one record batch per row group, nothing compressed, so that readers use the file as it lies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.files import schema

PLAIN = schema.Extras()


class SampleWriter:
    """Writes one shard with row groups capped in bytes; use as a context manager.

    Rows are held back until two row groups are full, and what is left at the end is divided evenly, so that no group is a
    remainder of a few rows between a frame and its partner.

    Args:
        path: the shard.
        row_group_bytes: cap of a row group's images and maps; a single larger row is a group of its own.
        facts: stated in the file's metadata.
        extras: which further columns samples have.
    """

    def __init__(self, path: Path, *, row_group_bytes: int, facts: dict[str, Any], extras: schema.Extras = PLAIN) -> None:
        self.row_group_bytes = row_group_bytes
        self.schema = schema.stamp(schema.samples(extras), **facts)
        self.file = pa.OSFile(str(path), "wb")
        self.writer = pa.ipc.new_file(self.file, self.schema)
        self.waiting: list[dict[str, Any]] = []
        self.waiting_bytes = 0

    def __enter__(self) -> SampleWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            self._finish()
        self.writer.close()
        self.file.close()

    def add(self, row: dict[str, Any]) -> None:
        """Append a row: a value for each column of `schema.samples(extras)`."""
        self.waiting.append(row)
        self.waiting_bytes += _bytes(row)
        while self.waiting_bytes > 2 * self.row_group_bytes and len(self.waiting) > 1:
            self._flush(max(1, _fitting(self.waiting, self.row_group_bytes)))

    def _finish(self) -> None:
        if self.waiting_bytes > self.row_group_bytes:
            self._flush(max(1, _fitting(self.waiting, min(self.waiting_bytes // 2, self.row_group_bytes))))
        while self.waiting:
            self._flush(max(1, _fitting(self.waiting, self.row_group_bytes)))

    def _flush(self, rows: int) -> None:
        group, self.waiting = self.waiting[:rows], self.waiting[rows:]
        self.waiting_bytes -= sum(map(_bytes, group))
        self.writer.write_batch(pa.RecordBatch.from_pylist(group, schema=self.schema))


def _bytes(row: dict[str, Any]) -> int:
    """What a row counts against the cap: its image and its map."""
    return len(row["image"]) + len(row["depth"] or b"")


def _fitting(rows: list[dict[str, Any]], limit: int) -> int:
    """How many of the first rows stay within the limit."""
    return int(np.searchsorted(np.cumsum([_bytes(row) for row in rows]), limit, side="right"))
