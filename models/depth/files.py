"""Depth that comes with a data set: one picture a frame beside it, found by a pattern.

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
from numpy.typing import NDArray

from models.depth import FrameDepth, Labels, object_depths
from models.depth.folders import Folder
from pipeline import depthmap
from pipeline.errors import UserError
from pipeline.frames import Frame, frame_facts, read_frames
from pipeline.sections.data import LabelDepth
from pipeline.store import Place, place

PATTERN = "{root}/{sequence}/depth/{frame:06d}.png"
FIELDS = {"root", "dataset", "sequence", "frame", "image"}
SCALE_FILE = "scale.txt"
_NAMES = ["dataset", "sequence", "frame"]
_COLUMNS = ["dataset", "sequence", "frame", "width", "height", "boxes"]


@dataclass(frozen=True)
class DepthFiles:
    """The backend.

    Attributes:
        pattern: see above.
        folders: data set -> where it lies.
        size: longest side of the maps, pixels; smaller pictures are kept as they are.
        inverse: pictures hold 1 / depth.
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
        """The pictures that are there."""
        return [path for path in self._paths(frames) if path.is_file()]

    def check(self) -> dict[str, str]:
        """Nothing to check, nothing to tell."""
        return {}

    def path(self, row: Frame, image: str | None) -> Place:
        """Where the picture of a frame should lie."""
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
            columns, lines = depthmap.map_size(row.width, row.height, self.size)
            if not path.is_file():
                yield FrameDepth(np.zeros((lines, columns), np.float32), np.zeros(len(row.objects), np.float32), 1.0)
                continue
            depth, scale = read_picture(path, inverse=self.inverse)
            if depth.shape[0] > lines or depth.shape[1] > columns:
                depth = depthmap.resize_depth(depth, columns, lines)
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


def read_picture(path: Place, *, inverse: bool = False) -> tuple[NDArray[np.float32], float]:
    """A picture as (h, w) float32 depth, 0 unknown, and the depth of one code.

    Raises:
        UserError: the picture or its scale cannot be read.
    """
    scale = read_scale(path.parent)
    codes = depthmap.decode_codes(path.read_bytes(), str(path))
    if not inverse:
        return codes.astype(np.float32) * np.float32(scale), scale
    known = codes > 0
    depth = np.zeros(codes.shape, np.float32)
    depth[known] = 1 / (codes[known].astype(np.float32) * np.float32(scale))
    # the farthest that a code can say, 1 / scale, gets the largest code: the same in every picture of the folder
    return depth, 1 / (scale * depthmap.LARGEST_CODE)


def read_scale(folder: Place) -> float:
    """Depth of one code: the number in scale.txt, 1.0 without that file.

    Raises:
        UserError: scale.txt is no number above 0.
    """
    path = folder / SCALE_FILE
    if not path.is_file():
        return 1.0
    text = path.read_text().strip()
    try:
        scale = float(text)
    except ValueError:
        scale = 0.0
    if not 0 < scale < float("inf"):
        raise UserError(f"{path}:1: {text[:80]!r} is not a number above 0\nnext: write the depth of one code there, for example 0.001")
    return scale
