"""What training reads: shards of samples (Arrow files), opened lazily, read where they lie.

Rows lie in the order dataset, sequence, frame, so that the partner of a frame is in the same or the next row group. A row group is one
record batch. Those of local files are mapped, so that the system's own cache of files, which all processes share, holds images and maps;
those from a URL are read whole, with one request each, and a small cache keeps them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.artifacts.store import Place, filesystem
from pipeline.errors import UserError
from pipeline.files import schema

CACHE_BYTES = 64 * 1024**2
READERS = 64  # shards kept open, so that a set of thousands needs no more files at once than a system allows
THREADS = 16  # shards at a URL whose small columns are read side by side
COLUMNS = ["dataset", "sequence", "frame", "video", "width", "height", "image", "boxes", "identities", "classes"]
COLUMNS += ["visibilities", "ignores", "depth", "depth_scale"]
_EXTRA = ("masks", "keypoints")  # lists that only some shards have
_LISTS = ("boxes", "identities", "classes", "visibilities", "ignores")
_STORED = ("image", "depth")
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
        classes: (N,) int32, numbers of `pipeline.params.classes` (1 pedestrian).
        visibilities: (N,) float32 in [0, 1].
        ignores: (N,) bool, neither object nor background.
        depth: 16-bit PNG at 1/depth_stride of `image` (`depth_codec.decode`), None without labels.
        depth_scale: depth of one code, 0.0 without labels.
        masks: (N,) str, COCO's run lengths in pixels of `image`, or None where an object has none; None: the shard carries none.
        keypoints: (N, K, 3) float32, x and y in pixels of `image` and whether the joint is labelled (above 0); None: the shard has none.
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
    masks: NDArray[np.object_] | None = None
    keypoints: NDArray[np.float32] | None = None


class SampleIndex(NamedTuple):
    """Where each row comes from; every array has one entry per row.

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
        folder: holds <data set>/<sequence>-<number>.arrow (data/samples/stills or video).
        cache_bytes: size of the cache of row groups. Of mapped row groups it holds the labels, of others the images as well; at least the
            last row group that was read is kept.

    Attributes:
        index: where each row comes from.
        row_groups: (first row, rows) of every row group, in row order.
        datasets: names of the data sets, by their code in `index`.

    Raises:
        UserError: the folder holds no shards, or one of another version.
    """

    def __init__(self, folder: Place, *, cache_bytes: int = CACHE_BYTES) -> None:
        self.folder, self.cache_bytes = folder, cache_bytes
        self.shards: list[Place] = sorted(folder.glob("*/*.arrow"), key=lambda path: (path.parent.name, *path.stem.rpartition("-")))
        if not self.shards:
            raise UserError(
                f"{folder}: holds no samples (*/*.arrow)\nnext: run `dvc repro pack_samples`; check pack_samples.stills and videos"
            )
        found = read_columns(self.shards, _INDEX)
        self.index, self.datasets = _index(pa.Table.from_batches([batch for batches in found for batch in batches]))
        self._places = [(shard, group) for shard, batches in enumerate(found) for group in range(len(batches))]
        rows = [batch.num_rows for batches in found for batch in batches]
        self._starts = np.cumsum([0, *rows])[:-1]
        self.row_groups: list[tuple[int, int]] = list(zip(self._starts.tolist(), rows, strict=True))
        self._forget()

    def __len__(self) -> int:
        return len(self.index.frame)

    def row(self, index: int) -> Sample:
        """The sample of row `index`, 0 <= index < len.

        Raises:
            IndexError: there is no such row.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"row {index} of {len(self)}")
        group = int(np.searchsorted(self._starts, index, side="right")) - 1
        return self._group(group).sample(index - int(self._starts[group]))

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key not in ("_readers", "_cache", "_cached_bytes")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._forget()

    def _forget(self) -> None:
        self._readers: OrderedDict[int, pa.RecordBatchFileReader] = OrderedDict()
        self._cache: OrderedDict[int, RowGroup] = OrderedDict()
        self._cached_bytes = 0

    def _group(self, group: int) -> RowGroup:
        if group in self._cache:
            self._cache.move_to_end(group)
            return self._cache[group]
        shard, number = self._places[group]
        found = RowGroup(self._reader(shard).get_batch(number), mapped=isinstance(self.shards[shard], Path))
        self._cache[group] = found
        self._cached_bytes += found.bytes
        while self._cached_bytes > self.cache_bytes and len(self._cache) > 1:
            self._cached_bytes -= self._cache.popitem(last=False)[1].bytes
        return found

    def _reader(self, shard: int) -> pa.RecordBatchFileReader:
        if shard not in self._readers:
            self._readers[shard] = open_shard(self.shards[shard])
        self._readers.move_to_end(shard)
        if len(self._readers) > READERS:
            self._readers.popitem(last=False)
        return self._readers[shard]


class RowGroup:
    """Rows in memory: Arrow columns, and the object lists as flat arrays with offsets.

    Args:
        batch: some rows with `COLUMNS` at least, of a shard of `schema.samples`.
        mapped: its images and maps are pages of a file, which cost no memory.
    """

    def __init__(self, batch: pa.RecordBatch, *, mapped: bool = False) -> None:
        self.columns = {name: batch.column(name) for name in COLUMNS if name not in _LISTS}
        extra = [name for name in _EXTRA if name in batch.schema.names]
        self.lists = {name: _flat(batch.column(name)) for name in (*_LISTS, *extra)}
        self.bytes = sum(batch.column(name).nbytes for name in (*COLUMNS, *extra) if not (mapped and name in _STORED))

    def sample(self, row: int) -> Sample:
        """One of the rows."""
        plain = {name: column[row].as_py() for name, column in self.columns.items()}
        objects: dict[str, Any] = {name: values[offsets[row] : offsets[row + 1]].copy() for name, (values, offsets) in self.lists.items()}
        if "keypoints" in objects:
            objects["keypoints"] = objects["keypoints"].reshape(len(objects["keypoints"]), -1, 3)
        return Sample(**(plain | {"depth_scale": plain["depth_scale"] or 0.0}), **objects)


def open_shard(path: Place, columns: Sequence[str] | None = None) -> pa.RecordBatchFileReader:
    """Open a shard to read its record batches: mapped where it is a local file.

    Args:
        path: the shard.
        columns: what its batches shall hold at least, so that no more is fetched from a URL; None: all.

    Raises:
        UserError: it is not Arrow, not ours, or of another version.
    """
    source = pa.memory_map(str(path)) if isinstance(path, Path) else filesystem(path).open(path.path, "rb", cache_type="none")
    try:
        reader = pa.ipc.open_file(source)
        schema.facts(reader.schema, str(path))
        if columns is None or isinstance(path, Path):  # of a mapped file Arrow would copy the columns, and set aside room for all of them
            return reader
        fields = sorted(map(reader.schema.get_field_index, columns))
        return pa.ipc.open_file(source, options=pa.ipc.IpcReadOptions(included_fields=fields))
    except pa.ArrowInvalid as error:
        raise UserError(f"{path}: not a readable Arrow file ({error})\nnext: delete it and run `dvc repro pack_samples`") from None


def read_columns(shards: Sequence[Place], columns: Sequence[str]) -> list[list[pa.RecordBatch]]:
    """Some columns of every row group of every shard, without their metadata; from a URL many shards at once.

    Raises:
        UserError: see `open_shard`.
    """

    def read(path: Place) -> list[pa.RecordBatch]:
        reader = open_shard(path, columns)
        batches = map(reader.get_batch, range(reader.num_record_batches))
        return [batch.select(list(columns)).replace_schema_metadata(None) for batch in batches]

    with ThreadPoolExecutor(THREADS) as threads:
        return list(map(read, shards) if isinstance(shards[0], Path) else threads.map(read, shards))


def _flat(lists: pa.ListArray) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """Values of a list column, (total,) or (total, 4), and the offsets of its rows."""
    values = lists.values
    if pa.types.is_fixed_size_list(values.type):
        return values.flatten().to_numpy(zero_copy_only=False).reshape(-1, values.type.list_size), lists.offsets.to_numpy()
    return values.to_numpy(zero_copy_only=False), lists.offsets.to_numpy()


def partner_reach(index: SampleIndex, row_groups: list[tuple[int, int]], gap: int) -> int:
    """Largest distance, in row groups, between two frames of one sequence at most `gap` frames apart (0: all lie in the same one)."""
    group = np.repeat(np.arange(len(row_groups)), [rows for _, rows in row_groups])
    reach = 0
    for step in range(1, min(gap, len(group) - 1) + 1):
        near = (index.sequence[step:] == index.sequence[:-step]) & (index.frame[step:] - index.frame[:-step] <= gap) & index.video[step:]
        reach = max(reach, int((group[step:] - group[:-step])[near].max(initial=0)))
    return reach


def _index(table: pa.Table) -> tuple[SampleIndex, list[str]]:
    datasets = np.asarray(table.column("dataset").to_numpy(), str)
    sequences = np.asarray(table.column("sequence").to_numpy(), str)
    both = np.char.add(np.char.add(datasets, "/"), sequences)
    names, codes = np.unique(datasets, return_inverse=True)
    sequence = np.unique(both, return_inverse=True)[1].reshape(-1).astype(np.int32)
    index = SampleIndex(codes.reshape(-1).astype(np.int32), sequence, table.column("frame").to_numpy(), table.column("video").to_numpy())
    return index, names.tolist()
