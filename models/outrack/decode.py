"""Maps to detections: peaks, boxes, embeddings and occlusion centres."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from models.dense.peaks import centre_cells, likely, object_peaks, occlusion_peaks, to_numpy, values_at, values_in
from models.occlusion.detections import OccludedDetections
from models.outrack.network import OutrackNetwork, OutrackOutputs
from models.outrack.options import OutrackOptions


@torch.no_grad()
def decode(network: OutrackNetwork | None, outputs: OutrackOutputs, options: OutrackOptions) -> list[OccludedDetections]:
    """Read the detections of each image, in network input pixels.

    Reads `top_k` of the tracker's options; detections and occlusions are cut only at `LEAST_SCORE`, the tracker's thresholds come later.

    Args:
        network: not read, the maps say it all.
        outputs: maps of N images.
        options: the whole `model` section.

    Returns:
        Detections of each image, scores descending, embeddings of unit length taken at the integer peak, (N, 0) where the network does
        not learn them.
    """
    top_k = options.tracker.top_k
    found = object_peaks(outputs, top_k)
    embeddings = functional.normalize(values_at(_embedding(outputs, options), found.cells), dim=-1)
    hidden_scores, hidden = occlusion_peaks(outputs, 4 * top_k)
    parts = map(to_numpy, (found.boxes, found.scores, embeddings, hidden, hidden_scores))
    counts = zip(likely(found.scores), likely(hidden_scores), strict=True)
    return [
        OccludedDetections(boxes[:keep], scores[:keep], looks[:keep], centres[:shown], sure[:shown])
        for boxes, scores, looks, centres, sure, (keep, shown) in zip(*parts, counts, strict=True)
    ]


@torch.no_grad()
def describe(
    network: OutrackNetwork | None,
    outputs: OutrackOutputs,
    boxes: Sequence[NDArray[np.float32]],
    scores: Sequence[NDArray[np.float32]],
    classes: Sequence[NDArray[np.int64]],
    options: OutrackOptions,
) -> list[OccludedDetections]:
    """What the maps say at given boxes: embeddings at their centres (the nearest cell for centres outside), and the occlusions.

    Args:
        network: not read, the maps say it all.
        outputs: maps of N images.
        boxes: for each image (N_i, 4) float32 xyxy in network input pixels.
        scores: for each image (N_i,) float32.
        classes: for each image (N_i,) int64.
        options: the whole `model` section.
    """
    hidden_scores, hidden = occlusion_peaks(outputs, 4 * options.tracker.top_k)
    maps, found = _embedding(outputs, options), []
    for i, (image_boxes, image_scores, kinds, shown) in enumerate(zip(boxes, scores, classes, likely(hidden_scores), strict=True)):
        corners = np.asarray(image_boxes, np.float32).reshape(-1, 4)
        embeddings = functional.normalize(values_in(maps, i, centre_cells(corners, outputs.heatmap[i : i + 1])), dim=-1)
        given = (corners, np.asarray(image_scores, np.float32), to_numpy(embeddings))
        found.append(OccludedDetections(*given, to_numpy(hidden[i, :shown]), to_numpy(hidden_scores[i, :shown]), classes=kinds))
    return found


def decodes_with(options: OutrackOptions) -> tuple[str, ...]:
    """The tracker's options that detections depend on."""
    return ("top_k",)


def _embedding(outputs: OutrackOutputs, options: OutrackOptions) -> Tensor | None:
    """The map of embeddings; None where nothing trained it, so that nobody tracks or scores by noise."""
    return None if options.loss.reid == "none" else outputs.embedding
