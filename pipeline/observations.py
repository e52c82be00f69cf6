"""What the network saw, kept for scoring: detections of each frame, and embeddings at its ground-truth boxes.

One Parquet file a sequence, a row a frame. Embeddings lie flat, (N * D) float32 a row, with D in the file's facts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline import schema
from pipeline.errors import UserError

ROWS_A_GROUP = 64
NUMBERS = pa.list_(pa.float32())
OBSERVATIONS = pa.schema(
    [
        ("frame", pa.int32()),
        ("boxes", schema.BOXES),
        ("scores", NUMBERS),
        ("identities", pa.list_(pa.int64())),
        ("visibilities", NUMBERS),
        ("embeddings", NUMBERS),
        ("recovered", pa.list_(pa.int64())),
    ]
)


@dataclass(frozen=True)
class Observation:
    """One frame.

    Attributes:
        frame: number from 1, the sequence's own.
        boxes: (M, 4) float32, xyxy pixels: detections, best first.
        scores: (M,) float32 in [0, 1].
        identities: (N,) int64 of the ground-truth boxes that an embedding was read at.
        visibilities: (N,) float32 of those boxes.
        embeddings: (N, D) float32, unit length.
        recovered: (K,) int64, the tracker's identities whose box in this frame no detection supports.
    """

    frame: int
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    identities: NDArray[np.int64]
    visibilities: NDArray[np.float32]
    embeddings: NDArray[np.float32]
    recovered: NDArray[np.int64]


class ObservationWriter:
    """Writes one file as frames come; use as a context manager. Equal observations give equal bytes.

    Args:
        path: file to write.
        facts: dataset and sequence.
    """

    def __init__(self, path: Path, **facts: Any) -> None:
        self._path, self._facts = path, facts
        self._rows: list[Observation] = []
        self._writer: pq.ParquetWriter | None = None

    def write(self, observation: Observation) -> None:
        """Append a frame."""
        self._rows.append(observation)
        if len(self._rows) == ROWS_A_GROUP:
            self._flush()

    def __enter__(self) -> ObservationWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self._flush()
        if self._writer is not None:
            self._writer.close()

    def _flush(self) -> None:
        if self._writer is None:
            dimension = self._rows[0].embeddings.shape[1] if self._rows else 0
            stamped = schema.stamp(OBSERVATIONS, dimension=dimension, **self._facts)
            self._writer = pq.ParquetWriter(self._path, stamped, compression="zstd", use_dictionary=False)
        if self._rows:
            columns = [_column(name, kind, self._rows) for name, kind in zip(OBSERVATIONS.names, OBSERVATIONS.types, strict=True)]
            self._writer.write_table(pa.Table.from_arrays(columns, schema=self._writer.schema))
        self._rows = []


def read_observations(path: Path) -> Iterator[Observation]:
    """Yield a file's frames in order.

    Raises:
        UserError: the file is missing or not one of ours.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such observations\nnext: run `dvc repro track`")
    with pq.ParquetFile(path) as file:
        dimension = schema.facts(file.schema_arrow, str(path))["dimension"]
        for group in range(file.num_row_groups):
            table = file.read_row_group(group)
            columns = {name: table.column(name).combine_chunks() for name in table.column_names}
            for row in range(table.num_rows):
                yield _observation({name: _values(array[row]) for name, array in columns.items()}, dimension)


def _column(name: str, kind: Any, rows: list[Observation]) -> Any:
    values = [getattr(row, name) for row in rows]
    if name == "frame":
        return pa.array(values, kind)
    if name == "boxes":
        items = pa.FixedSizeListArray.from_arrays(pa.array(np.concatenate(values).reshape(-1), pa.float32()), type=kind.value_type)
    else:
        items = pa.array(np.concatenate([value.reshape(-1) for value in values]), kind.value_type)
    lengths = [value.size if name == "embeddings" else len(value) for value in values]
    return pa.ListArray.from_arrays(pa.array(np.cumsum([0, *lengths]), pa.int32()), items, type=kind)


def _values(scalar: Any) -> Any:
    if not pa.types.is_list(scalar.type):
        return scalar.as_py()
    values = scalar.values
    return (values.flatten() if pa.types.is_fixed_size_list(values.type) else values).to_numpy()


def _observation(values: dict[str, Any], dimension: int) -> Observation:
    shaped = {"boxes": values["boxes"].reshape(-1, 4), "embeddings": values["embeddings"].reshape(len(values["identities"]), dimension)}
    return Observation(**(values | shaped))
