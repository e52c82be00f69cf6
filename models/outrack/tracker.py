"""OUTrack's tracker: Algorithm 1 of the paper on FairMOT's association.

A frame is handled in this order: predict all tracks; match confirmed and lost tracks by embedding and motion, what is left of
the visible ones by overlap, then tracks seen once by overlap; start tracks; refind lost objects behind others; forget.

Where the paper is silent:
- A recovered box is output and fed to the Kalman filter as a measurement. Its w stays as it was (Algorithm 1, line 22): w counts
  the frames without any trace, so an object may be followed behind another for longer than tau_w. But only a detection renews
  the buffer of `buffer_seconds`, so no phantom outlives it. In the next frame a recovered track may match by overlap, as a
  visible one would, since its place is known.
- Occluders are the tracks with a detection in this frame, at their Kalman-corrected boxes.
- Without embeddings (D = 0), the first stage compares by 1 - IoU within the motion gate, lost tracks included. FairMOT without its
  embedding stage, the paper's baseline, never matches lost tracks: `lost_by_overlap: false`.
- `similarity: bisoftmax` puts QDTrack's Eq. 8 in the cosine's place, over all tracks of the first stage and all detections of the frame,
  before the motion gate. Embeddings have unit length here, so cosines are first multiplied as UTrack multiplies them, by 2 ln(C + 1).
- Tracks seen once are predicted like the others. FairMOT leaves them where they were, whereby they learn no velocity from
  their second sighting.
- Of a visible and a lost track on one spot, the younger goes, as in FairMOT, though it may be a second person: on MOT17's
  trajectories every gentler rule that we tried cost identity switches. A recovered track is never taken for a duplicate, except with
  `refind: release`, where it counts as lost.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.association.births import near_public
from models.association.kernels import lifecycle
from models.association.output import by_left_edge, check, shown
from models.association.stages import ADAPTIVE, COSINE, Cost, Seen, Stage, associate
from models.association.tracklet import Phase, Tracklets
from models.occlusion.recovery import Recovery
from models.outrack.options import OutrackOptions
from models.outrack.tracker_options import TrackerOptions
from pipeline.contract.detections import Detections
from pipeline.contract.tracks import Tracker, Tracks, Video


def build_tracker(options: OutrackOptions, video: Video) -> Tracker:
    """A fresh tracker for one sequence."""
    return OutrackTracker(options.tracker, frame_rate=video.frame_rate, width=video.width, height=video.height)


class OutrackTracker:
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
        self._buffer_frames = round(options.buffer_seconds * frame_rate)
        self._tracklets = Tracklets()
        self._recovery = Recovery(options, width, height)
        scale = ADAPTIVE if options.similarity_scale == "adaptive" else options.similarity_scale
        self._scale = scale if options.similarity == "bisoftmax" else COSINE
        # The release leaves what it outputs without a detection among the lost.
        self._recovered_in_sight = options.refind != "release"
        self._stages = (self._stages_of(embedded=False), self._stages_of(embedded=True))
        self._frame = 0

    def update(self, detections: Detections, public: NDArray[np.float32] | None = None) -> Tracks:
        """Advance by one frame; see `pipeline.contract.tracks.Tracker.update`.

        Boxes are the Kalman-corrected ones. A recovered box has the score of its occlusion centre's Gaussian. Plain
        `Detections`, which carry no occlusion centres, are tracked without refinding.

        Raises:
            ValueError: an array of the detections holds NaN or infinity; the message names the frame.
        """
        self._frame += 1
        check(detections, self._frame)
        rows = by_left_edge(detections, self._options.detection_threshold)
        self._tracklets.predict()
        free = rows[self._associate(Seen(detections.boxes[rows], detections.scores[rows], detections.embeddings[rows]))]
        matched = self._tracklets.seen == self._frame
        self._tracklets.detection[matched] = rows[self._tracklets.detection[matched]]
        if len(free):
            self._start(detections, np.sort(free), public)
        self._recovery.step(self._tracklets, self._tracklets.boxes(), detections, self._frame)
        self._forget()
        return self._output()

    def _associate(self, seen: Seen) -> NDArray[np.bool_]:
        """Match tracks with detections, sorted by left edge, and return which detections are left over."""
        tracks, options = self._tracklets, self._options
        stages, momentum, weight = self._stages[seen.features.shape[1] > 0], options.embedding_momentum, options.appearance_weight
        free, keep = associate(tracks, seen, stages, frame=self._frame, momentum=momentum, weight=weight, scale=self._scale)
        tracks.keep(keep)
        return free

    def _stages_of(self, embedded: bool) -> tuple[Stage, ...]:
        """FairMOT's three: all but new tracks within the motion gate; of the rest those in sight by overlap; new ones by overlap."""
        options, in_sight = self._options, (Phase.TRACKED, Phase.RECOVERED) if self._recovered_in_sight else (Phase.TRACKED,)
        remembered = (Phase.TRACKED, Phase.RECOVERED, Phase.LOST)
        stages = [
            Stage(in_sight, Cost.OVERLAP, options.iou_limit),
            Stage((Phase.NEW,), Cost.OVERLAP, options.unconfirmed_limit),
        ]
        if embedded or options.lost_by_overlap:
            stages.insert(0, Stage(remembered, Cost.APPEARANCE, options.embedding_limit if embedded else options.iou_limit))
        return tuple(stages)

    def _start(self, detections: Detections, free: NDArray[np.int64], public: NDArray[np.float32] | None) -> None:
        """Births: at once in the first frame, on probation later."""
        if public is not None:
            free = free[near_public(detections.boxes[free], public)]
        born, phase = detections.select(free), Phase.TRACKED if self._frame == 1 else Phase.NEW
        self._tracklets.start(born.boxes, born.scores, born.embeddings, rows=free, frame=self._frame, phase=phase)

    def _forget(self) -> None:
        """Drop tracks unseen for longer than the buffer, and the younger of a visible and a lost track on one spot."""
        tracks, limit = self._tracklets, self._options.duplicate_limit
        tracks.keep(lifecycle.forget(tracks.boxes(), tracks.state, self._frame, self._buffer_frames, self._recovered_in_sight, limit))

    def _output(self) -> Tracks:
        return shown(self._tracklets, self._tracklets.boxes(), self._options, self._size)
