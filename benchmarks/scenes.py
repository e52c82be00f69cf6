"""Simulated detections: people who walk, with noise, misses and embeddings; every number a function of the seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.occlusion.detections import OccludedDetections

HEIGHT, ASPECT, SPEED = 80.0, 0.4, 3.0  # pixels, width over height, pixels per frame
MISSED, NOISE, LOOKS = 0.03, 1.0, 0.2  # share of boxes, pixels, deviation of an embedding's entries against its length


def crowd(people: int, frames: int, *, dimensions: int = 128, seed: int = 1) -> list[OccludedDetections]:
    """Detections of `people` in a square whose area grows with their number, so that crowding stays the same.

    Returns:
        For each frame boxes (N, 4) float32 xyxy pixels, scores from 0.7 to 1, embeddings (N, dimensions) of unit length, and no occlusions.
    """
    random = np.random.default_rng(seed)
    side = float(np.sqrt(people) * 180)
    place, step = random.uniform(0, side, (people, 2)), random.normal(0, SPEED, (people, 2))
    look = random.normal(size=(people, dimensions))
    look /= np.linalg.norm(look, axis=1, keepdims=True)
    found = []
    for _ in range(frames):
        place = place + step
        step = np.where((place < 0) | (place > side), -step, step)
        seen = np.flatnonzero(random.random(people) >= MISSED)
        found.append(_detections(place[seen] + random.normal(0, NOISE, (len(seen), 2)), look[seen], random))
    return found


def _detections(centres: NDArray[np.float64], look: NDArray[np.float64], random: np.random.Generator) -> OccludedDetections:
    half = np.array([HEIGHT * ASPECT, HEIGHT]) / 2
    blurred = look + random.normal(0, LOOKS / np.sqrt(look.shape[1]), look.shape)
    return OccludedDetections(
        boxes=np.hstack([centres - half, centres + half]).astype(np.float32),
        scores=random.uniform(0.7, 1.0, len(centres)).astype(np.float32),
        embeddings=(blurred / np.linalg.norm(blurred, axis=1, keepdims=True)).astype(np.float32),
        occlusion_centres=np.zeros((0, 2), np.float32),
        occlusion_scores=np.zeros(0, np.float32),
    )
