"""What a network sees in one frame. Boxes are xyxy in pixels, float32, not clipped to the image (amodal)."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


class NotFiniteError(ValueError):
    """Raised by `decode` and `describe` where a network's output for an image is NaN or infinite.

    Args:
        image: number of the image, from 0 within the batch.
        what: what is not finite, in the plural, such as "classes of regions".
    """

    def __init__(self, image: int, what: str) -> None:
        super().__init__(f"image {image} of the batch: {what} are NaN or infinite: has the network diverged?")
        self.image, self.what = image, what


@dataclass(frozen=True)
class Detections:
    """What a network saw in one frame.

    A system may subclass it to carry more to its own tracker: further arrays of shape (M, ...) of one type (float32, float16, uint8 or
    int64) and one trailing shape in every frame, which are kept in files as these are.

    Attributes:
        boxes: (N, 4) float32, xyxy pixels.
        scores: (N,) float32 in [0, 1], descending.
        embeddings: (N, D) float32 of any length, to be compared as `Detection.similarity` says; D is 0 without re-identification.
        classes: (N,) int64, index into `pack_samples.classes`.
        part_masks: (N, K, h, w) float32 in [0, 1]: where in its box each of K parts looks, over the box's own h by w cells; None for a
            system whose `Detection.part_masks` says so. No tracker reads them: files keep them with `track.keep_masks` alone.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    embeddings: NDArray[np.float32]
    classes: NDArray[np.int64] = field(default=None, kw_only=True)  # type: ignore[arg-type]  # made below: all of the only class
    part_masks: NDArray[np.float32] | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if self.classes is None:
            object.__setattr__(self, "classes", np.zeros(len(self.boxes), np.int64))

    def moved(self, scale: float, left: float, top: float) -> Self:
        """A copy whose boxes are mapped from network input to image pixels: image = (input - (left, top)) / scale."""
        shift = np.array([left, top, left, top], np.float32)
        return replace(self, boxes=((self.boxes - shift) / np.float32(scale)).astype(np.float32))

    def select(self, index: NDArray[Any]) -> Self:
        """A copy with the detections at `index` ((K,) integer indices or an (N,) boolean mask), in that order."""
        return replace(
            self,
            boxes=self.boxes[index],
            scores=self.scores[index],
            embeddings=self.embeddings[index],
            classes=self.classes[index],
            part_masks=None if self.part_masks is None else self.part_masks[index],
        )

    def above(self, score: float) -> Self:
        """A copy with the detections that score at least `score`.

        A subclass that carries further arrays with scores of their own cuts these by the same threshold.
        """
        return self.select(np.flatnonzero(self.scores >= score))


def names_of(kind: type[Detections]) -> tuple[str, ...]:
    """The arrays that detections of this kind carry to their tracker."""
    return tuple(item.name for item in fields(kind) if item.name != "part_masks")
