"""What UniTrack sees at given boxes: points of the map, kept at half precision. It detects nothing by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.unitrack.box_looks import box_looks
from models.unitrack.network import STRIDE, Maps, Representation
from models.unitrack.options import UnitrackOptions
from models.unitrack.point_vectors import clean
from pipeline.contract.detections import Detections


@dataclass(frozen=True)
class UnitrackDetections(Detections):
    """Given boxes with what is seen there; `embeddings` have no dimension.

    Attributes:
        looks: (N, S, C) float16, unit length, S points per box; zero vectors where nothing is seen.
    """

    looks: NDArray[np.float16]

    def select(self, index: NDArray[Any]) -> Self:
        """Keep the detections at `index` (indices or mask), in that order."""
        return replace(super().select(index), looks=self.looks[index])


def decodes_with(options: UnitrackOptions) -> tuple[str, ...]:
    """The tracker's options that `describe` reads: which points of a box are kept."""
    return "similarity", "region"


def describe(
    network: Representation,
    outputs: Maps,
    boxes: Sequence[NDArray[np.float32]],
    scores: Sequence[NDArray[np.float32]],
    classes: Sequence[NDArray[np.int64]],
    options: UnitrackOptions,
) -> list[UnitrackDetections]:
    """The detections of each image at given boxes.

    Args:
        network: that gave `outputs`; its weights are in them.
        outputs: of the network.
        boxes: (N, 4) per image, xyxy pixels of the network's input.
        scores: (N,) per image.
        classes: (N,) per image.
        options: `tracker.similarity` says whether a box is its region or its centre alone.
    """
    return [_described(*row, options) for row in zip(outputs.features, boxes, scores, classes, strict=True)]


def _described(
    features: Tensor, boxes: NDArray[np.float32], scores: NDArray[np.float32], classes: NDArray[np.int64], options: UnitrackOptions
) -> UnitrackDetections:
    cleaned = clean(features.to(torch.float32)).features
    centre = options.tracker.similarity == "cf"
    looks = box_looks(cleaned, torch.from_numpy(np.array(boxes)), STRIDE, region=options.tracker.region, centre=centre)
    return UnitrackDetections(boxes, scores, np.zeros((len(boxes), 0), np.float32), looks=looks.cpu().numpy(), classes=classes)
