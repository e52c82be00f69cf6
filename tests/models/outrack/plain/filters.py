"""What a tracker takes in and lets out, in either style."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.outrack.tracker_options import TrackerOptions
from pipeline.contract.detections import Detections
from pipeline.contract.tracks import Tracks
from pipeline.numerics.boxes import area, clip
from tests.models.outrack.plain.tracklet import Phase, Tracklets


def usable(detections: Detections, threshold: float, frame: int) -> Detections:
    """The detections at `usable_rows`.

    Raises:
        ValueError: what is known of the boxes is not finite; names the frame.
    """
    for values in vars(detections).values():
        if values is not None and not np.isfinite(values).all():
            raise ValueError(f"detections of frame {frame} hold NaN or infinity: has the network diverged?")
    return detections.select(usable_rows(detections, threshold))


def usable_rows(detections: Detections, threshold: float) -> NDArray[np.int64]:
    """Detections that score at least the threshold; a box without width or height has no aspect and is none."""
    sized = (detections.boxes[:, 2:] > detections.boxes[:, :2]).all(axis=1)
    return np.flatnonzero(sized & (detections.scores >= threshold))


def shown(tracks: Tracklets, rows: NDArray[np.int64], boxes: NDArray[Any], options: TrackerOptions, size: tuple[int, int]) -> Tracks:
    """What is output of the tracks at `rows` (R,): their boxes (R, 4), clipped if asked, without small and wide ones.

    Args:
        tracks: all of them.
        rows: the visible and the recovered ones.
        boxes: xyxy pixels.
        options: `model.tracker`.
        size: width and height of the image.
    """
    boxes = boxes.astype(np.float32)
    if options.clip_boxes:
        boxes = clip(boxes, *size)
    sides = boxes[:, 2:] - boxes[:, :2]
    kept = (area(boxes) > options.min_area) & (sides[:, 0] <= options.max_aspect * sides[:, 1])
    rows = rows[kept]
    return Tracks(
        boxes=boxes[kept],
        identities=tracks.identity[rows],
        scores=tracks.score[rows],
        detections=np.where(tracks.phase[rows] == Phase.RECOVERED, -1, 0),
    )
