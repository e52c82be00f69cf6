"""What a source finds before any work starts: sequences that can be read, and what is wrong with the data."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from pipeline.errors import UserError
from pipeline.sources.annotation import Annotation
from pipeline.sources.place import Place

if TYPE_CHECKING:
    from pipeline.sources.media import Reading

Kind = Literal["video", "stills"]


@dataclass
class Defects:
    """Bad data, named: raised at once (`strict`), or listed and left out.

    Attributes:
        base: folder of the data set; listed lines name files relative to it, so that they read the same on every machine.
        strict: raise.
        lines: what was listed.
    """

    base: Place
    strict: bool
    lines: list[str] = field(default_factory=list)

    def add(self, complaint: str) -> None:
        """Name a defect.

        Raises:
            UserError: when strict.
        """
        if self.strict:
            raise UserError(f"{complaint}\nnext: mend it, or set extract_frames.defects to skip_and_report to leave it out")
        self.lines.append(complaint.replace(f"{self.base}/", ""))

    @contextmanager
    def leaving_out(self) -> Iterator[None]:
        """List what the block raises as a user's mistake, and go on without what the block was for.

        Raises:
            UserError: when strict.
        """
        try:
            yield
        except UserError as error:
            if self.strict:
                raise
            self.lines.append(str(error).partition("\nnext:")[0].replace(f"{self.base}/", ""))

    def sink(self) -> list[str] | None:
        """A list for readers that take one in place of raising; give it to `take` when they are done."""
        return None if self.strict else []

    def take(self, complaints: list[str] | None) -> None:
        """List what a reader left in a `sink`."""
        for complaint in complaints or ():
            self.add(complaint)


@dataclass(frozen=True)
class PlannedSequence:
    """A sequence whose annotation was read and checked; its images are not touched yet. Picklable.

    Attributes:
        root: the data set's folder; defects name files relative to it.
        dataset: name of the source.
        name: name of the sequence, also of its frame file.
        kind: a video, or stills that have nothing to do with each other.
        frame_rate: frames a second, None for stills.
        ground_truth: whether there is an annotation.
        detections: whether there are public detections.
        source: what is read, relative to the data set's folder.
        frames: frames that should be there.
        bytes: estimate of the frame file's size.
        digest: SHA-256 over the annotation's bytes and the images' names and sizes; tells a changed source.
        defects: what was left out already.
        notes: what is odd but legitimate.
        annotation: the objects that will be read, with their places in the files.
        stated_size: width and height in pixels that the annotation states, None where it does not.
        read: yields the frames.
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


class Plan(NamedTuple):
    """A data set before it is read: its sequences, and the defects that belong to none of them."""

    sequences: list[PlannedSequence]
    defects: list[str]


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
