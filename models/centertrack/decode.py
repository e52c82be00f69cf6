"""Maps to detections: peaks, boxes, displacements and occlusion centres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from models.centertrack.network import CentertrackNetwork, CentertrackOutputs
from models.centertrack.options import CentertrackOptions
from models.dense.options import STRIDE
from models.dense.peaks import centre_cells, likely, object_peaks, occlusion_peaks, to_numpy, values_at, values_in
from models.occlusion.detections import OccludedDetections


@dataclass(frozen=True)
class CentertrackDetections(OccludedDetections):
    """Detections, and where each was before; embeddings have no dimension.

    Attributes:
        displacements: (N, 2) float32, pixels from each box's centre to where it was in the frame before.
    """

    displacements: NDArray[np.float32]

    def moved(self, scale: float, left: float, top: float) -> Self:
        """Map boxes, occlusion centres and displacements from network input to image pixels."""
        return replace(super().moved(scale, left, top), displacements=(self.displacements / np.float32(scale)).astype(np.float32))

    def select(self, index: NDArray[Any]) -> Self:
        """Keep the detections at `index`, in that order, and all occlusion centres."""
        return replace(super().select(index), displacements=self.displacements[index])


@torch.no_grad()
def decode(network: CentertrackNetwork | None, outputs: CentertrackOutputs, options: CentertrackOptions) -> list[CentertrackDetections]:
    """Read the detections of each image, in network input pixels, best first; displacements are taken at the integer peak.

    Args:
        network: not read, the maps say it all.
        outputs: maps of N images.
        options: the whole `model` section; `top_k` of the tracker is read.
    """
    top_k = options.tracker.top_k
    found = object_peaks(outputs, top_k)
    displacements = values_at(outputs.displacement, found.cells) * STRIDE
    hidden_scores, hidden = occlusion_peaks(outputs, 4 * top_k)
    parts = map(to_numpy, (found.boxes, found.scores, hidden, hidden_scores, displacements))
    counts = zip(likely(found.scores), likely(hidden_scores), strict=True)
    return [
        CentertrackDetections(boxes[:keep], scores[:keep], _no_embeddings(keep), centres[:shown], sure[:shown], moves[:keep])
        for boxes, scores, centres, sure, moves, (keep, shown) in zip(*parts, counts, strict=True)
    ]


@torch.no_grad()
def describe(
    network: CentertrackNetwork | None,
    outputs: CentertrackOutputs,
    boxes: Sequence[NDArray[np.float32]],
    scores: Sequence[NDArray[np.float32]],
    classes: Sequence[NDArray[np.int64]],
    options: CentertrackOptions,
) -> list[CentertrackDetections]:
    """What the maps say at given boxes: displacements at their centres (the nearest cell for centres outside), and the occlusions.

    Args:
        network: not read, the maps say it all.
        outputs: maps of N images.
        boxes: for each image (N_i, 4) float32 xyxy in network input pixels.
        scores: for each image (N_i,) float32.
        classes: for each image (N_i,) int64.
        options: the whole `model` section.
    """
    hidden_scores, hidden = occlusion_peaks(outputs, 4 * options.tracker.top_k)
    found = []
    for i, (image_boxes, image_scores, kinds, shown) in enumerate(zip(boxes, scores, classes, likely(hidden_scores), strict=True)):
        corners = np.asarray(image_boxes, np.float32).reshape(-1, 4)
        moves = to_numpy(values_in(outputs.displacement, i, centre_cells(corners, outputs.heatmap[i : i + 1])) * STRIDE)
        given = (corners, np.asarray(image_scores, np.float32), _no_embeddings(len(corners)))
        found.append(CentertrackDetections(*given, to_numpy(hidden[i, :shown]), to_numpy(hidden_scores[i, :shown]), moves, classes=kinds))
    return found


def decodes_with(options: CentertrackOptions) -> tuple[str, ...]:
    """The tracker's options that detections depend on; the threshold decides what the network is shown with the next frame."""
    return ("top_k", "detection_threshold")


def _no_embeddings(count: int) -> NDArray[np.float32]:
    return np.zeros((count, 0), np.float32)
