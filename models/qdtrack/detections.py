"""What QDTrack says about one frame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.contract.detections import Detections


@dataclass(frozen=True)
class QdtrackDetections(Detections):
    """Detections with masks, and where the last frame's boxes are now. Embeddings have any length: compare them by bi-softmax.

    Attributes:
        previous: (P, 4) float32, xyxy pixels, detections of the frame before; (0, 4) without the regression cue.
        regressed: (P, 4) float32, what the box head makes of them in this frame.
        masks: (N, 28, 28) float32 in [0, 1], each over its box; (N, 0, 0) without the mask head.
    """

    previous: NDArray[np.float32]
    regressed: NDArray[np.float32]
    masks: NDArray[np.float32]

    def moved(self, scale: float, left: float, top: float) -> Self:
        """Map all boxes from network input to image pixels."""
        shift = np.array([left, top, left, top], np.float32)
        boxes, previous, regressed = (
            ((each - shift) / np.float32(scale)).astype(np.float32) for each in (self.boxes, self.previous, self.regressed)
        )
        return replace(self, boxes=boxes, previous=previous, regressed=regressed)

    def select(self, index: NDArray[Any]) -> Self:
        """Keep the detections at `index`, in that order; the boxes of the frame before stay."""
        return replace(super().select(index), masks=self.masks[index])
