"""Imitates a public detector: it misses hidden people, shifts the boxes of those that it finds, and reports some false ones."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.params.classes import PEDESTRIAN
from pipeline.walkers.camera import Array, Camera
from pipeline.walkers.render import Labels

FALSE_POSITIVES = 0.35  # per frame, on average
OVERLAP = 0.65  # of a detector's non-maximum suppression


class Found(NamedTuple):
    """What the detector reports, best first.

    Attributes:
        boxes: (N, 4) float64 xyxy pixels.
        scores: (N,) float64 in 0..1.
        classes: (N,) int64; a false one is a pedestrian.
        sources: (N,) int64, the index of the person among the labels, -1 for a false one.
    """

    boxes: Array
    scores: Array
    classes: NDArray[np.int64]
    sources: NDArray[np.int64]


def detect(rng: np.random.Generator, labels: Labels, camera: Camera) -> Found:
    """Detections of one frame, best first."""
    clear = np.clip(labels.visibilities / 0.7, 0, 1)
    height = labels.boxes[:, 3] - labels.boxes[:, 1]
    found = rng.random(len(clear)) < 0.97 * clear**0.8
    jitter = rng.normal(0, 1, labels.boxes.shape) * (0.015 + 0.03 * (1 - clear))[:, None] * height[:, None]
    scores = np.clip(0.3 + 0.52 * clear + rng.normal(0, 0.1, len(clear)), 0.05, 0.999)
    wrong = _false_positives(rng, camera)
    boxes = np.concatenate([(labels.boxes + jitter)[found], wrong])
    scores = np.concatenate([scores[found], np.clip(rng.beta(2.0, 4.0, len(wrong)), 0.05, 0.9)])
    sources = np.concatenate([np.flatnonzero(found), np.full(len(wrong), -1)])
    classes = np.concatenate([labels.classes[found], np.full(len(wrong), PEDESTRIAN)])
    order = np.argsort(-scores, kind="stable")
    kept = order[_suppressed(boxes[order])]
    return Found(boxes[kept], scores[kept], classes[kept], sources[kept])


def _false_positives(rng: np.random.Generator, camera: Camera) -> Array:
    """Boxes of a person's size somewhere on the ground."""
    count = int(rng.poisson(FALSE_POSITIVES))
    z = rng.uniform(4.0, 18.0, count)
    x = rng.uniform(-1, 1, count) * camera.half_width(z)
    tall = rng.uniform(1.2, 2.0, count)
    feet, _ = camera.project(np.stack([x, np.zeros(count), z], axis=-1))
    heads, _ = camera.project(np.stack([x, tall, z], axis=-1))
    wide = 0.41 * (feet[:, 1] - heads[:, 1])
    return np.stack([feet[:, 0] - wide / 2, heads[:, 1], feet[:, 0] + wide / 2, feet[:, 1]], axis=-1)


def _suppressed(boxes: Array) -> list[int]:
    """Greedy non-maximum suppression of boxes sorted by score: which are kept."""
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=-1)
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=-1)
    overlap = shared / np.maximum(area[:, None] + area[None] - shared, 1e-9)
    kept: list[int] = []
    for index in range(len(boxes)):
        if not kept or overlap[index, kept].max() < OVERLAP:
            kept.append(index)
    return kept
