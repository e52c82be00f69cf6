"""Frames and depth to samples: what to pack, in which shards, and the work of one task.

The rows of all files, in order, are cut into units of about equal size, each the work of one Ray task. A unit crosses files where
sequences are short and divides them where they are long, so that neither a thousand tiny files nor one endless task comes about, and
its limits follow from the data alone: another number of machines gives the same bytes. A unit writes one shard, or more where it
proves larger than a shard may be.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline import depthmap, schema
from pipeline.depths import DepthRow, read_depths
from pipeline.errors import UserError
from pipeline.frames import Frame, decode_jpeg, encode_jpeg, read_frames
from pipeline.publish import Publication
from pipeline.samples import SampleWriter, row_bytes
from pipeline.store import Place, parquet

BYTES_PER_PIXEL = 0.6  # of a JPEG with its depth at quality 95, to size units before anything is encoded
UNITS = 16  # as many units at least, so that small sets still spread over a machine ...
SMALLEST_UNIT = 4_000_000  # ... unless they would fall below so many bytes
PEDESTRIAN = 1
# MOTChallenge's classes that look like people but are not scored: on a vehicle, sitting or lying, distractor, reflection
UNSCORED_PEOPLE = (2, 7, 8, 12)


@dataclass(frozen=True)
class Shape:
    """Sizes that packing needs.

    Attributes:
        width: images fit into width x height.
        height: see above.
        depth_stride: image pixels a cell of the depth map.
        jpeg_quality: of images that are made smaller.
        row_group_bytes: cap.
        shard_bytes: cap.
    """

    width: int
    height: int
    depth_stride: int
    jpeg_quality: int
    row_group_bytes: int
    shard_bytes: int


class Slice(NamedTuple):
    """Rows first to first + rows - 1 (from 0) of a frame file and its depth file."""

    frames: Place
    depths: Place
    first: int
    rows: int


@dataclass(frozen=True)
class Unit:
    """The work of one task; picklable.

    Attributes:
        kind: "stills" or "video": the folder of its shards.
        number: from 0, in row order.
        slices: what to pack, in row order.
        shape: sizes.
        publication: takes the shards.
    """

    kind: str
    number: int
    slices: tuple[Slice, ...]
    shape: Shape
    publication: Publication

    @property
    def rows(self) -> int:
        """Samples that it makes."""
        return sum(part.rows for part in self.slices)

    def shard(self, number: int) -> str:
        """Name of its shard; names sort in row order."""
        return f"{self.kind}/part-{self.number:05d}-{number:02d}.parquet"


def plan_units(kind: str, slices: Sequence[Slice], shape: Shape, publication: Publication) -> list[Unit]:
    """Cut the rows of `slices` into units of nearly equal numbers of rows."""
    rows = sum(part.rows for part in slices)
    if rows == 0:
        return []
    total = rows * shape.width * shape.height * BYTES_PER_PIXEL
    wanted = min(0.8 * shape.shard_bytes, max(total / UNITS, SMALLEST_UNIT))
    count = min(rows, max(1, round(total / wanted)))
    limits = [rows * number // count for number in range(count + 1)]
    return [Unit(kind, number, tuple(_cut(slices, *limits[number : number + 2])), shape, publication) for number in range(count)]


def pack_unit(unit: Unit) -> list[str]:
    """Write the shards of a unit that an earlier, killed run did not finish; returns the names of all of them.

    Raises:
        UserError: an image cannot be decoded, or frames and depth do not belong together.
    """
    names: list[str] = []
    packed = 0
    while packed < unit.rows:
        name = unit.shard(len(names))
        if not unit.publication.done(name):
            _write_shard(unit, name, packed)
        packed += parquet(unit.publication.path(name)).metadata.num_rows
        names.append(name)
    return names


def pack(frame: Frame, depth: DepthRow, shape: Shape, *, video: bool, where: str) -> dict[str, Any]:
    """One row of schema.SAMPLES.

    The image is made smaller to fit, never larger (the loader enlarges it as it augments): one that fits keeps its very bytes.

    Raises:
        UserError: the image or the map cannot be decoded.
    """
    width, height = fit(frame.width, frame.height, shape.width, shape.height)
    image = frame.image
    if (width, height) != (frame.width, frame.height):
        pixels = decode_jpeg(frame.image, where)
        small = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
        image = encode_jpeg(np.asarray(small, np.uint8), shape.jpeg_quality)
    scale = np.array([width / frame.width, height / frame.height] * 2, np.float32)
    codes = depthmap.decode_codes(depth.depth, f"{where}: depth")
    objects = {name: getattr(frame.objects, name).tolist() for name, _ in schema.OBJECTS}
    objects |= {"boxes": (frame.objects.boxes * scale).tolist(), "ignores": ignored(frame).tolist()}
    return {
        "dataset": frame.dataset,
        "sequence": frame.sequence,
        "frame": frame.frame,
        "video": video,
        "width": width,
        "height": height,
        "image": image,
        **objects,
        "depth": depthmap.encode_codes(
            depthmap.resize_codes(codes, *(max(1, round(side / shape.depth_stride)) for side in (width, height)))
        ),
        "depth_scale": depth.scale,
        "object_depths": depth.object_depths.tolist(),
    }


def fit(width: int, height: int, most_width: int, most_height: int) -> tuple[int, int]:
    """(width, height) of an image made to fit, aspect kept; unchanged when it fits."""
    factor = min(most_width / width, most_height / height, 1.0)
    return max(1, round(width * factor)), max(1, round(height * factor))


def ignored(frame: Frame) -> NDArray[np.bool_]:
    """(N,) bool: ignored regions, and people that the benchmark does not score. As in FairMOT objects are pedestrians with flag 1;
    what merely looks like one is no background either. Vehicles and occluders keep their class and are background."""
    objects = frame.objects
    unscored = (objects.classes == PEDESTRIAN) & (objects.confidences == 0)
    return np.asarray(objects.ignores | unscored | np.isin(objects.classes, UNSCORED_PEOPLE))


def _cut(slices: Sequence[Slice], first: int, last: int) -> Iterator[Slice]:
    """The parts of `slices` that hold rows first to last - 1 of them all."""
    start = 0
    for part in slices:
        low, high = max(first - start, 0), min(last - start, part.rows)
        if low < high:
            yield part._replace(first=part.first + low, rows=high - low)
        start += part.rows


def _write_shard(unit: Unit, name: str, packed: int) -> None:
    """Write one shard, from row `packed` of the unit until it ends or the shard is full."""
    facts = {"kind": unit.kind, "width": unit.shape.width, "height": unit.shape.height, "depth_stride": unit.shape.depth_stride}
    with unit.publication.write(name) as path, SampleWriter(path, row_group_bytes=unit.shape.row_group_bytes, facts=facts) as writer:
        for row in _rows(unit, packed):
            if writer.bytes and writer.bytes + row_bytes(row) > unit.shape.shard_bytes:
                break
            writer.add(row)


def _rows(unit: Unit, packed: int) -> Iterator[dict[str, Any]]:
    for part in _cut(unit.slices, packed, unit.rows):
        frames, depths = read_frames(part.frames, first=part.first), read_depths(part.depths, first=part.first)
        for _, frame, depth in zip(range(part.rows), frames, depths, strict=False):
            where = f"{part.frames}: frame {frame.frame}"
            if (frame.sequence, frame.frame, len(frame.objects)) != (depth.sequence, depth.frame, len(depth.object_depths)):
                raise UserError(f"{where}: {part.depths} was made for other frames\nnext: run `dvc repro label_depth`")
            yield pack(frame, depth, unit.shape, video=unit.kind == "video", where=where)
