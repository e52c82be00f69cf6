"""Sample sets to train from, of real frames and of drawn ones, made in this process without Ray."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from models.outrack.options import OutrackOptions
from pipeline import sources
from pipeline.artifacts.code import ROOT
from pipeline.artifacts.publication import Publication
from pipeline.errors import UserError
from pipeline.files import depth_codec
from pipeline.files.depths import DepthRow
from pipeline.files.frames import Frame
from pipeline.files.sample_writer import SampleWriter
from pipeline.packing.samples import Shape, pack
from pipeline.params import file as parameters
from pipeline.params import preset
from pipeline.params.sections import Params
from pipeline.params.sections.data import Source
from pipeline.sources.defects import Defects
from pipeline.walkers import tasks

MINI = "MOT17-mini"
DEPTH_SIZE, NEAR, FAR = 160, 2.0, 60.0  # longer side of a depth map in cells; metres at the lower and upper edge


def read_preset(name: str, changes: dict[str, dict[str, Any]] | None = None) -> Params:
    """A preset with some values of its sections replaced."""
    raw = preset.values(name)
    for section, values in (changes or {}).items():
        raw[section] |= values
    return parameters.validate(Params, raw, where=name)


def read_options(name: str) -> OutrackOptions:
    """The `model` section of a preset."""
    section = preset.values(name)["model"]
    return OutrackOptions.model_validate({key: value for key, value in section.items() if key != "name"})


def mot17_mini() -> Path:
    """Folder of 39 images of MOT17, in THROUGHLINE_DATA or else ../shared/datasets beside the repository.

    Raises:
        UserError: there is no such folder.
    """
    folder = Path(os.environ.get("THROUGHLINE_DATA", ROOT.parent / "shared" / "datasets")) / MINI
    if not folder.is_dir():
        raise UserError(f"{folder}: not there\nnext: set THROUGHLINE_DATA to the folder that holds {MINI}")
    return folder


def draw_walkers(params: Params, folder: Path, sequences: int, frames: int) -> Path:
    """Render sequences of the embedded data set; returns their folder, in MOTChallenge's layout."""
    publication = Publication(folder, "render_walkers", "0" * 64)
    section = params.render_walkers.model_copy(update={"sequences": sequences, "frames": frames})
    for number in range(1, sequences + 1):
        tasks.perform(tasks.Task(publication, section, params.base.seed, "sequence", number, frames))
    return Path(str(publication.path("sequences")))


def read_sequences(folder: Path) -> Iterator[Frame]:
    """All frames of the sequences of a folder in MOTChallenge's layout; rows of frames that are not there are left out."""
    source = Source(name="benchmark", kind="mot_challenge", root=str(folder), sequences=None, images_per_file=64)
    for sequence in sources.plan_one(source, folder, False).sequences:
        yield from sequence.read(92, Defects(folder, False))


def write_samples(folder: Path, params: Params, frames: Iterable[Frame], copies: int = 1) -> Path:
    """Pack frames as the pack_samples section of `params` says, in one shard, with depth of a plane; returns `folder`.

    Args:
        folder: folder that is made; it must not hold samples yet.
        params: a parameter file.
        frames: frames to pack, in order.
        copies: how often to write them all, each time as sequences of another name.
    """
    section = params.pack_samples
    group = int(section.row_group_kb * 1e3)
    shape = Shape(section.width, section.height, section.depth_stride, section.jpeg_quality, group, int(section.shard_mb * 1e6))
    facts = {"kind": "video", "width": shape.width, "height": shape.height, "depth_stride": shape.depth_stride}
    (folder / "benchmark").mkdir(parents=True)
    with SampleWriter(folder / "benchmark" / "all-00000.arrow", row_group_bytes=group, facts=facts) as writer:
        rows = [pack(frame, _plane(frame), shape, video=True, where=frame.sequence) for frame in frames]
        for copy in range(copies):
            for row in rows:
                writer.add(row | {"sequence": f"{row['sequence']}-{copy}"})
    return folder


def _plane(frame: Frame) -> DepthRow:
    width, height = depth_codec.map_size(frame.width, frame.height, DEPTH_SIZE)
    depth = np.repeat(np.linspace(FAR, NEAR, height, dtype=np.float32)[:, None], width, axis=1)
    png, scale = depth_codec.encode(depth)
    unknown = np.zeros(len(frame.objects), np.float32)
    return DepthRow(frame.dataset, frame.sequence, frame.frame, png, scale, unknown)
