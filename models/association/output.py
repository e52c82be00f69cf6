"""What a tracker takes in and lets out."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.association.kernels import candidates, lifecycle
from models.association.options import OutputOptions
from models.association.tracklet import Tracklets
from pipeline.contract.detections import Detections, names_of
from pipeline.contract.tracks import Tracks


def check(detections: Detections, frame: int) -> None:
    """Refuse detections with values that are not finite.

    Raises:
        ValueError: an array of the detections holds NaN or infinity; the message names the frame.
    """
    for name in _names(type(detections)):  # type: ignore[arg-type]  # mypy takes a class for what has no hash
        values = getattr(detections, name)
        # the sum of squares is finite where the values are, but for huge ones, and quick
        if not math.isfinite(np.vdot(values, values)) and not np.isfinite(values).all():
            raise ValueError(f"detections of frame {frame} hold NaN or infinity: has the network diverged?")


_names = cache(names_of)  # asked for every frame, and dataclasses look their fields up anew each time


def usable_rows(detections: Detections, threshold: float) -> NDArray[np.int64]:
    """(R,) ascending rows of the detections that score at least the threshold and whose boxes have width and height."""
    return np.sort(by_left_edge(detections, threshold))


def by_left_edge(detections: Detections, threshold: float) -> NDArray[np.int64]:
    """`usable_rows` in the order of their left edges."""
    return candidates.by_left_edge(np.array(detections.boxes), np.array(detections.scores), threshold)


def shown(tracks: Tracklets, boxes: NDArray[Any], options: OutputOptions, size: tuple[int, int]) -> Tracks:
    """The output of a frame: the boxes of tracked and recovered tracks, clipped if asked, without small and wide ones.

    Args:
        tracks: N tracks.
        boxes: (N, 4) xyxy pixels, where the tracks are.
        options: which boxes are output, and whether they are clipped.
        size: width and height of the image in pixels.
    """
    borders = size if options.clip_boxes else (0, 0)
    return Tracks(*lifecycle.visible_tracks(boxes, tracks.state, tracks.score, *borders, options.min_area, options.max_aspect))
