"""The work of one sequence: read it frame by frame and write its frame file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from pipeline.errors import UserError
from pipeline.frames import Frame, FrameWriter, frame_facts
from pipeline.publish import Publication
from pipeline.sources.planned import Defects, PlannedSequence


@dataclass(frozen=True)
class Extraction:
    """One Ray task.

    Attributes:
        publication: where the frame file goes.
        sequence: what to read.
        jpeg_quality: for images that are not JPEGs yet.
        row_group_mb: cap on row groups.
        strict: defects stop the task.
    """

    publication: Publication
    sequence: PlannedSequence
    jpeg_quality: int
    row_group_mb: float
    strict: bool

    @property
    def part(self) -> str:
        """The frame file's name in the published folder."""
        return f"{self.sequence.dataset}/{self.sequence.name}.parquet"

    @property
    def done(self) -> bool:
        """Whether an earlier, killed run finished this sequence from the same source data."""
        return self.publication.done(self.part) and self.facts()["digest"] == self.sequence.digest

    def facts(self) -> dict[str, Any]:
        """Facts and summary of the finished frame file."""
        return frame_facts(self.publication.path(self.part))


def perform(task: Extraction) -> None:
    """Write a sequence's frame file.

    Raises:
        UserError: the data has a defect and the task is strict, or no frame can be read.
    """
    defects = Defects(task.sequence.root, task.strict)
    frames = task.sequence.read(task.jpeg_quality, defects)
    first = next(frames, None)
    if first is None:
        raise UserError(f"{task.sequence.root}: no frame of {task.sequence.source} can be read\n" + "\n".join(defects.lines[:5]))
    counts = _Counts()
    masks, facts = task.sequence.annotation.objects.masks is not None, _facts(task.sequence, first)
    with task.publication.write(task.part) as path, FrameWriter(path, facts, task.row_group_mb, masks=masks) as writer:
        for frame in same_size(chain([first], frames), first, task.sequence, defects):
            writer.write(frame)
            counts.add(frame)
        writer.close(**counts.summary(), defects=[*task.sequence.defects, *defects.lines], notes=list(task.sequence.notes))


def forget_others(publication: Publication, tasks: list[Extraction]) -> None:
    """Remove what a killed run left half written, or of sequences that are no longer there."""
    kept = {publication.path(task.part) for task in tasks}
    for path in publication.partial.glob("*/*"):
        if path.is_file() and path not in kept:
            path.unlink()


class _Counts:
    """What a sequence holds, counted while it is written."""

    def __init__(self) -> None:
        self.objects = self.detections = self.image_bytes = 0
        self.identities: set[int] = set()

    def add(self, frame: Frame) -> None:
        self.objects += len(frame.objects)
        self.detections += len(frame.public_boxes)
        self.image_bytes += len(frame.image)
        self.identities.update(frame.objects.identities.tolist())

    def summary(self) -> dict[str, int]:
        known = len(self.identities - {-1})
        return {"objects": self.objects, "identities": known, "detections": self.detections, "image_bytes": self.image_bytes}


def _facts(sequence: PlannedSequence, first: Frame) -> dict[str, Any]:
    video = sequence.kind == "video"
    return {
        "dataset": sequence.dataset,
        "sequence": sequence.name,
        "kind": sequence.kind,
        "frame_rate": sequence.frame_rate,
        "width": first.width if video else None,
        "height": first.height if video else None,
        "ground_truth": sequence.ground_truth,
        "detections": sequence.detections,
        "source": sequence.source,
        "digest": sequence.digest,
    }


def same_size(frames: Iterator[Frame], first: Frame, sequence: PlannedSequence, defects: Defects) -> Iterator[Frame]:
    """The frames of a video that have the first one's size, and that of the masks where there are any; any other is a defect."""
    drawn = sequence.annotation.objects.masks is not None and sequence.stated_size
    for frame in frames:
        if drawn and (frame.width, frame.height) != drawn:
            size = f"{frame.width}x{frame.height}, its masks are drawn on {drawn[0]}x{drawn[1]}"
            defects.add(f"{defects.base}/{sequence.source}: frame {frame.frame} is {size}")
        elif sequence.kind == "video" and (frame.width, frame.height) != (first.width, first.height):
            size = f"{frame.width}x{frame.height}, the sequence began with {first.width}x{first.height}"
            defects.add(f"{defects.base}/{sequence.source}: frame {frame.frame} is {size}")
        else:
            yield frame
