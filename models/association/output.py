"""What a tracker takes in and lets out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.association.kernels import candidates, lifecycle
from models.association.options import OutputOptions
from models.association.tracklet import Tracklets
from pipeline.contract.detections import Detections, names_of
from pipeline.contract.tracks import Tracks


def check(detections: Detections, frame: int) -> None:
    """Refuse what is not finite.

    Raises:
        ValueError: what is known of the boxes is not finite; names the frame.
    """
    for name in names_of(type(detections)):
        values = getattr(detections, name)
        # the sum of squares is finite where the values are, but for huge ones, and quick
        if not math.isfinite(np.vdot(values, values)) and not np.isfinite(values).all():
            raise ValueError(f"detections of frame {frame} hold NaN or infinity: has the network diverged?")


def usable_rows(detections: Detections, threshold: float) -> NDArray[np.int64]:
    """Detections that score at least the threshold; a box without width or height has no aspect and is none."""
    return np.sort(by_left_edge(detections, threshold))


def by_left_edge(detections: Detections, threshold: float) -> NDArray[np.int64]:
    """`usable_rows` in the order of their left edges."""
    return candidates.by_left_edge(np.array(detections.boxes), np.array(detections.scores), threshold)


def shown(tracks: Tracklets, boxes: NDArray[Any], options: OutputOptions, size: tuple[int, int]) -> Tracks:
    """What is output of the tracked and the recovered: their boxes, clipped if asked, without small and wide ones.

    Args:
        tracks: N tracks.
        boxes: (N, 4) xyxy pixels.
        options: of the output.
        size: width and height of the image.
    """
    borders = size if options.clip_boxes else (0, 0)
    return Tracks(*lifecycle.visible_tracks(boxes, tracks.state, tracks.score, *borders, options.min_area, options.max_aspect))
