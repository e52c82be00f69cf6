"""A small staged scene for the tracker, so that its kernels are compiled, or read from the cache, before anything is timed."""

from __future__ import annotations

import numpy as np

from models.occlusion.detections import OccludedDetections
from models.occlusion.scene import VIDEO, Staged, frames, staged
from models.outrack.options import OutrackOptions
from models.outrack.tracker import build_tracker


def warm_up(options: OutrackOptions) -> None:
    """Track one who stands and one who walks behind them, is refound there, and then gone for good."""
    tracker = build_tracker(options, VIDEO)
    for frame in range(frames(options.tracker.buffer_seconds)):
        tracker.update(_seen(staged(frame), options))


def _seen(scene: Staged, options: OutrackOptions) -> OccludedDetections:
    count = len(scene.people)
    embeddings = np.eye(2, dtype=np.float32)[:count, : 0 if options.loss.reid == "none" else 2]
    return OccludedDetections(scene.people, np.ones(count, np.float32), embeddings, scene.centres, np.ones(len(scene.centres), np.float32))
