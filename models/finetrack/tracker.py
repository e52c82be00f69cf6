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
from models.association.cost_matrix import assign
from models.association.kernels import lifecycle
from models.association.output import check, shown, usable_rows
from models.association.tracklet import Phase, Tracklets
from models.finetrack.affinity import costs, likeness
from models.finetrack.options import FinetrackOptions
from pipeline.contract.detections import Detections
from pipeline.contract.tracks import Tracker, Tracks, Video
from pipeline.numerics.boxes import iou

Rows = NDArray[np.int64]


def build_tracker(options: FinetrackOptions, video: Video) -> Tracker:
    """A fresh tracker for one sequence."""
    return FinetrackTracker(options, video)


class FinetrackTracker:
    """The memory of one sequence; satisfies `pipeline.contract.tracks.Tracker`."""

    def __init__(self, options: FinetrackOptions, video: Video) -> None:
        """Start with no tracks; the first identity will be 1."""
        self._options, self._branches = options.tracker, options.network.parts + 1
        self._size = (video.width, video.height)
        self._buffer_frames = round(options.tracker.buffer_seconds * video.frame_rate)
        self._tracks = Tracklets()
        self._frame = 0

    def update(self, detections: Detections, public: NDArray[np.float32] | None = None) -> Tracks:
        """Advance by one frame; see `pipeline.contract.tracks.Tracker.update`.

        Raises:
            ValueError: a box, score or embedding is not finite.
        """
        self._frame += 1
        check(detections, self._frame)
        usable = usable_rows(detections, self._options.low)
        sure = detections.scores[usable] >= self._options.high
        self._tracks.predict()
        left = self._associate(detections, usable[sure], usable[~sure])
        self._start(detections, left, public)
        self._forget()
        return shown(self._tracks, self._tracks.boxes(), self._options, self._size)

    def _associate(self, detections: Detections, sure: Rows, unsure: Rows) -> Rows:
        """Both rounds; the sure detections that are left."""
        tracks, options = self._tracks, self._options
        boxes, in_sight = tracks.boxes(), np.isin(tracks.phase, (Phase.TRACKED, Phase.RECOVERED))
        first = assign(self._costs(detections, sure, boxes), options.high_limit)
        self._match(detections, first.rows, sure[first.columns], options.embedding_momentum)
        free = first.unmatched_rows[in_sight[first.unmatched_rows]]
        apart = 1.0 - iou(boxes[free], detections.boxes[unsure]).astype(np.float64)
        second = assign(apart, options.low_limit)
        self._match(detections, free[second.rows], unsure[second.columns], 1.0)
        missed = tracks.seen < self._frame
        keep = ~(missed & (tracks.phase == Phase.NEW))
        tracks.phase[missed] = Phase.LOST
        tracks.keep(keep)
        return sure[first.unmatched_columns]

    def _costs(self, detections: Detections, rows: Rows, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, M) of all tracks and the detections at `rows`."""
        overlaps = iou(boxes, detections.boxes[rows])
        if not overlaps.size:
            return overlaps.astype(np.float64)
        return costs(
            likeness(self._tracks.embedding, detections.embeddings[rows], self._branches, self._options.similarity), overlaps, self._options
        )

    def _match(self, detections: Detections, tracks: Rows, rows: Rows, momentum: float) -> None:
        seen = detections.select(rows)
        self._tracks.match(tracks, seen.boxes, seen.scores, seen.embeddings, frame=self._frame, momentum=momentum)
        self._tracks.detection[tracks] = rows

    def _start(self, detections: Detections, left: Rows, public: NDArray[np.float32] | None) -> None:
        """Births: at once in the first frame, on probation later."""
        rows = left[detections.scores[left] >= self._options.birth]
        if public is not None:
            rows = rows[near_public(detections.boxes[rows], public)]
        born, phase = detections.select(rows), Phase.TRACKED if self._frame == 1 else Phase.NEW
        if len(rows):
            self._tracks.start(born.boxes, born.scores, born.embeddings, rows=rows, frame=self._frame, phase=phase)

    def _forget(self) -> None:
        """Drop tracks unseen for longer than the buffer, and the younger of a visible and a lost track on one spot."""
        tracks, limit = self._tracks, self._options.duplicate_limit
        tracks.keep(lifecycle.forget(tracks.boxes(), tracks.state, self._frame, self._buffer_frames, True, limit))
