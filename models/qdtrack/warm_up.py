"""A small staged scene for the tracker, so that its kernels are compiled, or read from the cache, before anything is timed."""

from __future__ import annotations

import numpy as np

from models.qdtrack.detections import QdtrackDetections
from models.qdtrack.options import QdtrackOptions
from models.qdtrack.tracker import build_tracker
from models.regions.warm_up import read_regions
from pipeline.contract.tracks import Video

FRAMES = 3


def warm_up(options: QdtrackOptions) -> None:
    """Track one who stays and one detection too weak for a track; suppress and read regions as detection does."""
    tracker = build_tracker(options, Video(25.0, 640, 360))
    boxes = np.array([[200, 80, 280, 320], [400, 80, 440, 200]], np.float32)
    size = 0 if options.loss.reid == "none" else 2
    for frame in range(FRAMES):
        moved = boxes + np.float32(frame)
        tracker.update(
            QdtrackDetections(
                boxes=moved,
                scores=np.array([1.0, 0.3], np.float32),
                embeddings=np.eye(2, dtype=np.float32)[:, :size],
                previous=boxes[:0],
                regressed=boxes[:0],
                masks=np.zeros((2, 0, 0), np.float32),
            )
        )
    read_regions()
