"""What the network saw: all that a tracker gets, so that tracking can be repeated without the network, and what scoring needs.

One Parquet file per sequence, one row per frame. Each field of the model's own `Detections` has a column, `detection_<field>`. Arrays lie
flat in their row; the file's facts hold each column's trailing shape, the size of the pictures and the frame rate. Only where frames come
at a varying rate is there a column `step` beside `frame`. Masks of parts are kept as bytes, where they are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline.artifacts.store import Place
from pipeline.contract.detections import Detections, names_of
from pipeline.errors import UserError
from pipeline.files import schema
from pipeline.params.classes import PEDESTRIANS

ROWS_A_GROUP = 64
PREFIX = "detection_"
MASKS = f"{PREFIX}part_masks"
BYTE = 255  # of a mask of 1
STAGE = "track"
KEPT = ("float32", "float16", "uint8", "int64")
# arrays beside the detections
ARRAYS: dict[str, type[np.generic]] = {
    "public": np.float32,
    "identities": np.int64,
    "visibilities": np.float32,
    "embeddings": np.float32,
    "overlaps": np.float32,
    "focuses": np.float32,
}


@dataclass(frozen=True)
class Observation:
    """One frame.

    Attributes:
        frame: number from 1, the sequence's own.
        detections: of the network, best first, in picture pixels; the model's own class where the reader asked for it.
        identities: (N,) int64 of the ground-truth boxes that an embedding was read at.
        visibilities: (N,) float32 of those boxes.
        embeddings: (N, D) float32, unit length.
        public: (P, 4) float32, xyxy pixels of a public detector that gates births, or None.
        step: number of the tracker's step at which the frame comes (`FrameClock`), where frames come at a varying rate; None: its number.
        overlaps: (N,) float32, how much the masks of parts overlap at the ground-truth boxes (`part_masks.PartFigures`); None for a system
            without masks.
        focuses: (N,) float32, how much of them lies on the person there; None for a system without masks.
    """

    frame: int
    detections: Detections
    identities: NDArray[np.int64]
    visibilities: NDArray[np.float32]
    embeddings: NDArray[np.float32]
    public: NDArray[np.float32] | None = None
    step: int | None = None
    overlaps: NDArray[np.float32] | None = None
    focuses: NDArray[np.float32] | None = None

    @property
    def due(self) -> int:
        """The tracker's step at which the frame comes."""
        return self.frame if self.step is None else self.step


@dataclass(frozen=True)
class ObservedSequence:
    """A whole file in memory.

    Attributes:
        name: of the sequence.
        width: of its pictures, pixels.
        height: of its pictures, pixels.
        frame_rate: frames per second.
        frames: in order of their numbers.
        classes: names of what is tracked; detections count their classes in this list.
        weights: SHA-256 of the weights of the network that saw it; empty where the file does not say.
    """

    name: str
    width: int
    height: int
    frame_rate: float
    frames: tuple[Observation, ...]
    classes: tuple[str, ...] = PEDESTRIANS
    weights: str = ""


class ObservationWriter:
    """Writes one file as frames come; use as a context manager. Equal observations give equal bytes.

    Args:
        path: file to write.
        sequence: its name.
        width: of the pictures, pixels.
        height: of the pictures, pixels.
        frame_rate: frames per second.
        classes: names of what is tracked; stated where there are others than pedestrians.
        weights: SHA-256 of the weights of the network that sees it.

    Raises:
        ValueError: an array is of another type or trailing shape than in the frames before, or not every frame has public boxes, or a step.
    """

    def __init__(
        self,
        path: Path,
        *,
        sequence: str,
        width: int,
        height: int,
        frame_rate: float,
        classes: Sequence[str] = PEDESTRIANS,
        weights: str = "",
    ) -> None:
        self._path = path
        self._facts: dict[str, Any] = {"sequence": sequence, "width": width, "height": height, "frame_rate": frame_rate, "weights": weights}
        if tuple(classes) != PEDESTRIANS:
            self._facts["classes"] = list(classes)
        self._rows: list[Observation] = []
        self._shapes: dict[str, list[int]] = {}
        self._types: dict[str, str] = {}
        self._timed = False
        self._writer: pq.ParquetWriter | None = None

    def write(self, observation: Observation) -> None:
        """Append a frame."""
        self._rows.append(observation)
        if len(self._rows) == ROWS_A_GROUP:
            self._flush()

    def __enter__(self) -> ObservationWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None and (self._rows or self._writer is None):
            self._flush()
        if self._writer is not None:
            self._writer.close()

    def _flush(self) -> None:
        arrays = [_arrays(row) for row in self._rows]
        if self._writer is None:
            self._shapes = {name: list(array.shape[1:]) for name, array in arrays[0].items()} if arrays else {}
            self._types = {name: _type_of(name, array) for name, array in arrays[0].items()} if arrays else {}
            self._timed = bool(self._rows) and self._rows[0].step is not None
            self._writer = self._open()
        columns = [pa.array([row.frame for row in self._rows], pa.int32())]
        if any((row.step is not None) != self._timed for row in self._rows):
            raise ValueError("every frame of a file has a step, or none has")
        columns += [pa.array([row.step for row in self._rows], pa.int32())] if self._timed else []
        columns += [_column(name, self._types[name], shape, [row.get(name) for row in arrays]) for name, shape in self._shapes.items()]
        self._writer.write_table(pa.Table.from_arrays(columns, schema=self._writer.schema))
        self._rows = []

    def _open(self) -> pq.ParquetWriter:
        columns = [("frame", pa.int32()), *([("step", pa.int32())] if self._timed else [])]
        columns += [(name, pa.list_(pa.from_numpy_dtype(np.dtype(kind)))) for name, kind in self._types.items()]
        stamped = schema.stamp(pa.schema(columns), shapes=self._shapes, types=self._types, **self._facts)
        return pq.ParquetWriter(self._path, stamped, compression="zstd", use_dictionary=False)


def read_observations(path: Place, kind: type[Detections] = Detections) -> Iterator[Observation]:
    """Yield a file's frames in order.

    Args:
        path: the file.
        kind: class of the detections, `Detection.kind`; the plain one reads any model's file.

    Raises:
        UserError: the file is missing, not one of ours, or does not hold what `kind` needs.
    """
    with schema.open_file(path, "observation", STAGE) as file:
        if file.metadata.num_rows == 0:
            return
        facts = schema.facts(file.schema_arrow, str(path))
        shapes, types = facts.get("shapes", {}), facts.get("types", {})
        names = [PREFIX + name for name in names_of(kind)]
        absent = [name for name in names if name not in shapes]
        if absent:
            raise UserError(f"{path}: has no {', '.join(absent)}: another model's, or of an older version\nnext: run `dvc repro {STAGE}`")
        wanted = {name: _Column(types[name], tuple(shapes[name])) for name in [*names, MASKS, *ARRAYS] if name in shapes}
        numbers = [name for name in ("frame", "step") if name in file.schema_arrow.names]
        for group in range(file.num_row_groups):
            yield from _observations(file.read_row_group(group, columns=[*numbers, *wanted]), wanted, kind)


def read_sequence(path: Place, kind: type[Detections] = Detections) -> ObservedSequence:
    """A whole file in memory, to be tracked any number of times.

    Args:
        path: the file.
        kind: class of the detections, `Detection.kind`.

    Raises:
        UserError: as `read_observations`.
    """
    frames = tuple(read_observations(path, kind))
    facts = schema.facts(pq.read_schema(path), str(path))
    size = facts["width"], facts["height"], facts["frame_rate"]
    return ObservedSequence(facts["sequence"], *size, frames, tuple(facts.get("classes", PEDESTRIANS)), facts.get("weights", ""))


def _arrays(row: Observation) -> dict[str, NDArray[Any]]:
    """The arrays of a row by column; no `public` where there is none."""
    seen = {PREFIX + name: getattr(row.detections, name) for name in names_of(type(row.detections))}
    if row.detections.part_masks is not None:
        seen[MASKS] = np.rint(row.detections.part_masks * BYTE).astype(np.uint8)
    return seen | {name: getattr(row, name) for name in ARRAYS if getattr(row, name) is not None}


def _type_of(name: str, array: NDArray[Any]) -> str:
    """The type of a column, by its array in the first frame.

    Raises:
        ValueError: files keep no such type.
    """
    wanted = np.dtype(ARRAYS[name]) if name in ARRAYS else array.dtype
    if wanted.name not in KEPT:
        raise ValueError(f"{name} is {wanted}; a file keeps {', '.join(KEPT)}")
    return wanted.name


def _column(name: str, kind: str, shape: Sequence[int], values: Sequence[NDArray[Any] | None]) -> Any:
    for value in values:
        if value is None or value.dtype != kind or list(value.shape[1:]) != list(shape):
            found = "absent" if value is None else f"{value.dtype} {value.shape}"
            raise ValueError(f"{name} must be {kind} of shape (N, {', '.join(map(str, shape))}) in every frame, found {found}")
    present = [value for value in values if value is not None]
    flat = np.concatenate([value.reshape(-1) for value in present])
    return pa.ListArray.from_arrays(pa.array(np.cumsum([0, *(value.size for value in present)]), pa.int32()), pa.array(flat))


class _Column(NamedTuple):
    """The type of a column's numbers, and the trailing shape of its arrays."""

    kind: str
    shape: tuple[int, ...]


def _observations(table: pa.Table, wanted: dict[str, _Column], kind: type[Detections]) -> Iterator[Observation]:
    columns = {name: _split(table.column(name).combine_chunks(), column.shape) for name, column in wanted.items()}
    frames = table.column("frame").to_pylist()
    steps = table.column("step").to_pylist() if "step" in table.column_names else [None] * len(frames)
    for row, (frame, step) in enumerate(zip(frames, steps, strict=True)):
        values = {name: column[row] for name, column in columns.items()}
        for name, column in wanted.items():
            if prod(column.shape) == 0:  # no number tells how many there are: as many as boxes, or as people
                count = len(values["identities" if name in ARRAYS else f"{PREFIX}boxes"])
                values[name] = np.zeros((count, *column.shape), column.kind)
        masks = values.pop(MASKS, None)
        seen = kind(
            **{name: values.pop(PREFIX + name) for name in names_of(kind)},
            part_masks=None if masks is None else masks.astype(np.float32) / np.float32(BYTE),
        )
        yield Observation(frame, seen, **values, step=step)


def _split(column: Any, shape: tuple[int, ...]) -> list[NDArray[Any]]:
    """One view per row into the column's numbers, in their shape."""
    numbers, offsets = column.values.to_numpy(), column.offsets.to_numpy()
    return [numbers[start:end].reshape(-1, *shape) if prod(shape) else numbers[:0] for start, end in pairwise(offsets)]
