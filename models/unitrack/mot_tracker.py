"""UniTrack's association behind the contract of trackers: detections of a frame in, tracks out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.unitrack import observations
from models.unitrack.decode import UnitrackDetections
from models.unitrack.options import AssociationOptions, UnitrackOptions
from models.unitrack.tracker import AssociationTracker
from pipeline.contract.detections import Detections
from pipeline.contract.tracks import Tracker, Tracks, Video


def build_tracker(options: UnitrackOptions, video: Video) -> Tracker:
    """A fresh tracker for one sequence."""
    return MotTracker(options.tracker, frame_rate=video.frame_rate)


class MotTracker:
    """The memory of one sequence; satisfies `pipeline.contract.tracks.Tracker`.

    Args:
        options: of the association.
        frame_rate: frames per second of the sequence.
    """

    def __init__(self, options: AssociationOptions, *, frame_rate: float) -> None:
        self._tracker = AssociationTracker(options, frame_rate=frame_rate)
        self._one_size = options.similarity == "gf"

    def update(self, detections: Detections, public: NDArray[np.float32] | None = None) -> Tracks:
        """Advance by one frame; see `pipeline.contract.tracks.Tracker.update`. `public` gates nothing: all detections are given ones.

        Detections without looks, such as another system's, are compared by their embeddings, one vector each.
        """
        looks = detections.looks if isinstance(detections, UnitrackDetections) else detections.embeddings[:, None].astype(np.float16)
        seen = observations.of_boxes(detections.boxes, detections.scores, detections.classes, looks, one_size=self._one_size)
        joined = self._tracker.update(seen)
        return Tracks(joined.boxes, joined.identities, joined.scores, joined.detections, detections.classes[joined.detections])
