"""Maps to detections: peaks, boxes, and the embedding of the parts that each box shows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.dense.peaks import likely, object_peaks, to_numpy
from models.finetrack.network import FinetrackNetwork, FinetrackOutputs
from models.finetrack.options import FinetrackOptions, carries_masks
from models.finetrack.parts import Parts, embedding_of
from pipeline.contract.detections import Detections


@torch.no_grad()
def decode(network: FinetrackNetwork, outputs: FinetrackOutputs, options: FinetrackOptions) -> list[Detections]:
    """Read the detections of each image, in network input pixels; the tracker's thresholds come later.

    Args:
        network: which gave the outputs; looks at what it found.
        outputs: maps of N images.
        options: the whole `model` section; `top_k` of the tracker's is read.
    """
    found = object_peaks(outputs, options.tracker.top_k)
    counts = likely(found.scores)
    boxes = [to_numpy(each[:count]) for each, count in zip(found.boxes, counts, strict=True)]
    scores = [to_numpy(each[:count]) for each, count in zip(found.scores, counts, strict=True)]
    return describe(network, outputs, boxes, scores, [np.zeros(count, np.int64) for count in counts], options)


@torch.no_grad()
def describe(
    network: FinetrackNetwork,
    outputs: FinetrackOutputs,
    boxes: Sequence[NDArray[np.float32]],
    scores: Sequence[NDArray[np.float32]],
    classes: Sequence[NDArray[np.int64]],
    options: FinetrackOptions,
) -> list[Detections]:
    """The embeddings of the parts at given boxes, and the masks that they look through.

    Args:
        network: which gave the outputs.
        outputs: maps of N images.
        boxes: for each image (N_i, 4) float32 xyxy in network input pixels.
        scores: for each image (N_i,) float32.
        classes: for each image (N_i,) int64.
        options: the whole `model` section.
    """
    corners = [np.asarray(each, np.float32).reshape(-1, 4) for each in boxes]
    parts = parts_at(network, outputs.features, corners)
    looks, masks = to_numpy(embedding_of(parts.vectors)), to_numpy(parts.masks)
    ends = np.cumsum([len(each) for each in corners])[:-1]
    shown = np.split(masks, ends) if carries_masks(options) else [None] * len(corners)
    return [
        Detections(each, np.asarray(sure, np.float32), look, classes=kinds, part_masks=mask)
        for each, sure, look, kinds, mask in zip(corners, scores, np.split(looks, ends), classes, shown, strict=True)
    ]


@torch.no_grad()
def parts_at(network: FinetrackNetwork, features: Tensor, boxes: Sequence[NDArray[np.float32]]) -> Parts:
    """Masks and vectors of all boxes of all images, one image after the other.

    Args:
        network: which gave the features.
        features: (N, C, h, w) of its outputs.
        boxes: for each image (N_i, 4) float32 xyxy in network input pixels.
    """
    images = np.repeat(np.arange(len(boxes)), [len(each) for each in boxes])
    where = np.concatenate([np.zeros((0, 4), np.float32), *boxes])
    return network.look_at(features, torch.from_numpy(where).to(features.device), torch.from_numpy(images).to(features.device))


def decodes_with(options: FinetrackOptions) -> tuple[str, ...]:
    """The tracker's options that detections depend on."""
    return ("top_k",)
