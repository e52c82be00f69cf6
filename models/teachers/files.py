"""Depth that comes with a data set: one picture per frame beside it, found by a pattern.

`label_depth.files_pattern` may hold {root} (the source's folder), {dataset}, {sequence}, {frame} (a number: {frame:06d}) and {image} (the
name of the frame's own file without its ending; stills are found by it). A picture is a 16-bit PNG of one channel, 0 = unknown; depth =
code * scale, where scale stands in a file scale.txt beside the pictures (1.0 without it). Frames without a picture are unknown.
"""

from __future__ import annotations

import string
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.artifacts.store import Place, place
from pipeline.errors import UserError
from pipeline.files import depth_codec
from pipeline.files.depth_pictures import read_picture
from pipeline.files.frames import Frame, frame_facts, read_frames
from pipeline.labelling.backend import FrameDepth, Labels, object_depths
from pipeline.labelling.folders import Folder
from pipeline.params.sections.data import LabelDepth

PATTERN = "{root}/{sequence}/depth/{frame:06d}.png"
FIELDS = {"root", "dataset", "sequence", "frame", "image"}
_NAMES = ["dataset", "sequence", "frame"]
_COLUMNS = ["dataset", "sequence", "frame", "width", "height", "boxes"]


@dataclass(frozen=True)
class DepthFiles:
    """The backend.

    Attributes:
        pattern: path of a picture, with the fields that the module's text lists.
        folders: data set -> where it lies.
        size: longest side of the maps, pixels; smaller pictures are kept as they are.
        inverse: whether pictures hold 1 / depth.
    """

    pattern: str
    folders: dict[str, Folder]
    size: int
    inverse: bool

    def label(self, frames: Place) -> Labels:
        """Read the pictures of one frame file.

        Raises:
            UserError: not one of the file's frames has a picture, or a picture cannot be read.
        """
        paths = self._paths(frames)
        found = sum(path.is_file() for path in paths)
        if paths and not found:
            raise UserError(
                f"{paths[0]}: no such depth picture, nor for any other frame of {frames.stem}\nnext: correct label_depth.files_pattern"
            )
        return Labels(self._read(frames, paths), {"pictures": found})

    def pictures(self, frames: Place) -> list[Place]:
        """The pictures of a frame file's frames that exist."""
        return [path for path in self._paths(frames) if path.is_file()]

    def check(self) -> dict[str, str]:
        """There is nothing to check beforehand, and nothing to report: an empty dict."""
        return {}

    def path(self, row: Frame, image: str | None) -> Place:
        """Where the picture of a frame should lie.

        Args:
            row: the frame.
            image: name of the frame's own file without its ending; None: the frame's number in six digits.
        """
        values = {
            "root": self.folders[row.dataset].path,
            "dataset": row.dataset,
            "sequence": row.sequence,
            "frame": row.frame,
            "image": image or f"{row.frame:06d}",
        }
        return place(self.pattern.format(**values))

    def _paths(self, frames: Place) -> list[Place]:
        rows = list(read_frames(frames, _NAMES))
        names = self._images(frame_facts(frames), [row.frame for row in rows])
        return [self.path(row, name) for row, name in zip(rows, names, strict=True)]

    def _images(self, facts: dict[str, Any], frames: list[int]) -> list[str | None]:
        if "{image" not in self.pattern:
            return [None] * len(frames)
        return self.folders[facts["dataset"]].images(facts, frames)

    def _read(self, frames: Place, paths: list[Place]) -> Iterator[FrameDepth]:
        for row, path in zip(read_frames(frames, _COLUMNS), paths, strict=True):
            columns, lines = depth_codec.map_size(row.width, row.height, self.size)
            if not path.is_file():
                yield FrameDepth(np.zeros((lines, columns), np.float32), np.zeros(len(row.objects), np.float32), 1.0)
                continue
            depth, scale = read_picture(path, inverse=self.inverse)
            if depth.shape[0] > lines or depth.shape[1] > columns:
                depth = depth_codec.resize_depth(depth, columns, lines)
            yield FrameDepth(depth, object_depths(depth, row.objects.boxes, row.width, row.height), scale)


def build(params: LabelDepth, folders: dict[str, Folder]) -> DepthFiles:
    """Make the backend from its parameters.

    Raises:
        UserError: the pattern holds an unknown field, or cannot tell frames apart.
    """
    check_pattern(params.files_pattern)
    return DepthFiles(pattern=params.files_pattern, folders=folders, size=params.map_size, inverse=params.inverse)


def check_pattern(pattern: str) -> None:
    """Refuse a pattern that no file could be found by.

    Raises:
        UserError: names the field and says which are allowed.
    """
    key, allowed = "label_depth.files_pattern", ", ".join(f"{{{name}}}" for name in sorted(FIELDS))
    try:
        used = {name for _, name, _, _ in string.Formatter().parse(pattern) if name is not None}
        unknown = used - FIELDS
        if not unknown:
            pattern.format(root="root", dataset="dataset", sequence="sequence", frame=1, image="image")
    except ValueError as error:
        raise UserError(f"{key}: {pattern!r} cannot be filled in ({error}); allowed are {allowed}\nnext: for example {PATTERN}") from None
    if unknown:
        raise UserError(
            f"{key}: unknown field {', '.join(sorted(unknown))} in {pattern!r}; allowed are {allowed}\nnext: for example {PATTERN}"
        )
    if not used & {"frame", "image"}:
        raise UserError(f"{key}: {pattern!r} names the same file for every frame\nnext: add {{frame:06d}} or {{image}}")
