"""Boxes that replace the network's own: another detector's, in MOTChallenge text, or the ground truth's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.files.frames import Objects
from pipeline.files.mot_text import read_exactly
from pipeline.params.classes import PEDESTRIANS, class_indices


class Given(NamedTuple):
    """The boxes of one frame.

    Attributes:
        boxes: (N, 4) float32, xyxy pixels of the picture.
        scores: (N,) float32 in [0, 1], descending.
        classes: (N,) int64, index into `pack_samples.classes`; None: all are of the only class.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    classes: NDArray[np.int64] | None = None

    @property
    def kinds(self) -> NDArray[np.int64]:
        """(N,) int64, the class of each box."""
        return np.zeros(len(self.boxes), np.int64) if self.classes is None else self.classes


def detection_file(pattern: str, *, data_root: str, root: Path, dataset: str, sequence: str) -> Path:
    """The file that `track.detections_files` names for a sequence, absolute; relative patterns start at the repository `root`."""
    for name, value in {"data_root": data_root, "dataset": dataset, "sequence": sequence}.items():
        pattern = pattern.replace(f"{{{name}}}", value)
    return Path(root, Path(pattern).expanduser()).resolve()


def read_detections(
    path: Path, frames: tuple[int, int], classes: Sequence[str] = PEDESTRIANS, remarks: list[str] | None = None
) -> dict[int, Given]:
    """Read a detector's file; a frame without rows is absent.

    Args:
        path: MOTChallenge text; ids mean nothing.
        frames: the sequence's first and last frame, inside which all rows must lie.
        classes: names of what is tracked. One: all rows are that. Several: column 8 is the class number of each row.
        remarks: where it is said what was assumed about the columns.

    Raises:
        UserError: the file is missing, or rows are broken, outside the frames, scored outside 0 to 1, or of a class that is not tracked
            (file:line).
    """
    found, _ = read_exactly(path, kind="detections", classes=len(classes) > 1, remarks=remarks)
    first, last = frames
    outside = (found.frame < first) | (found.frame > last)
    _refuse(
        path, found.line[outside], f"frame (column 1) is not of this sequence, which has {first} to {last}", "name this sequence's file"
    )
    unlike = (found.confidence < 0) | (found.confidence > 1)
    _refuse(
        path,
        found.line[unlike],
        "score (column 7) must lie in 0 to 1",
        "map the detector's scores to 0 to 1, which thresholds compare with",
    )
    kinds = class_indices(found.class_id, classes) if len(classes) > 1 else np.zeros(len(found.frame), np.int64)
    _refuse(
        path,
        found.line[kinds < 0],
        f"class (column 8) must be the number of {', '.join(classes)}",
        "state classes by the numbers of docs/data.md, and leave out what is not in pack_samples.classes",
    )
    if remarks is not None and len(classes) > 1 and len(kinds):
        counts = ", ".join(f"{count} {name}" for name, count in zip(classes, np.bincount(kinds, minlength=len(classes)), strict=True))
        remarks.append(f"{path}: column 8 is read as the class: {counts}")
    order = np.lexsort((-found.confidence, found.frame))  # stable: equal scores keep the file's order
    numbers, starts = np.unique(found.frame[order], return_index=True)
    columns = found.boxes[order], found.confidence[order], kinds[order]
    parts = zip(*(np.split(column, starts[1:]) for column in columns), strict=True)
    return {int(number): Given(*part) for number, part in zip(numbers, parts, strict=False)}


def oracle(objects: Objects, classes: Sequence[str] = PEDESTRIANS) -> Given:
    """Ground truth as if a detector had found it: score 1."""
    return Given(objects.boxes, np.ones(len(objects), np.float32), class_indices(objects.classes, classes))


def scored(objects: Objects, classes: Sequence[str] = PEDESTRIANS) -> Objects:
    """The known objects of tracked classes that scoring counts."""
    keep = (class_indices(objects.classes, classes) >= 0) & (objects.confidences > 0) & (objects.identities >= 0) & ~objects.ignores
    return objects.take(keep)


def _refuse(path: Path, lines: NDArray[np.int32], complaint: str, remedy: str) -> None:
    if len(lines):
        raise UserError(f"{path}:{lines[0]}: {complaint} ({len(lines)} such rows)\nnext: {remedy}")
