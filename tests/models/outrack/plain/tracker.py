"""OUTrack's tracker; models/outrack/tracker.py has the reasons."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from models.association.births import near_public
from models.outrack.tracker_options import TrackerOptions
from pipeline.contract.detections import Detections
from pipeline.contract.tracks import Tracks
from tests.models.outrack.plain import kalman
from tests.models.outrack.plain.affinity import bisoftmax_distance, cosine_distance, fuse_motion, iou_distance
from tests.models.outrack.plain.assignment import Indices, assign
from tests.models.outrack.plain.filters import shown, usable
from tests.models.outrack.plain.recovery import Recovery
from tests.models.outrack.plain.tracklet import Phase, Tracklets


class PlainTracker:
    """The memory of one sequence; satisfies `pipeline.contract.spec.Tracker`."""

    def __init__(self, options: TrackerOptions, *, frame_rate: float, width: int, height: int) -> None:
        """Start with no tracks; the first identity will be 1."""
        self._options = options
        self._size = (width, height)
        self._buffer_frames = round(options.buffer_seconds * frame_rate)
        self._tracklets = Tracklets()
        self._recovery = Recovery(options, width, height)
        # The release leaves what it outputs without a detection among the lost.
        self._located = (Phase.TRACKED,) if options.refind == "release" else (Phase.TRACKED, Phase.RECOVERED)
        self._frame = 0

    def update(self, detections: Detections, public: NDArray[np.float32] | None = None) -> Tracks:
        """Advance by one frame; see `pipeline.contract.spec.Tracker.update`.

        Boxes are the Kalman-corrected ones. A recovered box has the score of its occlusion centre's Gaussian. Plain
        `Detections`, which carry no occlusion centres, are tracked without refinding.

        Raises:
            ValueError: a box, score or embedding is not finite.
        """
        self._frame += 1
        seen = usable(detections, self._options.detection_threshold, self._frame)
        self._tracklets.predict()
        free = self._associate(seen)
        self._start(seen, free, public)
        self._recovery.step(self._tracklets, self._tracklets.boxes(), detections, self._frame)
        self._forget()
        return self._output()

    def _associate(self, seen: Detections) -> Indices:
        """Match tracks with detections in three stages, and return the indices of the detections left over."""
        tracks, options = self._tracklets, self._options
        before = tracks.phase.copy()
        free = np.arange(len(seen.boxes))
        rows = np.flatnonzero(before != Phase.NEW)
        if seen.embeddings.shape[1] or options.lost_by_overlap:
            cost, limit = self._appearance_cost(rows, seen)
            rows, free = self._match(cost, limit, rows, free, seen)
        rows = rows[np.isin(before[rows], self._located)]
        _, free = self._match(self._overlap_cost(rows, free, seen), options.iou_limit, rows, free, seen)
        rows = np.flatnonzero(before == Phase.NEW)
        rows, free = self._match(self._overlap_cost(rows, free, seen), options.unconfirmed_limit, rows, free, seen)
        tracks.phase[tracks.seen < self._frame] = Phase.LOST
        tracks.keep(~np.isin(np.arange(len(tracks)), rows))
        return free

    def _appearance_cost(self, rows: Indices, seen: Detections) -> tuple[NDArray[np.float64], float]:
        """(R, N) cost of the first stage, and its limit."""
        tracks, options = self._tracklets, self._options
        distance = kalman.squared_mahalanobis(tracks.motion.select(rows), kalman.to_measurements(seen.boxes))
        if seen.embeddings.shape[1] == 0:
            return fuse_motion(iou_distance(tracks.boxes(rows), seen.boxes), distance, weight=1.0), options.iou_limit
        measure = cosine_distance if options.similarity == "cosine" else partial(bisoftmax_distance, scale=options.similarity_scale)
        cost = measure(tracks.embedding[rows], seen.embeddings) if len(rows) else np.zeros_like(distance)
        return fuse_motion(cost, distance, weight=options.appearance_weight), options.embedding_limit

    def _overlap_cost(self, rows: Indices, free: Indices, seen: Detections) -> NDArray[np.float64]:
        return iou_distance(self._tracklets.boxes(rows), seen.boxes[free])

    def _match(self, cost: NDArray[np.float64], limit: float, rows: Indices, free: Indices, seen: Detections) -> tuple[Indices, Indices]:
        """Assign tracks `rows` to detections `free`, update the tracks, and return what is left of both."""
        found = assign(cost, limit)
        chosen = seen.select(free[found.columns])
        self._tracklets.match(
            rows[found.rows],
            chosen.boxes,
            chosen.scores,
            chosen.embeddings,
            frame=self._frame,
            momentum=self._options.embedding_momentum,
        )
        return rows[found.unmatched_rows], free[found.unmatched_columns]

    def _start(self, seen: Detections, free: Indices, public: NDArray[np.float32] | None) -> None:
        """Births: at once in the first frame, on probation later."""
        if public is not None:
            free = free[near_public(seen.boxes[free], public)]
        born = seen.select(free)
        phase = Phase.TRACKED if self._frame == 1 else Phase.NEW
        self._tracklets.start(born.boxes, born.scores, born.embeddings, frame=self._frame, phase=phase)

    def _forget(self) -> None:
        """Drop tracks unseen for longer than the buffer, and the younger of a visible and a lost track on one spot."""
        tracks = self._tracklets
        keep = self._frame - tracks.seen <= self._buffer_frames
        visible, lost = tracks.among(Phase.NEW, Phase.TRACKED), np.flatnonzero(~np.isin(tracks.phase, (Phase.NEW, *self._located)))
        close = iou_distance(tracks.boxes(visible), tracks.boxes(lost)) < self._options.duplicate_limit
        age = tracks.seen - tracks.born
        for first, second in np.argwhere(close):
            pair = visible[first], lost[second]
            keep[pair[1] if age[pair[0]] > age[pair[1]] else pair[0]] = False
        tracks.keep(keep)

    def _output(self) -> Tracks:
        rows = self._tracklets.among(Phase.TRACKED, Phase.RECOVERED)
        return shown(self._tracklets, rows, self._tracklets.boxes(rows), self._options, self._size)
