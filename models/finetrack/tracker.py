"""FineTrack's tracker. The association of the paper (its Sec. 3.4) is not known to us: this one is ours, in ByteTrack's order.

A frame: predict all tracks; match sure detections (from `high` on) with all tracks by appearance and overlap; match unsure ones (from `low`
on) with the tracks that were in sight and are still without, by overlap alone, which changes no embedding; start tracks from sure
detections that are left, at once in the first frame and on probation later; forget.

A track on probation that the first round does not match is gone. Boxes that are output are the Kalman-corrected ones.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.association.births import near_public
from models.association.kernels import lifecycle, rounds
from models.association.output import check, shown
from models.association.stages import Seen
from models.association.tracklet import Phase, Tracklets
from models.finetrack.affinity import cosines
from models.finetrack.options import FinetrackOptions, TrackerOptions
from pipeline.contract.detections import Detections
from pipeline.contract.tracks import Tracker, Tracks, Video

Rows = NDArray[np.int64]


def build_tracker(options: FinetrackOptions, video: Video) -> Tracker:
    """A fresh tracker for one sequence."""
    return FinetrackTracker(options, video)


class FinetrackTracker:
    """The memory of one sequence; satisfies `pipeline.contract.tracks.Tracker`.

    Args:
        options: the whole `model` section; the tracker's options and the number of parts are read.
        video: frame rate and image size of the sequence.
    """

    def __init__(self, options: FinetrackOptions, video: Video) -> None:
        """Start with no tracks; the first identity will be 1."""
        self._options, self._branches = options.tracker, options.network.parts + 1
        self._size = (video.width, video.height)
        self._limits = _limits(options.tracker)
        self._buffer_frames = round(options.tracker.buffer_seconds * video.frame_rate)
        self._tracks = Tracklets()
        self._frame = 0

    def update(self, detections: Detections, public: NDArray[np.float32] | None = None) -> Tracks:
        """Advance by one frame; see `pipeline.contract.tracks.Tracker.update`.

        Raises:
            ValueError: an array of the detections holds NaN or infinity; the message names the frame.
        """
        self._frame += 1
        check(detections, self._frame)
        self._tracks.predict()
        left = self._associate(detections)
        self._start(detections, left, public)
        self._forget()
        return shown(self._tracks, self._tracks.boxes(), self._options, self._size)

    def _associate(self, detections: Detections) -> Rows:
        """Match in both rounds, and return the rows of the sure detections that are left, ascending."""
        tracks, options = self._tracks, self._options
        boxes, scores = np.array(detections.boxes), np.array(detections.scores)
        rows, sure = rounds.by_score(boxes, scores, options.low, options.high)
        seen = Seen(boxes[rows], scores[rows], detections.embeddings[rows])
        likeness = cosines(tracks.embedding, seen.features[:sure], self._branches, options.similarity)
        left, keep = rounds.associate(tracks.memory, seen, rows, sure, likeness, self._limits, self._frame, options.embedding_momentum)
        tracks.keep(keep)
        return left

    def _start(self, detections: Detections, left: Rows, public: NDArray[np.float32] | None) -> None:
        """Births: at once in the first frame, on probation later."""
        rows = left[detections.scores[left] >= self._options.birth]
        if public is not None:
            rows = rows[near_public(detections.boxes[rows], public)]
        if len(rows):
            born, phase = detections.select(rows), Phase.TRACKED if self._frame == 1 else Phase.NEW
            self._tracks.start(born.boxes, born.scores, born.embeddings, rows=rows, frame=self._frame, phase=phase)

    def _forget(self) -> None:
        """Drop tracks unseen for longer than the buffer, and the younger of a visible and a lost track on one spot."""
        tracks, limit = self._tracks, self._options.duplicate_limit
        tracks.keep(lifecycle.forget(tracks.boxes(), tracks.state, self._frame, self._buffer_frames, True, limit))


def _limits(o: TrackerOptions) -> rounds.Limits:
    return rounds.Limits(o.appearance_weight, o.gate, o.likeness, o.high_limit, o.low_limit)
