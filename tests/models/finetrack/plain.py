"""FineTrack's association written plainly, with matrices of all pairs; models/finetrack/tracker.py has the reasons."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.association.births import near_public
from models.association.cost_matrix import assign
from models.association.output import shown, usable_rows
from models.association.tracklet import Phase, Tracklets
from models.finetrack.options import FinetrackOptions, TrackerOptions
from pipeline.contract.detections import Detections
from pipeline.contract.tracks import Tracks, Video
from pipeline.numerics.boxes import iou

Rows = NDArray[np.int64]
Floats = NDArray[np.floating[Any]]


class PlainTracker:
    """The memory of one sequence; satisfies `pipeline.contract.tracks.Tracker`."""

    def __init__(self, options: FinetrackOptions, video: Video) -> None:
        """Start with no tracks; the first identity will be 1."""
        self._options, self._branches = options.tracker, options.network.parts + 1
        self._size = (video.width, video.height)
        self._buffer_frames = round(options.tracker.buffer_seconds * video.frame_rate)
        self._tracks = Tracklets()
        self._frame = 0

    def update(self, detections: Detections, public: NDArray[np.float32] | None = None) -> Tracks:
        """Advance by one frame; see `pipeline.contract.tracks.Tracker.update`."""
        self._frame += 1
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
        tracks = self._tracks
        keep, length = self._frame - tracks.seen <= self._buffer_frames, tracks.seen - tracks.born
        visible, lost = tracks.among(Phase.TRACKED, Phase.NEW), tracks.among(Phase.LOST)
        boxes = tracks.boxes()
        close = 1.0 - iou(boxes[visible], boxes[lost]).astype(np.float64) < self._options.duplicate_limit
        for first, second in zip(*np.nonzero(close), strict=True):
            older = length[visible[first]] > length[lost[second]]
            keep[lost[second] if older else visible[first]] = False
        tracks.keep(keep)


def costs(cosines: Floats, overlaps: Floats, options: TrackerOptions) -> NDArray[np.float64]:
    """Of the first round: appearance_weight * (1 - cosine) + the rest * (1 - IoU).

    Args:
        cosines: (N, M) of tracks and detections.
        overlaps: (N, M), IoU.
        options: `appearance_weight`, `gate` and `likeness`.

    Returns:
        (N, M) float64, infinite for pairs of an IoU below `gate` and a cosine below `likeness`.
    """
    weight = options.appearance_weight
    cost = (weight * (1.0 - cosines) + (1.0 - weight) * (1.0 - overlaps)).astype(np.float64)
    cost[(overlaps < options.gate) & (cosines < options.likeness)] = np.inf
    return cost


def likeness(tracks: NDArray[np.float32], detections: NDArray[np.float32], branches: int, similarity: str) -> NDArray[np.float32]:
    """Cosines (N, M) of embeddings (N, D) and (M, D), of unit length.

    Args:
        tracks: means of what was seen.
        detections: as `parts.embedding_of` makes them.
        branches: of which D is made, K + 1.
        similarity: `mean` over all branches, the cosine of the whole; or `best`, the mean over the better half of them (rounded up),
            each of which is compared by its own cosine, so that a part that is hidden now does not count.
    """
    if similarity == "mean" or not len(tracks) or not len(detections):
        return tracks @ detections.T
    first, second = (_branches(each, branches) for each in (tracks, detections))
    each = np.sort(first @ second.transpose(0, 2, 1), axis=0)  # (B, N, M)
    return each[branches // 2 :].mean(axis=0, dtype=np.float32)


def _branches(vectors: NDArray[np.float32], branches: int) -> NDArray[np.float32]:
    """(B, N, D / B), each of unit length."""
    parts = vectors.reshape(len(vectors), branches, -1).transpose(1, 0, 2)
    units: NDArray[np.float32] = parts / np.maximum(np.linalg.norm(parts, axis=2, keepdims=True), 1e-12)
    return units
