"""The annotated objects of a sequence as columns, each with its place in the file: planning checks them, and reading returns them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.files.frames import Objects
from pipeline.files.schema import OBJECTS


@dataclass(frozen=True)
class Annotation:
    """N objects in order of their frames, within a frame in the file's order. Picklable.

    Attributes:
        frame: (N,) int32, from 1.
        objects: the N objects.
        line: (N, K) int32, where each stands in the file.
        file: path of the file, relative to the data set.
        pattern: how the K numbers of `line` read after the file's name, as in ":%d".
    """

    frame: NDArray[np.int32]
    objects: Objects
    line: NDArray[np.int32]
    file: str
    pattern: str = ":%d"

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def digest(self) -> str:
        """SHA-256 of frames and objects, wherever they stand."""
        total = hashlib.sha256(self.frame.tobytes())
        for name, _ in OBJECTS:
            total.update(getattr(self.objects, name).tobytes())
        for mask in () if self.objects.masks is None else self.objects.masks:
            total.update(repr(mask).encode())
        if self.objects.keypoints is not None:
            total.update(self.objects.keypoints.tobytes())
        for name in () if self.objects.categories is None else self.objects.categories:
            total.update(repr(name).encode())
        return total.hexdigest()

    def of(self, frame: int) -> Objects:
        """The objects of one frame."""
        wanted = np.int32(frame)  # of the column's type, else each look-up would convert the whole of it
        return self.objects.take(slice(self.frame.searchsorted(wanted), self.frame.searchsorted(wanted, "right")))

    def where(self, row: int) -> str:
        """File and line of one object."""
        return f"{self.file}{self.pattern % tuple(self.line[row].tolist())}"


def annotation(frame: NDArray[np.int32], objects: Objects, line: NDArray[np.int32], file: str, pattern: str = ":%d") -> Annotation:
    """Bring N rows in any order of frames into an `Annotation`, which sorts them by frame.

    Args:
        frame: (N,) int32, from 1.
        objects: the N objects.
        line: (N,) or (N, K) int32, where each stands in the file.
        file: path of the file, relative to the data set.
        pattern: see `Annotation.pattern`.
    """
    order = np.argsort(frame, kind="stable")
    return Annotation(frame[order], objects.take(order), (line[:, None] if line.ndim == 1 else line)[order], file, pattern)


def objects(
    boxes: NDArray[np.float32],
    *,
    identities: NDArray[np.int64] | None = None,
    classes: NDArray[np.int32] | None = None,
    visibilities: NDArray[np.float32] | None = None,
    confidences: NDArray[np.float32] | None = None,
    ignores: NDArray[np.bool_] | None = None,
) -> Objects:
    """N objects from the columns that a file has; shapes are those of `Objects`.

    The defaults are pedestrians of unknown identity that are wholly visible, scored and not ignored.
    """
    count = len(boxes)
    return Objects(
        boxes=boxes,
        identities=np.full(count, -1, np.int64) if identities is None else identities,
        classes=np.ones(count, np.int32) if classes is None else classes,
        visibilities=np.ones(count, np.float32) if visibilities is None else visibilities,
        confidences=np.ones(count, np.float32) if confidences is None else confidences,
        ignores=np.zeros(count, np.bool_) if ignores is None else ignores,
    )


def nothing() -> Annotation:
    """No object at all."""
    return Annotation(np.zeros(0, np.int32), Objects(), np.zeros((0, 1), np.int32), "")
