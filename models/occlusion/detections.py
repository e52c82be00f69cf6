"""Detections that also say where people hide behind each other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pipeline.contract.detections import Detections


@dataclass(frozen=True)
class OccludedDetections(Detections):
    """Detections and occlusion centres. The centres belong to the frame, not to its boxes: `select` keeps them all.

    Attributes:
        occlusion_centres: (P, 2) float32 x, y in pixels, best first.
        occlusion_scores: (P,) float32 in [0, 1].
    """

    occlusion_centres: NDArray[np.float32]
    occlusion_scores: NDArray[np.float32]

    def moved(self, scale: float, left: float, top: float) -> Self:
        """Map boxes and occlusion centres from network input to image pixels."""
        centres = ((self.occlusion_centres - np.array([left, top], np.float32)) / np.float32(scale)).astype(np.float32)
        return replace(super().moved(scale, left, top), occlusion_centres=centres)

    def above(self, score: float) -> Self:
        """Keep boxes and occlusion centres that score at least `score`."""
        likely = self.occlusion_scores >= score
        centres, scores = self.occlusion_centres[likely], self.occlusion_scores[likely]
        return replace(super().above(score), occlusion_centres=centres, occlusion_scores=scores)
