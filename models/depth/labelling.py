"""One frame file to one depth file: the Ray task of `label_depth`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.depth import DepthBackend, FrameDepth, files
from models.depth.accuracy import Accuracy, truth_picture
from models.depth.folders import Folder
from pipeline import depthmap
from pipeline.depths import DepthRow, DepthWriter
from pipeline.frames import Frame, frame_facts, read_frames
from pipeline.publish import Publication

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
    """

    backend: DepthBackend
    frames: Path
    folder: Folder
    publication: Publication
    name: str
    count: int


@dataclass(frozen=True)
class Speed:
    """How long a file took.

    Attributes:
        frames: labelled.
        seconds: in all.
        model_seconds: of these, the network's forward passes; 0 without a network.
    """

    frames: int = 0
    seconds: float = 0.0
    model_seconds: float = 0.0


def label_file(task: LabelTask) -> Speed:
    """Write the depth file of one frame file, unless a killed run already did.

    Raises:
        UserError: the backend cannot label it.
    """
    if task.publication.done(task.name):
        return Speed()
    start = time.perf_counter()
    facts = frame_facts(task.frames)
    labels, accuracy = task.backend.label(task.frames), Accuracy()
    step = max(1, -(-task.count // MEASURED))
    stated: dict[str, Any] = {key: facts[key] for key in ("dataset", "sequence", "kind")}
    with task.publication.write(task.name) as path, DepthWriter(path, stated | labels.facts) as writer:
        for number, (row, label) in enumerate(zip(read_frames(task.frames, _COLUMNS), labels.frames, strict=True)):
            writer.write(_row(row, label))
            picture = truth_picture(task.folder, facts, row) if number % step == 0 else None
            if picture is not None:
                accuracy.add(row, label, files.read_picture(picture)[0])
        writer.summary |= {"errors": accuracy.errors()} | labels.ending
    return Speed(task.count, time.perf_counter() - start, labels.clock.seconds)


def _row(row: Frame, label: FrameDepth) -> DepthRow:
    png, scale = depthmap.encode(label.depth, label.scale)
    return DepthRow(row.dataset, row.sequence, row.frame, png, scale, label.objects)
