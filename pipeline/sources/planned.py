"""What a source finds before any work starts: sequences that can be read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from pipeline.errors import UserError
from pipeline.sources.annotation import Annotation
from pipeline.sources.place import Place

if TYPE_CHECKING:
    from pipeline.sources.media import Reading

Kind = Literal["video", "stills"]


@dataclass(frozen=True)
class PlannedSequence:
    """A sequence whose annotation was read and checked; its images are not touched yet. Picklable.

    Attributes:
        root: the data set's folder; defects name files relative to it.
        dataset: name of the source.
        name: name of the sequence, also of its frame file.
        kind: a video, or stills that have nothing to do with each other.
        frame_rate: frames per second, None for stills.
        ground_truth: whether there is an annotation.
        detections: whether there are public detections.
        source: what is read, relative to the data set's folder.
        frames: frames that should be there.
        bytes: estimate of the frame file's size.
        digest: SHA-256 over the annotation's bytes and the images' names and sizes; a changed source has another.
        defects: what was left out already.
        notes: what is odd but legitimate.
        annotation: the objects that will be read, with their places in the files.
        stated_size: width and height in pixels that the annotation states, None where it does not.
        read: yields the frames.
        interval: usual seconds from frame to frame of a video whose rate varies; None: it is constant.
        images: names of stills' files without ending, by frame number; None of videos, and where lines of the annotation name them.
    """

    root: Place
    dataset: str
    name: str
    kind: Kind
    frame_rate: float | None
    ground_truth: bool
    detections: bool
    source: str
    frames: int
    bytes: int
    digest: str
    defects: tuple[str, ...]
    notes: tuple[str, ...]
    annotation: Annotation
    stated_size: tuple[int, int] | None
    read: Reading
    interval: float | None = None
    images: dict[int, str] | None = None


class Plan(NamedTuple):
    """A data set before it is read: its sequences, and the defects and the remarks that belong to none of them."""

    sequences: list[PlannedSequence]
    defects: list[str]
    notes: tuple[str, ...] = ()


def content_digest(files: Iterable[Place | None], listing: Iterable[tuple[str, int]], *text: str) -> str:
    """SHA-256 over small files' bytes, larger files' (name, size), and text."""
    total = hashlib.sha256("\n".join([*text, *(f"{name} {size}" for name, size in listing)]).encode())
    for file in files:
        total.update(b"absent" if file is None else hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def choose(found: list[str], wanted: list[str] | None, where: str) -> list[str]:
    """The wanted names, in the data set's order.

    Raises:
        UserError: a wanted name is not there.
    """
    if wanted is None:
        return found
    missing = [name for name in wanted if name not in found]
    if missing:
        raise UserError(f"{where}: no sequence {', '.join(missing)}; there are {', '.join(found)}\nnext: correct extract_frames.sources")
    return [name for name in found if name in wanted]
