"""One frame file to one depth file: what a process of `label_depth` does, again and again."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.artifacts.publication import Publication
from pipeline.artifacts.store import Place
from pipeline.files import depth_codec, depth_pictures
from pipeline.files.depths import DepthRow, DepthWriter
from pipeline.files.frames import Frame, frame_facts, read_frames
from pipeline.labelling.accuracy import Accuracy, truth_pictures
from pipeline.labelling.backend import DepthBackend, FrameDepth
from pipeline.labelling.folders import Folder
from pipeline.params.classes import PEDESTRIANS

MEASURED = 60  # frames of a file that are compared with the truth, taken evenly
_COLUMNS = ["dataset", "sequence", "frame", "width", "height", "boxes", "classes", "visibilities", "ignores"]


@dataclass(frozen=True)
class LabelTask:
    """A frame file to label; picklable.

    Attributes:
        backend: how.
        frames: the frame file.
        folder: of its data set, where the truth may lie.
        publication: takes the depth file.
        name: of the depth file in it.
        count: frames in the file.
        key: digest of all that decides the depth file's bytes; None where something is read that has no name.
        classes: names of what is tracked, whose depth is compared with the truth.
    """

    backend: DepthBackend
    frames: Place
    folder: Folder
    publication: Publication
    name: str
    count: int
    key: str | None = None
    classes: tuple[str, ...] = PEDESTRIANS

    def truth(self, facts: dict[str, Any]) -> dict[int, Place]:
        """Pictures of the true depth of frames taken evenly, by number; `facts` are the frame file's."""
        numbers = [row.frame for row in read_frames(self.frames, ["frame"])]
        return truth_pictures(self.folder, facts, numbers[:: max(1, -(-self.count // MEASURED))])

    def pictures(self) -> list[Place]:
        """Files besides the frame file that the label is made from or compared with."""
        found = [*self.backend.pictures(self.frames), *self.truth(frame_facts(self.frames)).values()]
        return found + [scale for folder in {path.parent for path in found} if (scale := folder / depth_pictures.SCALE_FILE).is_file()]


@dataclass(frozen=True)
class Speed:
    """How long a file took.

    Attributes:
        frames: labelled.
        began: when, seconds.
        ended: when, on the same clock.
        model_seconds: the network's forward passes; 0 without a network.
        batch_size: frames in a pass; 0 without a network.
        process: which did it; a process may do two files at a time.
    """

    frames: int
    began: float
    ended: float
    model_seconds: float
    batch_size: int
    process: str


def rates(speeds: Sequence[Speed]) -> dict[str, float]:
    """Frames per second of a process, and of its network alone, and the part of its time that this computes.

    Args:
        speeds: of files, at least one. A process's time is that from its first file's beginning to its last one's end.

    Returns:
        `task_frames_per_second`; with a network also `model_frames_per_second`, `model_share` and `batch_size`, the smallest.
    """
    frames, computed = sum(item.frames for item in speeds), sum(item.model_seconds for item in speeds)
    processes = {item.process: [other for other in speeds if other.process == item.process] for item in speeds}
    spent = sum(max(item.ended for item in found) - min(item.began for item in found) for found in processes.values())
    numbers = {"task_frames_per_second": frames / spent}
    if computed:
        sizes = [item.batch_size for item in speeds if item.batch_size]
        numbers |= {"model_frames_per_second": frames / computed, "model_share": computed / spent, "batch_size": float(min(sizes))}
    return numbers


def label_file(task: LabelTask) -> Speed:
    """Write the depth file of one frame file.

    Raises:
        UserError: the backend cannot label it.
    """
    began = time.time()
    facts = frame_facts(task.frames)
    labels, accuracy, truth = task.backend.label(task.frames), Accuracy(task.classes), task.truth(facts)
    stated: dict[str, Any] = {key: facts[key] for key in ("dataset", "sequence", "kind")}
    made_from = {"key": task.key} if task.key else None
    with task.publication.write(task.name, made_from) as path, DepthWriter(path, stated | labels.facts) as writer:
        for row, label in zip(read_frames(task.frames, _COLUMNS), labels.frames, strict=True):
            writer.write(_row(row, label))
            if row.frame in truth:
                accuracy.add(row, label, depth_pictures.read_picture(truth[row.frame])[0])
        writer.summary |= {"errors": accuracy.errors()} | labels.ending
    process = f"{socket.gethostname()} {os.getpid()}"
    return Speed(task.count, began, time.time(), labels.clock.seconds, labels.clock.batch, process)


def _row(row: Frame, label: FrameDepth) -> DepthRow:
    png, scale = depth_codec.encode(label.depth, label.scale)
    return DepthRow(row.dataset, row.sequence, row.frame, png, scale, label.objects)
