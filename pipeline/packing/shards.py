"""Shards of samples, each the work of one task: one for each sequence of a video or part of the stills, several where it is long.

Where a shard begins and ends follows from its own sequence alone, so that one that comes, goes or changes has its own shards written and
no others, and another number of machines gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import Any, NamedTuple

from pipeline.artifacts import reuse
from pipeline.artifacts.publication import Publication
from pipeline.artifacts.reuse import Part
from pipeline.artifacts.store import Place
from pipeline.errors import UserError
from pipeline.files.depths import read_depths
from pipeline.files.frames import frame_extras, read_frames
from pipeline.files.sample_writer import SampleWriter
from pipeline.files.schema import Extras
from pipeline.packing.samples import Shape, pack
from pipeline.params.file import digest

BYTES_PER_PIXEL = 0.6  # of a JPEG with its depth at quality 95, to size shards before anything is encoded


class Source(NamedTuple):
    """What a sequence is packed from.

    Attributes:
        frames: the frame file.
        depths: its depth file.
        rows: how many of its first rows are packed.
        made_from: digest of the contents of both files.
    """

    frames: Place
    depths: Place
    rows: int
    made_from: str = ""


@dataclass(frozen=True)
class Shard:
    """The work of one task; picklable.

    Attributes:
        kind: "stills" or "video": the folder that it lies in.
        source: what it is packed from.
        number: from 0 within the sequence.
        first: its first row in the frame file, from 0.
        rows: how many it packs.
        shape: sizes.
        publication: takes the shard.
        code: digest of the code that packs.
    """

    kind: str
    source: Source
    number: int
    first: int
    rows: int
    shape: Shape
    publication: Publication
    code: str = ""

    @property
    def name(self) -> str:
        """Of its file, within the published folder."""
        frames = self.source.frames
        return f"{self.kind}/{frames.parent.name}/{frames.stem}-{self.number:05d}.arrow"

    @property
    def key(self) -> str:
        """Digest of all that decides its bytes."""
        return digest(self.code, self.kind, vars(self.shape), self.source.made_from, self.first, self.rows)

    def settled(self, known: Mapping[str, Part]) -> bool:
        """Whether it is there, made by this attempt or taken over from an earlier one."""
        return reuse.settled(self.publication, self.name, self.key, known)


def plan_shards(kind: str, sources: Sequence[Source], shape: Shape, publication: Publication, code: str = "") -> list[Shard]:
    """The shards of all sequences, each sequence divided evenly where it would be larger than `shape.shard_bytes`, as estimated."""
    most = max(1, int(shape.shard_bytes / (shape.width * shape.height * BYTES_PER_PIXEL)))
    found = []
    for source in sources:
        count = -(-source.rows // most)
        for number in range(count):
            first, last = (source.rows * place // count for place in (number, number + 1))
            found.append(Shard(kind, source, number, first, last - first, shape, publication, code))
    return found


def write_shard(shard: Shard) -> None:
    """Pack a shard, unless it is there. Its manifest entry states its rows, and its first and last frame.

    Raises:
        UserError: an image cannot be decoded, or frames and depth do not belong together.
    """
    if shard.settled({}):
        return
    shape, made_from = shard.shape, {"key": shard.key, "rows": shard.rows}  # type: Shape, dict[str, Any]
    facts = {"kind": shard.kind, "width": shape.width, "height": shape.height, "depth_stride": shape.depth_stride}
    extras = shape.carried(frame_extras(shard.source.frames))
    with (
        shard.publication.write(shard.name, made_from) as path,
        SampleWriter(path, row_group_bytes=shape.row_group_bytes, facts=facts, extras=extras) as writer,
    ):
        for row in _rows(shard, extras):
            writer.add(row)
            made_from["frames"] = [made_from.get("frames", [row["frame"]])[0], row["frame"]]


def _rows(shard: Shard, extras: Extras) -> Iterator[dict[str, Any]]:
    source, video = shard.source, shard.kind == "video"
    frames = islice(read_frames(source.frames, first=shard.first), shard.rows)
    depths = islice(read_depths(source.depths, first=shard.first), shard.rows)
    for frame, depth in zip_longest(frames, depths):
        where = f"{source.frames}: frame {frame.frame}"
        if depth is None or (frame.sequence, frame.frame, len(frame.objects)) != (depth.sequence, depth.frame, len(depth.object_depths)):
            raise UserError(f"{where}: {source.depths} was made for other frames\nnext: run `dvc repro label_depth`")
        yield pack(frame, depth, shard.shape, video=video, where=where, extras=extras)
