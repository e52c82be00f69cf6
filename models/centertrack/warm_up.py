"""A small staged scene for the tracker, so that its kernels are compiled, or read from the cache, before anything is timed."""

from __future__ import annotations

import numpy as np

from models.centertrack.decode import CentertrackDetections
from models.centertrack.options import CentertrackOptions
from models.centertrack.tracker import build_tracker
from models.occlusion.scene import VIDEO, Staged, frames, staged


def warm_up(options: CentertrackOptions) -> None:
    """Track one who stands and one who walks behind them, is refound there, and then gone for good."""
    tracker = build_tracker(options, VIDEO)
    for frame in range(frames(options.tracker.buffer_seconds)):
        tracker.update(_seen(staged(frame)))


def _seen(scene: Staged) -> CentertrackDetections:
    count, shown = len(scene.people), len(scene.centres)
    scores, looks = np.ones(count, np.float32), np.zeros((count, 0), np.float32)
    return CentertrackDetections(scene.people, scores, looks, scene.centres, np.ones(shown, np.float32), np.zeros((count, 2), np.float32))
