"""A small staged scene for the tracker, so that its kernels are compiled, or read from the cache, before anything is timed."""

from __future__ import annotations

import numpy as np

from models.finetrack.options import FinetrackOptions
from models.finetrack.tracker import build_tracker
from pipeline.contract.detections import Detections
from pipeline.contract.tracks import Video


def warm_up(options: FinetrackOptions) -> None:
    """Track two people, one of whom leaves and returns."""
    tracker = build_tracker(options, Video(10.0, 200, 100))
    boxes = np.array([[10, 10, 40, 90], [110, 10, 140, 90]], np.float32)
    looks = np.eye(2, (options.network.parts + 1) * options.network.part_size, dtype=np.float32)
    for count in (2, 1, 2, 2):
        tracker.update(Detections(boxes[:count], np.ones(count, np.float32), looks[:count]))
