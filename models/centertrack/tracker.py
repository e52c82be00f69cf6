"""CenterTrack's tracker with OUTrack's refinding.

A frame is handled in this order: each detection, best first, takes the nearest track of the frame before; the others start tracks at
once; tracks without a detection are lost at once; lost objects behind others are refound; forget.

Where the papers are silent:
- A Kalman filter follows every track, but its word counts only for the lost ones: it says where refinding looks. Boxes of matched
  tracks are the detections' own. A refound track is where OUTrack's own tracker would put it, at the filter's belief once the
  recovered box has corrected it, and may match from there in the next frame.
- Lost tracks never match (CenterTrack's default, max_age -1); they are remembered for `buffer_seconds` to be refound, and not at all
  without refinding. One that a visible track covers is forgotten: that person goes on under a new identity.
- An update without a single detection, whatever its score, is a frame that is missing from the source, which the network did not see
  either: tracks wait where they were, and displacements lead back to there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.association.affinity import iou_distance
from models.association.assignment import Indices
from models.association.births import near_public
from models.association.greedy import greedy
from models.association.output import check, shown, usable_rows
from models.association.tracklet import Phase, Tracklets
from models.centertrack.decode import CentertrackDetections
from models.centertrack.options import CentertrackOptions, TrackerOptions
from models.occlusion.recovery import Recovery
from pipeline.contract.detections import Detections
from pipeline.contract.tracks import Tracks, Video
from pipeline.numerics.boxes import area, centres


class CenterTracker:
    """The memory of one sequence; satisfies `pipeline.contract.tracks.Tracker`.

    Args:
        options: the tracker's.
        frame_rate: frames per second of the sequence.
        width: of its images in pixels.
        height: of its images in pixels.
    """

    def __init__(self, options: TrackerOptions, *, frame_rate: float, width: int, height: int) -> None:
        """Start with no tracks; the first identity will be 1."""
        self._options = options
        self._size = (width, height)
        self._buffer_frames = 0 if options.refind == "off" else round(options.buffer_seconds * frame_rate)
        self._tracklets = Tracklets()
        self._boxes = np.zeros((0, 4))  # of each track: its last detection, or where it was refound
        self._recovery = Recovery(options, width, height)
        self._frame = 0

    def update(self, detections: Detections, public: NDArray[np.float32] | None = None) -> Tracks:
        """Advance by one frame; see `pipeline.contract.tracks.Tracker.update`.

        Plain `Detections`, which carry no displacements, are taken to have stood still.

        Raises:
            ValueError: an array of the detections holds NaN or infinity; the message names the frame.
        """
        self._frame += 1
        self._tracklets.predict()
        if not len(detections.boxes):
            return shown(Tracklets(), np.zeros((0, 4)), self._options, self._size)
        check(detections, self._frame)
        usable = usable_rows(detections, self._options.detection_threshold)
        rows = usable[np.argsort(-detections.scores[usable], kind="stable")]
        seen = detections.select(rows)
        self._start(seen, self._associate(seen), public)
        visible = self._tracklets.seen == self._frame
        self._tracklets.detection[visible] = rows[self._tracklets.detection[visible]]
        self._recovery.step(self._tracklets, self._boxes, detections, self._frame)
        refound = self._tracklets.among(Phase.RECOVERED)
        self._boxes[refound] = self._tracklets.boxes(refound)
        self._forget()
        return shown(self._tracklets, self._boxes, self._options, self._size)

    def _associate(self, seen: Detections) -> Indices:
        """Match detections, best first, with the tracks of the frame before, and return the indices of those left over."""
        tracks = self._tracklets
        rows = tracks.among(Phase.TRACKED, Phase.RECOVERED)
        found = greedy(self._cost(seen, rows))
        rows, chosen = rows[found.columns], seen.select(found.rows)
        tracks.match(rows, chosen.boxes, chosen.scores, chosen.embeddings, frame=self._frame, momentum=0.0)
        tracks.detection[rows] = found.rows
        self._boxes[rows] = chosen.boxes
        tracks.phase[tracks.seen < self._frame] = Phase.LOST
        return found.unmatched_rows

    def _cost(self, seen: Detections, rows: Indices) -> NDArray[np.float64]:
        """(N, R) squared distances in pixels of where detections were from where tracks are; +inf above the area of either box."""
        before = centres(seen.boxes)
        if isinstance(seen, CentertrackDetections):
            before = before + seen.displacements
        distance = np.square(before[:, None] - centres(self._boxes[rows])[None]).sum(axis=2)
        reach = np.minimum(area(seen.boxes)[:, None], area(self._boxes[rows])[None])
        return np.where(distance > reach, np.inf, distance)

    def _start(self, seen: Detections, free: Indices, public: NDArray[np.float32] | None) -> None:
        """Births, at once."""
        if public is not None:
            free = free[near_public(seen.boxes[free], public)]
        born = seen.select(free)
        self._tracklets.start(born.boxes, born.scores, born.embeddings, frame=self._frame, phase=Phase.TRACKED, rows=free)
        self._boxes = np.concatenate([self._boxes, born.boxes])

    def _forget(self) -> None:
        """Drop tracks unseen for longer than the buffer, and lost ones that a visible track covers."""
        tracks = self._tracklets
        keep = self._frame - tracks.seen <= self._buffer_frames
        visible, lost = tracks.among(Phase.TRACKED), tracks.among(Phase.LOST)
        close = iou_distance(self._boxes[visible], tracks.boxes(lost)) < self._options.duplicate_limit
        keep[lost[close.any(axis=0)]] = False
        tracks.keep(keep)
        self._boxes = self._boxes[keep]


def build_tracker(options: CentertrackOptions, video: Video) -> CenterTracker:
    """A fresh tracker for one sequence."""
    return CenterTracker(options.tracker, frame_rate=video.frame_rate, width=video.width, height=video.height)
