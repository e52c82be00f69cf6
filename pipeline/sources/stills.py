"""Stills that have nothing to do with each other, packed several to a frame file, as sequences such as `train-00000`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.files.frames import Objects
from pipeline.files.schema import OBJECTS
from pipeline.sources.annotation import Annotation
from pipeline.sources.defects import Defects
from pipeline.sources.media import Media, Reading
from pipeline.sources.place import Place, relative
from pipeline.sources.planned import PlannedSequence, content_digest

LINES = ".odgt"  # an annotation with a line for each image, which names it


class Still(NamedTuple):
    """An image with its annotation.

    Attributes:
        path: the image.
        bytes: its size.
        objects: its N objects.
        line: (N, K) int32, where each stands in the annotation's file (`Annotation.line`).
        text: the annotation as the file has it; what the digest sees.
        stated: width and height in pixels that the annotation states; None: it does not.
    """

    path: Place
    bytes: int
    objects: Objects
    line: NDArray[np.int32]
    text: str
    stated: tuple[int, int] | None = None


@dataclass(frozen=True)
class Chunk:
    """The stills of one frame file.

    Attributes:
        dataset: name of the data set.
        name: of the sequence that they are taken for.
        file: the annotation.
        pattern: see `Annotation.pattern`.
        stills: by frame number, in order.
        notes: what is odd but read.
    """

    dataset: str
    name: str
    file: Place
    pattern: str
    stills: dict[int, Still]
    notes: tuple[str, ...] = ()

    def plan(self, defects: Defects) -> PlannedSequence:
        """The sequence, with the defects that were found before."""
        listing = [(f"{still.path.name} {frame}", still.bytes) for frame, still in self.stills.items()]
        annotated = self._annotation(relative(self.file, defects.base))
        paths = {frame: still.path for frame, still in self.stills.items()}
        return PlannedSequence(
            root=defects.base,
            dataset=self.dataset,
            name=self.name,
            kind="stills",
            frame_rate=None,
            ground_truth=True,
            detections=False,
            source=self.file.name,
            frames=len(self.stills),
            bytes=sum(still.bytes for still in self.stills.values()),
            digest=content_digest([], listing, self.dataset, self.name, *(still.text for still in self.stills.values())),
            defects=tuple(defects.lines),
            notes=self.notes,
            annotation=annotated,
            stated_size=None,
            read=Reading(self.dataset, self.name, Media(self.file, paths), None, annotated, stated=self._stated),
            images=None if self.file.suffix == LINES else {frame: still.path.stem for frame, still in self.stills.items()},
        )

    @property
    def _stated(self) -> dict[int, tuple[int, int]]:
        return {frame: still.stated for frame, still in self.stills.items() if still.stated}

    def _annotation(self, file: str) -> Annotation:
        stills = list(self.stills.items())
        objects = Objects(*(np.concatenate([getattr(still.objects, name) for _, still in stills]) for name, _ in OBJECTS))
        numbers = np.repeat(np.array(list(self.stills), np.int32), [len(still.objects) for _, still in stills])
        return Annotation(numbers, objects, np.concatenate([still.line for _, still in stills]), file, self.pattern)
