"""Frame files: one Parquet file per sequence, one row per frame, JPEG bytes beside the objects (`schema.FRAMES`)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline import MAX_PIXELS
from pipeline.artifacts.store import Place
from pipeline.errors import UserError
from pipeline.files import schema
from pipeline.files.gathered import Gathered

SUMMARY = b"throughline.summary"
PLAIN = schema.Extras()
_OF_OBJECTS = frozenset((*(name for name, _ in schema.OBJECTS), *schema.OF_OBJECTS))
_EXTRA = frozenset((*schema.OF_OBJECTS, "public_masks", "public_keypoints"))
_JOINTS = ("keypoints", "public_keypoints")
OVERHEAD = 1024  # bytes that a row's numbers may take, for the cap on row groups


def _boxes() -> NDArray[np.float32]:
    return np.zeros((0, 4), np.float32)


@dataclass(frozen=True)
class Objects:
    """The N annotated objects of a frame.

    Attributes:
        boxes: (N, 4) float32, xyxy pixels, amodal (not clipped to the image).
        identities: (N,) int64, -1 unknown.
        classes: (N,) int32, numbers of `pipeline.params.classes` (1 pedestrian).
        visibilities: (N,) float32 in [0, 1].
        confidences: (N,) float32, the ground truth's flag (0 = not scored).
        ignores: (N,) bool, neither object nor background.
        masks: (N,) str, COCO's compressed run lengths of each object's visible pixels, or None where it has none; None: of no object.
        keypoints: (N, K, 3) float32, x and y in pixels and whether the joint is seen, zeros where there is no joint; None: of no object.
        categories: (N,) str, the source's own names of their classes; None: it was not asked for them.
    """

    boxes: NDArray[np.float32] = field(default_factory=_boxes)
    identities: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    classes: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    visibilities: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    confidences: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    ignores: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    masks: NDArray[np.object_] | None = None
    keypoints: NDArray[np.float32] | None = None
    categories: NDArray[np.object_] | None = None

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_] | slice) -> Objects:
        """The objects chosen by indices, a mask or a slice; a slice shares memory with these arrays."""
        return Objects(**{name: column[index] for name, column in vars(self).items() if column is not None})

    def __len__(self) -> int:
        return len(self.boxes)


@dataclass(frozen=True)
class Frame:
    """One frame row.

    Attributes:
        dataset: name of the data set.
        sequence: name of the sequence in it.
        frame: number from 1 (gaps are possible).
        time: seconds from the sequence's first frame.
        width: pixels of the decoded image.
        height: pixels of the decoded image.
        image: JPEG bytes; empty when the column was not read.
        objects: the annotation; empty when there is none.
        public_boxes: (M, 4) float32, xyxy pixels, of a public detector.
        public_scores: (M,) float32, in the detector's own scale.
        public_masks: (M,) str, run lengths as those of `Objects`, or None where it found none; None: the detector finds none.
        public_keypoints: (M, K, 3) float32, x and y in pixels and the joint's score, zeros for one that was missed; None: the detector
            finds none.
    """

    dataset: str
    sequence: str
    frame: int
    time: float
    width: int
    height: int
    image: bytes = b""
    objects: Objects = field(default_factory=Objects)
    public_boxes: NDArray[np.float32] = field(default_factory=_boxes)
    public_scores: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    public_masks: NDArray[np.object_] | None = None
    public_keypoints: NDArray[np.float32] | None = None


def read_frames(path: Place, columns: Sequence[str] | None = None, *, first: int = 0) -> Iterator[Frame]:
    """Yield the rows of a frame file in order, one row group in memory at a time.

    Args:
        path: a file of data/frames.
        columns: what to read of `schema.frames`; columns left out keep `Frame`'s defaults (no images, no objects, zeros), and so do extra
            columns that the file does not have. None: all.
        first: row to start at, from 0; row groups before it are not read.

    Raises:
        UserError: the file is missing, damaged or not a frame file.
    """
    with schema.open_file(path, "frame", "extract_frames") as file:
        there = file.schema_arrow.names
        names = there if columns is None else [name for name in columns if name in there or name not in _EXTRA]
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if first < rows:
                yield from _rows(file.read_row_group(group, columns=names).slice(first))
            first = max(first - rows, 0)


def frame_facts(path: Place) -> dict[str, Any]:
    """The facts of a frame file (see `schema.stamp`), with `frames`, the number of its rows, and `summary`, what `FrameWriter.close` got.

    Raises:
        UserError: the file is missing, damaged or not a frame file.
    """
    with schema.open_file(path, "frame", "extract_frames") as file:
        found = schema.facts(file.schema_arrow, str(path))
        found["frames"] = file.metadata.num_rows
        found["summary"] = json.loads((file.metadata.metadata or {}).get(SUMMARY, b"{}"))
    return found


def frame_extras(path: Place) -> schema.Extras:
    """Which further columns a frame file has.

    Raises:
        UserError: the file is missing, damaged or not a frame file.
    """
    with schema.open_file(path, "frame", "extract_frames") as file:
        kinds = dict(zip(file.schema_arrow.names, file.schema_arrow.types, strict=True))
    joints, public = (kinds[name].value_type.list_size // 3 if name in kinds else 0 for name in _JOINTS)
    return schema.Extras("masks" in kinds, joints, "categories" in kinds, "public_masks" in kinds, public)


def frame_span(path: Place) -> tuple[int, int]:
    """Numbers of the first and last frame of a frame file; (1, 0) where it has none.

    Raises:
        UserError: the file is missing, damaged or not a frame file.
    """
    numbers = [frame.frame for frame in read_frames(path, ("frame",))]
    return (numbers[0], numbers[-1]) if numbers else (1, 0)


def frame_files(folder: Place) -> list[Place]:
    """The frame files of a published folder (or of one data set in it), ordered by data set and sequence."""
    found: list[Place] = [path for path in folder.rglob("*.parquet") if not path.name.startswith(".")]
    return sorted(found, key=lambda path: tuple(path.parts))


class FrameWriter:
    """Writes one frame file; use as a context manager, or call `close`.

    The same frames give the same bytes. Images are stored as they are; everything else is compressed.

    Args:
        path: file to write.
        facts: what `schema.stamp` records.
        row_group_mb: cap on a row group's bytes in memory (10^6); a single larger frame is a group of its own.
        extras: which further columns the file has.
    """

    def __init__(self, path: Path, facts: dict[str, Any], row_group_mb: float = 16.0, extras: schema.Extras = PLAIN) -> None:
        stamped = schema.stamp(schema.frames(extras), **facts)
        plain = dict.fromkeys(_leaves(stamped), "zstd") | {"image": "none"}
        self._writer = pq.ParquetWriter(
            path, stamped, compression=plain, use_dictionary=["dataset", "sequence"], write_statistics=["frame"]
        )
        self._cap, self._bytes, self._images = row_group_mb * 1e6, 0, Gathered(int(row_group_mb * 1e6))
        self._waiting: dict[str, list[Any]] = {name: [] for name in stamped.names if name != "image"}

    def write(self, frame: Frame) -> None:
        """Append a row."""
        size = len(frame.image) + OVERHEAD
        if self._bytes and self._bytes + size > self._cap:
            self._flush()
        self._images.add(frame.image)
        for name, values in self._waiting.items():
            values.append(getattr(frame.objects if name in _OF_OBJECTS else frame, name))
        self._bytes += size

    def close(self, **summary: Any) -> None:
        """Finish the file, with numbers known only now (read back by `frame_facts`)."""
        if self._bytes:
            self._flush()
        self._writer.add_key_value_metadata({SUMMARY.decode(): json.dumps(summary, sort_keys=True)})
        self._writer.close()

    def __enter__(self) -> FrameWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is not None:
            self._writer.close()  # of a file that is thrown away
        elif self._writer.is_open:
            self.close()

    def _flush(self) -> None:
        self._writer.write_table(_table(self._waiting, self._images, self._writer.schema))
        for values in self._waiting.values():
            values.clear()
        self._images.clear()
        self._bytes = 0


class TooManyPixels(UserError):
    """An image that states more pixels than anything here reads."""


def decode_jpeg(image: bytes, where: str) -> NDArray[np.uint8]:
    """Decode to (H, W, 3) uint8 RGB, turned as its EXIF orientation says.

    Raises:
        TooManyPixels: the image states more pixels than OpenCV reads; `where` is named.
        UserError: the bytes are not an image; `where` is named.
    """
    try:
        pixels = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR_RGB) if image else None
    except cv2.error as error:
        if "MAX_IMAGE" not in str(error):
            raise
        raise TooManyPixels(f"{where}: the image states more than {MAX_PIXELS // 10**6} million pixels\nnext: leave it out") from None
    if pixels is None:
        raise UserError(f"{where}: the image cannot be decoded ({len(image)} bytes)\nnext: replace the file it came from")
    return np.asarray(pixels, np.uint8)


def encode_jpeg(image: NDArray[np.uint8], quality: int) -> bytes:
    """JPEG bytes of an (H, W, 3) uint8 RGB image at `quality` (1 to 100)."""
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return encoded.tobytes()


def _rows(table: pa.Table) -> Iterator[Frame]:
    read = {name: _column(table.column(name).combine_chunks(), name) for name in table.column_names}
    for row in range(table.num_rows):
        values = {name: column[row] for name, column in read.items()}
        objects = {name: values.pop(name) for name in _OF_OBJECTS if name in values}
        defaults: dict[str, Any] = {"dataset": "", "sequence": "", "frame": 0, "time": 0.0, "width": 0, "height": 0}
        yield Frame(**(defaults | values), objects=Objects(**objects))


def _column(array: Any, name: str) -> Sequence[Any]:
    """A column as Python values (scalars), bytes, or one NumPy array per row (lists)."""
    if name == "image":
        return [value.as_buffer().to_pybytes() for value in array]
    if not pa.types.is_list(array.type):
        values: list[Any] = array.to_pylist()
        return values
    size = array.type.value_type.list_size if pa.types.is_fixed_size_list(array.type.value_type) else 0
    # `flatten` drops what a slice does not show; its offsets are counted from the first row's
    flat = array.flatten()
    numbers = (flat.flatten() if size else flat).to_numpy(zero_copy_only=False)
    if size:
        numbers = numbers.reshape(-1, size // 3, 3) if name in _JOINTS else numbers.reshape(-1, size)
    offsets = array.offsets.to_numpy() - array.offsets[0].as_py()
    return [numbers[start:end] for start, end in pairwise(offsets)]


def _table(rows: Mapping[str, list[Any]], images: Gathered, stamped: pa.Schema) -> pa.Table:
    columns = {"image": images.array()}
    for name, values in rows.items():
        kind = stamped.field(name).type
        if name in _EXTRA:
            counts = map(len, rows["public_boxes" if name.startswith("public") else "boxes"])
            values = [_absent(count, kind) if found is None else found for count, found in zip(counts, values, strict=True)]
        columns[name] = _lists(values, kind) if pa.types.is_list(kind) else pa.array(values, kind)
    return pa.Table.from_arrays([columns[name] for name in stamped.names], schema=stamped)


def _absent(count: int, kind: Any) -> NDArray[Any]:
    """What a frame without an extra column has in it: no masks and names, joints of zeros."""
    width = kind.value_type.list_size if pa.types.is_fixed_size_list(kind.value_type) else 0
    return np.zeros((count, width), np.float32) if width else np.full(count, None)


def _lists(values: Sequence[NDArray[Any]], kind: Any) -> Any:
    offsets = pa.array(np.cumsum([0, *map(len, values)]), pa.int32())
    flat = np.concatenate(values).reshape(-1)
    if pa.types.is_fixed_size_list(kind.value_type):
        items = pa.FixedSizeListArray.from_arrays(pa.array(flat, kind.value_type.value_type), type=kind.value_type)
    else:
        items = pa.array(flat, kind.value_type)
    return pa.ListArray.from_arrays(offsets, items, type=kind)


def _leaves(stamped: pa.Schema) -> list[str]:
    """Parquet's dotted names of the columns."""
    buffer = pa.BufferOutputStream()
    pq.write_table(stamped.empty_table(), buffer)
    leaves = pq.ParquetFile(pa.BufferReader(buffer.getvalue())).schema
    return [leaves.column(index).path for index in range(len(leaves))]
