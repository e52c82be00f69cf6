"""Depth files: one Parquet file per sequence beside its frame file, one row per frame in the same order (`schema.DEPTHS`)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline.artifacts.store import Place
from pipeline.files import schema

SUMMARY = "throughline.summary"
_GROUP_BYTES = 1 << 20


@dataclass(frozen=True)
class DepthRow:
    """The depth of one frame.

    Attributes:
        dataset: name of the data set.
        sequence: name in it.
        frame: number from 1.
        depth: 16-bit PNG (`depth_codec.decode`), 0 unknown.
        scale: depth of one code.
        object_depths: (N,) float32, aligned with the frame's boxes, 0 unknown.
    """

    dataset: str
    sequence: str
    frame: int
    depth: bytes
    scale: float
    object_depths: NDArray[np.float32]


def read_depths(path: Place, *, first: int = 0) -> Iterator[DepthRow]:
    """Yield the rows of a depth file in order, from row `first` (from 0), one row group in memory at a time.

    Raises:
        UserError: the file is missing or no depth file.
    """
    with schema.open_file(path, "depth", "label_depth") as file:
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if first < rows:
                for row in file.read_row_group(group).slice(first).to_pylist():
                    yield DepthRow(**(row | {"object_depths": np.array(row["object_depths"], np.float32)}))
            first = max(first - rows, 0)


def depth_facts(path: Place) -> dict[str, Any]:
    """The facts of a depth file: those stated when it was opened, the backend's summary, and `frames`, the number of its rows.

    Raises:
        UserError: the file is missing or no depth file.
    """
    with schema.open_file(path, "depth", "label_depth") as file:
        summary = (file.metadata.metadata or {}).get(SUMMARY.encode(), b"{}")
        return {**schema.facts(file.schema_arrow, str(path)), **json.loads(summary), "frames": file.metadata.num_rows}


class DepthWriter:
    """Writes one depth file; use as a context manager. The same rows give the same bytes.

    Args:
        path: the file.
        facts: stated in its metadata; more can be added to `summary` until the end of the block.
    """

    def __init__(self, path: Path, facts: dict[str, Any]) -> None:
        self.summary: dict[str, Any] = {}
        self._schema = schema.stamp(schema.DEPTHS, **facts)
        compression = dict.fromkeys(("dataset", "sequence", "frame", "scale", "object_depths.list.element"), "zstd") | {"depth": "none"}
        self._writer = pq.ParquetWriter(path, self._schema, compression=compression, use_dictionary=["dataset", "sequence"])
        self._waiting: list[dict[str, Any]] = []
        self._bytes = 0

    def __enter__(self) -> DepthWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            self._flush()
            self._writer.add_key_value_metadata({SUMMARY: json.dumps(self.summary, sort_keys=True)})
        self._writer.close()

    def write(self, row: DepthRow) -> None:
        """Append a row."""
        self._waiting.append(vars(row))
        self._bytes += len(row.depth)
        if self._bytes > _GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.Table.from_pylist(self._waiting, schema=self._schema))
        self._waiting, self._bytes = [], 0
