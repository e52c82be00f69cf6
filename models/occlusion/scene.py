"""A small staged scene that takes a tracker through every phase, so that kernels are compiled, or read from the cache, before timing."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.contract.tracks import Video

VIDEO = Video(10.0, 640, 360)
STEP = 8.0  # pixels for each frame
IN_SIGHT, HIDDEN = 4, 3  # frames


class Staged(NamedTuple):
    """One frame.

    Attributes:
        people: (N, 4) float32, xyxy pixels: one who stands, and while in sight one who walks behind them.
        centres: (P, 2) float32, occlusion centres.
    """

    people: NDArray[np.float32]
    centres: NDArray[np.float32]


def frames(buffer_seconds: float) -> int:
    """How many frames it takes until the walker, hidden for good, is forgotten by a tracker that keeps lost tracks for `buffer_seconds`."""
    return IN_SIGHT + HIDDEN + round(VIDEO.frame_rate * buffer_seconds) + 2


def staged(frame: int) -> Staged:
    """The frame of this number, from 0: the walker is seen at first; then an occlusion centre tells where they are; then nothing does."""
    nearby, left = np.array([200, 80, 280, 320]), 220 - STEP * (IN_SIGHT - frame)
    walker = np.array([left, 100, left + 70, 300])
    people = np.array([nearby, walker] if frame < IN_SIGHT else [nearby], np.float32)
    low, high = np.maximum(nearby[:2], walker[:2]), np.minimum(nearby[2:], walker[2:])
    hidden = np.array([(low + high) / 2] if IN_SIGHT <= frame < IN_SIGHT + HIDDEN else np.zeros((0, 2)), np.float32)
    return Staged(people, hidden)
