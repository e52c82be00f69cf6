"""What training reads: Parquet shards of samples, opened lazily, one small cache of row groups in memory.

Rows lie in the order dataset, sequence, frame, so that the partner of a frame is in the same or the next row group. Images and maps are
stored as they are: of a local file only where they lie is kept, each is read when it is wanted, and the system's own cache of files,
which all processes share, does the rest. From a URL, where a request costs more than a row group, they are kept with the rest.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline.artifacts.store import Place, parquet
from pipeline.errors import UserError
from pipeline.files import schema

CACHE_BYTES = 64 * 1024**2
_INDEX = ["dataset", "sequence", "frame", "video"]


@dataclass(frozen=True)
class Sample:
    """One frame at training size.

    Attributes:
        dataset: name of the data set.
        sequence: name within the data set.
        frame: number, from 1.
        video: False for a still.
        width: of `image`, pixels.
        height: of `image`, pixels.
        image: JPEG bytes, aspect of the source kept, unpadded.
        boxes: (N, 4) float32, xyxy pixels of `image`, amodal.
        identities: (N,) int64, -1 unknown.
        classes: (N,) int32, 1 = pedestrian.
        visibilities: (N,) float32 in [0, 1].
        ignores: (N,) bool, neither object nor background.
        depth: 16-bit PNG at 1/depth_stride of `image` (depthmap.decode), None without labels.
        depth_scale: depth of one code, 0.0 without labels.
    """

    dataset: str
    sequence: str
    frame: int
    video: bool
    width: int
    height: int
    image: bytes
    boxes: NDArray[np.float32]
    identities: NDArray[np.int64]
    classes: NDArray[np.int32]
    visibilities: NDArray[np.float32]
    ignores: NDArray[np.bool_]
    depth: bytes | None
    depth_scale: float


class SampleIndex(NamedTuple):
    """Where each row comes from; every array has one entry a row.

    Attributes:
        dataset: (N,) int32, code of the data set.
        sequence: (N,) int32, code of the sequence, different in different data sets.
        frame: (N,) int32, from 1.
        video: (N,) bool.
    """

    dataset: NDArray[np.int32]
    sequence: NDArray[np.int32]
    frame: NDArray[np.int32]
    video: NDArray[np.bool_]


class SampleStore:
    """Random access to a folder of shards; picklable, each process opens the files anew.

    Args:
        folder: holds part-*.parquet (data/samples/stills or video).
        cache_bytes: how much decoded Parquet to keep (labels, and images from a URL); at least the last row group read is kept.

    Attributes:
        index: where each row comes from.
        row_groups: (first row, rows) of every row group, in row order.
        datasets: names of the data sets, by their code in `index`.

    Raises:
        UserError: the folder holds no shards, or one of another version.
    """

    def __init__(self, folder: Place, *, cache_bytes: int = CACHE_BYTES) -> None:
        self.folder, self.cache_bytes = folder, cache_bytes
        self.shards: list[Place] = sorted(folder.glob("part-*.parquet"), key=lambda path: path.name)
        if not self.shards:
            raise UserError(
                f"{folder}: holds no samples (part-*.parquet)\nnext: run `dvc repro pack_samples`; check pack_samples.stills and videos"
            )
        self.index, self.datasets, self.row_groups, self._places = _scan(self.shards)
        self._starts = np.array([first for first, _ in self.row_groups], np.int64)
        self._forget()

    def __len__(self) -> int:
        return len(self.index.frame)

    def row(self, index: int) -> Sample:
        """The sample of row `index`, 0 <= index < len."""
        if not 0 <= index < len(self):
            raise IndexError(f"row {index} of {len(self)}")
        group = int(np.searchsorted(self._starts, index, side="right")) - 1
        return self._group(group).sample(index - int(self._starts[group]))

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key not in ("_files", "_cache", "_cached_bytes")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._forget()

    def _forget(self) -> None:
        self._files: dict[int, tuple[pq.ParquetFile, pa.NativeFile | None]] = {}
        self._cache: OrderedDict[int, RowGroup] = OrderedDict()
        self._cached_bytes = 0

    def _group(self, group: int) -> RowGroup:
        if group in self._cache:
            self._cache.move_to_end(group)
            return self._cache[group]
        shard, number = self._places[group]
        if shard not in self._files:
            self._files[shard] = _open(self.shards[shard])
        file, raw = self._files[shard]
        table = file.read_row_group(number, columns=COLUMNS, use_threads=False)
        found = RowGroup(table, raw, {} if raw is None else _places(file, raw, number, table))
        self._cache[group] = found
        self._cached_bytes += found.bytes
        while self._cached_bytes > self.cache_bytes and len(self._cache) > 1:
            self._cached_bytes -= self._cache.popitem(last=False)[1].bytes
        return found


COLUMNS = ["dataset", "sequence", "frame", "video", "width", "height", "image", "boxes", "identities", "classes"]
COLUMNS += ["visibilities", "ignores", "depth", "depth_scale"]
_LISTS = ("boxes", "identities", "classes", "visibilities", "ignores")
_STORED = ("image", "depth")  # as they are, without compression
_PROBE = 32  # bytes of a value that are looked for


class RowGroup:
    """Rows in memory: Arrow columns, and the object lists as flat arrays with offsets.

    Args:
        table: `COLUMNS` of some rows of schema.SAMPLES.
        raw: the file that they come from.
        places: by column, (rows, 2) int64: where in `raw` a value starts, and its length, -1 for null. These columns are not kept.
    """

    def __init__(self, table: pa.Table, raw: pa.NativeFile | None = None, places: Mapping[str, NDArray[np.int64]] | None = None) -> None:
        self.raw, self.places = raw, places or {}
        self.columns = {name: table.column(name).combine_chunks() for name in table.column_names if name not in (*_LISTS, *self.places)}
        self.lists = {name: _flat(table.column(name)) for name in _LISTS}
        self.bytes = table.select([*self.columns, *_LISTS]).nbytes + sum(array.nbytes for array in self.places.values())

    def sample(self, row: int) -> Sample:
        """One of the rows."""
        plain = {name: column[row].as_py() for name, column in self.columns.items()}
        stored = {name: self._read(*places[row].tolist()) for name, places in self.places.items()}
        objects: dict[str, Any] = {name: values[offsets[row] : offsets[row + 1]].copy() for name, (values, offsets) in self.lists.items()}
        return Sample(**(plain | stored | {"depth_scale": plain["depth_scale"] or 0.0}), **objects)

    def _read(self, start: int, size: int) -> bytes | None:
        assert self.raw is not None
        return None if size < 0 else self.raw.read_at(size, start)


def _open(shard: Place) -> tuple[pq.ParquetFile, pa.NativeFile | None]:
    """A shard, and its bytes where it is a local file."""
    if not isinstance(shard, Path):
        return parquet(shard), None
    raw = pa.OSFile(str(shard))
    return pq.ParquetFile(raw, pre_buffer=False), raw


def _places(file: pq.ParquetFile, raw: pa.NativeFile, number: int, table: pa.Table) -> dict[str, NDArray[np.int64]]:
    """The places of images and maps of a row group, which is `table`; see `RowGroup`.

    Each value is compared with what lies there, so that nothing here depends on how Parquet divides a column into pages. A column that
    was written otherwise (compressed, say) is left out.
    """
    group = file.metadata.row_group(number)
    chunks = {chunk.path_in_schema: chunk for chunk in map(group.column, range(group.num_columns))}
    found = {}
    for name in _STORED:
        start = chunks[name].data_page_offset
        places = _find(raw.read_at(chunks[name].total_compressed_size, start), table.column(name), start)
        if places is not None:
            found[name] = places
    return found


def _find(chunk: bytes, column: pa.ChunkedArray, start: int) -> NDArray[np.int64] | None:
    """Where values lie that follow each other in a chunk, each after its length in four bytes; None: not so."""
    places, at = np.full((len(column), 2), -1, np.int64), 0
    for row, value in enumerate(item.as_py() for item in column):
        if value is None:
            continue
        at = chunk.find(len(value).to_bytes(4, "little") + value[:_PROBE], at) + 4
        if at < 4 or chunk[at : at + len(value)] != value:
            return None
        places[row] = start + at, len(value)
        at += len(value)
    return places


def _flat(column: pa.ChunkedArray) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """Values of a list column, (total,) or (total, 4), and the offsets of its rows."""
    lists = pa.concat_arrays(column.chunks)
    values = lists.values
    if pa.types.is_fixed_size_list(values.type):
        return values.flatten().to_numpy(zero_copy_only=False).reshape(-1, values.type.list_size), lists.offsets.to_numpy()
    return values.to_numpy(zero_copy_only=False), lists.offsets.to_numpy()


def _scan(shards: list[Place]) -> tuple[SampleIndex, list[str], list[tuple[int, int]], list[tuple[int, int]]]:
    """Read the small columns of every shard; also data sets, (first row, rows) and (shard, row group in it) of every row group."""
    groups: list[tuple[int, int]] = []
    places: list[tuple[int, int]] = []
    tables = []
    first = 0
    for number, path in enumerate(shards):
        with parquet(path) as file:
            schema.facts(file.schema_arrow, str(path))
            tables.append(file.read(columns=_INDEX))
            for group in range(file.metadata.num_row_groups):
                rows = file.metadata.row_group(group).num_rows
                groups.append((first, rows))
                places.append((number, group))
                first += rows
    return *_index(pa.concat_tables([table.replace_schema_metadata(None) for table in tables])), groups, places


def _index(table: pa.Table) -> tuple[SampleIndex, list[str]]:
    datasets = np.asarray(table.column("dataset").to_numpy(), str)
    sequences = np.asarray(table.column("sequence").to_numpy(), str)
    both = np.char.add(np.char.add(datasets, "/"), sequences)
    names, codes = np.unique(datasets, return_inverse=True)
    sequence = np.unique(both, return_inverse=True)[1].reshape(-1).astype(np.int32)
    index = SampleIndex(codes.reshape(-1).astype(np.int32), sequence, table.column("frame").to_numpy(), table.column("video").to_numpy())
    return index, names.tolist()


def partner_reach(index: SampleIndex, row_groups: list[tuple[int, int]], gap: int) -> int:
    """Most row groups between two frames of one sequence at most `gap` frames apart (1: the same or the next)."""
    group = np.repeat(np.arange(len(row_groups)), [rows for _, rows in row_groups])
    reach = 0
    for step in range(1, min(gap, len(group) - 1) + 1):
        near = (index.sequence[step:] == index.sequence[:-step]) & (index.frame[step:] - index.frame[:-step] <= gap) & index.video[step:]
        reach = max(reach, int((group[step:] - group[:-step])[near].max(initial=0)))
    return reach


class SampleWriter:
    """Writes one shard with row groups capped in bytes; use as a context manager.

    Rows are held back until two row groups are full, and what is left at the end is divided evenly, so that no group is a
    remainder of a few rows between a frame and its partner.

    Args:
        path: the shard.
        row_group_bytes: cap of a row group's images and maps; a single larger row is a group of its own.
        facts: stated in the file's metadata.
    """

    def __init__(self, path: Path, *, row_group_bytes: int, facts: dict[str, Any]) -> None:
        self.row_group_bytes = row_group_bytes
        self.schema = schema.stamp(schema.SAMPLES, **facts)
        names = ["dataset", "sequence"]
        self.writer = pq.ParquetWriter(path, self.schema, compression=_compression(self.schema), use_dictionary=names)
        self.waiting: list[dict[str, Any]] = []
        self.bytes = self.waiting_bytes = 0

    def __enter__(self) -> SampleWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            self._finish()
        self.writer.close()

    def add(self, row: dict[str, Any]) -> None:
        """Append a row of schema.SAMPLES."""
        self.waiting.append(row)
        self.bytes += row_bytes(row)
        self.waiting_bytes += row_bytes(row)
        while self.waiting_bytes > 2 * self.row_group_bytes and len(self.waiting) > 1:
            self._flush(max(1, _fitting(self.waiting, self.row_group_bytes)))

    def _finish(self) -> None:
        if self.waiting_bytes > self.row_group_bytes:
            self._flush(max(1, _fitting(self.waiting, min(self.waiting_bytes // 2, self.row_group_bytes))))
        while self.waiting:
            self._flush(max(1, _fitting(self.waiting, self.row_group_bytes)))

    def _flush(self, rows: int) -> None:
        group, self.waiting = self.waiting[:rows], self.waiting[rows:]
        self.waiting_bytes -= sum(map(row_bytes, group))
        self.writer.write_table(pa.Table.from_pylist(group, schema=self.schema), row_group_size=len(group))


def row_bytes(row: dict[str, Any]) -> int:
    """What a row counts against the caps: its image and its map."""
    return len(row["image"]) + len(row["depth"] or b"")


def _fitting(rows: list[dict[str, Any]], limit: int) -> int:
    """How many of the first rows stay within the limit."""
    return int(np.searchsorted(np.cumsum([row_bytes(row) for row in rows]), limit, side="right"))


def _compression(kind: pa.Schema) -> dict[str, str]:
    """JPEG and PNG are compressed already; the rest is compressed by zstd."""
    plain = {"image": "none", "depth": "none"}
    return {_leaf(name, column): plain.get(name, "zstd") for name, column in zip(kind.names, kind.types, strict=True)}


def _leaf(name: str, column: pa.DataType) -> str:
    """Parquet's name of a column's values."""
    if not pa.types.is_list(column):
        return name
    inner = ".list.element" if pa.types.is_fixed_size_list(column.value_type) else ""
    return f"{name}.list.element{inner}"
