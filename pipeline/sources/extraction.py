"""The work of one sequence: read it frame by frame and write its frame file, as far as no earlier run did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from pipeline.artifacts import digests, reuse
from pipeline.artifacts.publication import Publication
from pipeline.artifacts.store import Place
from pipeline.errors import UserError
from pipeline.files.frames import Frame, FrameWriter, frame_facts, read_frames
from pipeline.files.schema import Extras
from pipeline.params.file import digest
from pipeline.sources.defects import Defects
from pipeline.sources.images import Picture
from pipeline.sources.media import Shot
from pipeline.sources.place import relative
from pipeline.sources.planned import PlannedSequence

_PICTURES = ["frame", "time", "width", "height", "image"]


@dataclass(frozen=True)
class Extraction:
    """One Ray task.

    Attributes:
        publication: where the frame file goes.
        sequence: what to read.
        jpeg_quality: for images that are not JPEGs yet.
        row_group_mb: cap on row groups.
        strict: defects stop the task.
        code: digest of the code that reads.
        images: digest of all that decides the pictures; None where a file's content is not known without reading it.
        known: an older frame file with these pictures, and what was wrong with them.
    """

    publication: Publication
    sequence: PlannedSequence
    jpeg_quality: int
    row_group_mb: float
    strict: bool
    code: str
    images: str | None = None
    known: tuple[Place, tuple[str, ...]] | None = None

    @property
    def part(self) -> str:
        """The frame file's name in the published folder."""
        return f"{self.sequence.dataset}/{self.sequence.name}.parquet"

    @property
    def key(self) -> str | None:
        """Digest of all that decides the frame file's bytes: the pictures, and everything that planning found."""
        if self.images is None:
            return None
        found = self.sequence
        annotations = found.read.truth.digest, found.read.public.digest
        return digest(self.images, self.row_group_mb, _facts(found), found.defects, found.notes, annotations)

    def facts(self) -> dict[str, Any]:
        """Facts and summary of the finished frame file."""
        return frame_facts(self.publication.path(self.part))


def perform(task: Extraction) -> None:
    """Write a sequence's frame file.

    Raises:
        UserError: the data has a defect and the task is strict, or no frame can be read.
    """
    defects = Defects(task.sequence.root, task.strict)
    frames = task.sequence.read(task.jpeg_quality, defects, _shots(task, defects))
    first = next(frames, None)
    if first is None:
        raise UserError(f"{task.sequence.root}: no frame of {task.sequence.source} can be read\n" + "\n".join(defects.lines[:5]))
    counts = _Counts()
    made_from: dict[str, Any] = {} if task.key is None else {"key": task.key, "images": task.images}
    extras, facts = _extras(task.sequence), _facts(task.sequence) | _size(task.sequence, first)
    with task.publication.write(task.part, made_from) as path, FrameWriter(path, facts, task.row_group_mb, extras) as writer:
        for frame in same_size(chain([first], frames), first, task.sequence, defects):
            writer.write(frame)
            counts.add(frame)
        if made_from:
            made_from["lost"] = len(defects.lines)
        writer.close(**counts.summary(), defects=[*task.sequence.defects, *defects.lines], notes=list(task.sequence.notes))


def reused(tasks: Sequence[Extraction], root: Path) -> list[Extraction]:
    """Take over the frame files that earlier runs made of the same data.

    Args:
        tasks: of all sequences.
        root: the repository.

    Returns:
        The tasks that are left, with an older file's pictures where only the annotation has changed.
    """
    tasks = with_images(tasks, root)
    found = reuse.parts(tasks[0].publication) if tasks else []
    if any(task.strict for task in tasks):  # which stops at what others leave out
        found = [part for part in found if not part.made_from["lost"]]
    keys, images = reuse.by_key(found), reuse.by_key(found, "images")
    left = [task for task in tasks if not reuse.settled(task.publication, task.part, task.key, keys)]
    return [replace(task, known=_known(images[task.images])) if task.images in images else task for task in left]


def with_images(tasks: Sequence[Extraction], root: Path) -> list[Extraction]:
    """The tasks with `images`, for which files that changed since they were last looked at are read."""
    local = [place for task in tasks for place in task.sequence.read.media.places if isinstance(place, Path)]
    marks = digests.digests(local, root)
    return [replace(task, images=_images(task, marks)) for task in tasks]


def _images(task: Extraction, marks: dict[Path, str | None]) -> str | None:
    sequence, media = task.sequence, task.sequence.read.media
    named = [(relative(place, sequence.root), marks[place] if isinstance(place, Path) else place.mark) for place in media.places]
    if any(mark is None for _, mark in named):
        return None
    drawn = None if sequence.annotation.objects.masks is None else [sequence.stated_size]  # on which pictures masks are drawn
    stated = [sorted(sequence.read.stated.items())] if sequence.read.stated else []  # which decides what pictures are left out
    return digest(task.code, task.jpeg_quality, sequence.kind, sequence.source, list(media.files or ()), named, drawn, *stated)


def _known(part: reuse.Part) -> tuple[Place, tuple[str, ...]]:
    """An older file and the lines about its pictures."""
    lost = part.made_from["lost"]
    return part.path, tuple(frame_facts(part.path)["summary"]["defects"][-lost:] if lost else ())


def _shots(task: Extraction, defects: Defects) -> Iterator[Shot] | None:
    if task.known is None:
        return None
    path, lost = task.known
    defects.lines += lost
    return (Shot(row.frame, row.time, Picture(row.image, row.width, row.height)) for row in read_frames(path, _PICTURES))


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


def _facts(sequence: PlannedSequence) -> dict[str, Any]:
    return {
        "dataset": sequence.dataset,
        "sequence": sequence.name,
        "kind": sequence.kind,
        "frame_rate": sequence.frame_rate,
        "ground_truth": sequence.ground_truth,
        "detections": sequence.detections,
        "source": sequence.source,
        "digest": sequence.digest,
        **({} if sequence.interval is None else {"interval": sequence.interval}),
        **({} if sequence.images is None else {"images": {str(frame): name for frame, name in sequence.images.items()}}),
    }


def _extras(sequence: PlannedSequence) -> Extras:
    """The further columns that its annotation fills."""
    truth, public = sequence.annotation.objects, sequence.read.public.objects
    joints, found = (0 if item.keypoints is None else item.keypoints.shape[1] for item in (truth, public))
    return Extras(truth.masks is not None, joints, truth.categories is not None, public.masks is not None, found)


def _size(sequence: PlannedSequence, first: Frame) -> dict[str, int | None]:
    video = sequence.kind == "video"
    return {"width": first.width if video else None, "height": first.height if video else None}


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
