"""Frames and depth to samples: the work of one task.

The rows of all files, in order, are shared out among units (`shares`), each the work of one Ray task. Their limits follow from the data
alone: another number of machines gives the same bytes. A unit writes one shard, or more where it proves larger than a shard may be. Rows
that an earlier run packed of the same frames are taken from its shards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.artifacts import reuse
from pipeline.artifacts.publication import Publication
from pipeline.artifacts.reuse import Part
from pipeline.artifacts.store import Place, parquet
from pipeline.errors import UserError
from pipeline.files import depth_codec, schema
from pipeline.files.depths import DepthRow, read_depths
from pipeline.files.frames import Frame, decode_jpeg, encode_jpeg, read_frames
from pipeline.files.sample_store import SampleWriter, row_bytes
from pipeline.packing.reuse import packed_before
from pipeline.packing.shards import Slice, cut, shared
from pipeline.params.file import digest

BYTES_PER_PIXEL = 0.6  # of a JPEG with its depth at quality 95, to size units before anything is encoded
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


@dataclass(frozen=True)
class Unit:
    """The work of one task; picklable.

    Attributes:
        kind: "stills" or "video": the folder of its shards.
        number: from 0, in row order.
        slices: what to pack, in row order.
        shape: sizes.
        publication: takes the shards.
        code: digest of the code that packs.
        known: shards of earlier runs, by the key of the sequences whose rows they hold.
    """

    kind: str
    number: int
    slices: tuple[Slice, ...]
    shape: Shape
    publication: Publication
    code: str = ""
    known: Mapping[str, tuple[Place, ...]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Samples that it makes."""
        return sum(part.rows for part in self.slices)

    def shard(self, number: int) -> str:
        """Name of its shard; names sort in row order."""
        return f"{self.kind}/part-{self.number:05d}-{number:02d}.parquet"

    def key(self, number: int) -> str:
        """Digest of all that decides the bytes of its shard."""
        return digest(self.code, self.kind, vars(self.shape), [part[2:] for part in self.slices], number)

    def rows_key(self, part: Slice) -> str:
        """Digest of all that decides a row of a sequence, wherever it comes to lie."""
        sizes = self.shape.width, self.shape.height, self.shape.depth_stride, self.shape.jpeg_quality
        return digest(self.code, self.kind, sizes, part.made_from)

    def settled(self, known: Mapping[str, Part]) -> bool:
        """Whether all its shards are there, made by this attempt or taken over from earlier ones."""
        packed = number = 0
        while packed < self.rows:
            if not reuse.settled(self.publication, self.shard(number), self.key(number), known):
                return False
            packed, number = packed + _shard_rows(self, number), number + 1
        return True


def plan_units(kind: str, slices: Sequence[Slice], shape: Shape, publication: Publication, code: str = "") -> list[Unit]:
    """Share out the rows of `slices`."""
    shares = shared(slices, row_bytes=shape.width * shape.height * BYTES_PER_PIXEL, shard_bytes=shape.shard_bytes)
    sizes = replace(shape, shard_bytes=shape.shard_bytes * shares.growth)
    return [Unit(kind, number, part, sizes, publication, code) for number, part in enumerate(shares.slices)]


def pending(units: Sequence[Unit], found: list[Part]) -> list[Unit]:
    """The units that are left when shards of earlier runs were taken over, each with the shards that hold rows of its sequences."""
    keys, holders = reuse.by_key(found), dict[str, tuple[Place, ...]]()
    for part in found:
        for key in part.made_from.get("rows", ()):
            holders[key] = (*holders.get(key, ()), part.path)
    left = [unit for unit in units if not unit.settled(keys)]
    wanted = [[unit.rows_key(part) for part in unit.slices] for unit in left]
    return [replace(unit, known={key: holders[key] for key in names if key in holders}) for unit, names in zip(left, wanted, strict=True)]


def pack_unit(unit: Unit) -> list[str]:
    """Write the shards of a unit that are not there; returns the names of all of them.

    Raises:
        UserError: an image cannot be decoded, or frames and depth do not belong together.
    """
    names: list[str] = []
    packed = 0
    while packed < unit.rows:
        name, key = unit.shard(len(names)), unit.key(len(names))
        if not reuse.settled(unit.publication, name, key, {}):
            _write_shard(unit, name, key, packed)
        packed += _shard_rows(unit, len(names))
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
    codes = depth_codec.decode_codes(depth.depth, f"{where}: depth")
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
        "depth": depth_codec.encode_codes(
            depth_codec.resize_codes(codes, *(max(1, round(side / shape.depth_stride)) for side in (width, height)))
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


def _shard_rows(unit: Unit, number: int) -> int:
    return int(parquet(unit.publication.path(unit.shard(number))).metadata.num_rows)


def _write_shard(unit: Unit, name: str, key: str, packed: int) -> None:
    """Write one shard, from row `packed` of the unit until it ends or the shard is full."""
    facts = {"kind": unit.kind, "width": unit.shape.width, "height": unit.shape.height, "depth_stride": unit.shape.depth_stride}
    made_from: dict[str, Any] = {"key": key, "rows": []}
    with (
        unit.publication.write(name, made_from) as path,
        SampleWriter(path, row_group_bytes=unit.shape.row_group_bytes, facts=facts) as writer,
    ):
        for origin, row in _rows(unit, packed):
            if writer.bytes and writer.bytes + row_bytes(row) > unit.shape.shard_bytes:
                break
            writer.add(row)
            if made_from["rows"][-1:] != [origin]:
                made_from["rows"].append(origin)


def _rows(unit: Unit, packed: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """The unit's rows from row `packed` on, each with the key of its sequence."""
    for part in cut(unit.slices, packed, unit.rows):
        key = unit.rows_key(part)
        before = packed_before(part, unit.known.get(key, ()))
        yield from ((key, row) for row in (_packed(unit, part) if before is None else before))


def _packed(unit: Unit, part: Slice) -> Iterator[dict[str, Any]]:
    frames, depths = read_frames(part.frames, first=part.first), read_depths(part.depths, first=part.first)
    for _, frame, depth in zip(range(part.rows), frames, depths, strict=False):
        where = f"{part.frames}: frame {frame.frame}"
        if (frame.sequence, frame.frame, len(frame.objects)) != (depth.sequence, depth.frame, len(depth.object_depths)):
            raise UserError(f"{where}: {part.depths} was made for other frames\nnext: run `dvc repro label_depth`")
        yield pack(frame, depth, unit.shape, video=unit.kind == "video", where=where)
