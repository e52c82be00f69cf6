"""Which boxes of a tracked sequence no detection supports: one row per such box, beside the tracks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline.artifacts.store import Place
from pipeline.files import schema

STAGE = "track"
_COLUMNS = pa.schema([("frame", pa.int32()), ("identity", pa.int64())])


def write_recovered(path: Path, frames: NDArray[np.int32], identities: NDArray[np.int64]) -> None:
    """Write the file; equal rows give equal bytes.

    Args:
        path: the file.
        frames: (K,) int32, frame of each box.
        identities: (K,) int64, the tracker's identity of each box.
    """
    table = pa.Table.from_arrays([pa.array(frames, pa.int32()), pa.array(identities, pa.int64())], schema=schema.stamp(_COLUMNS))
    pq.write_table(table, path, compression="zstd", use_dictionary=False)


def read_recovered(path: Place) -> set[tuple[int, int]]:
    """(frame, identity) of each box that no detection supports.

    Raises:
        UserError: the file is missing or not one of ours.
    """
    with schema.open_file(path, "recovered", STAGE) as file:
        columns = file.read().to_pydict()
    return set(zip(columns["frame"], columns["identity"], strict=True))
