"""A small staged scene for the tracker, so that its kernels are compiled, or read from the cache, before anything is timed."""

from __future__ import annotations

import numpy as np

from models.occlusion.scene import VIDEO, Staged, frames, staged
from models.unitrack.decode import UnitrackDetections
from models.unitrack.mot_tracker import build_tracker
from models.unitrack.options import UnitrackOptions

CHANNELS = 4


def warm_up(options: UnitrackOptions) -> None:
    """Track one who stands and one who walks behind them and is gone."""
    tracker = build_tracker(options, VIDEO)
    for frame in range(frames(options.tracker.buffer_seconds)):
        tracker.update(_seen(staged(frame), options))


def _seen(scene: Staged, options: UnitrackOptions) -> UnitrackDetections:
    count, points = len(scene.people), 1 if options.tracker.similarity == "cf" else int(np.prod(options.tracker.region))
    looks = np.repeat(np.eye(2, CHANNELS, dtype=np.float16)[:count, None], points, axis=1)
    return UnitrackDetections(scene.people, np.ones(count, np.float32), np.zeros((count, 0), np.float32), looks=looks)
