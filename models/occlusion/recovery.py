"""Step 5 of OUTrack's Algorithm 1: lost tracks are located by occlusion centres, or count one more frame without any evidence.

Where the paper is silent: a lost person who was detected again under a new identity leaves a track that would be refound beside it, frame
after frame. A lost track is therefore not refound where it overlaps a track that began after it was last seen.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.association.kernels import evidence, lifecycle
from models.association.tracklet import Phase, Tracklets
from models.occlusion.detections import OccludedDetections
from models.occlusion.evidence import OcclusionMemory, find_evidence
from models.occlusion.options import RefindOptions
from pipeline.contract.detections import Detections

SAME_PERSON = 0.5  # IoU with a younger track from which a lost one is taken to be that person's old track


class Recovery:
    """Refinding in one sequence.

    Args:
        options: which rule, and its limits.
        width: of the images in pixels.
        height: of the images in pixels.
    """

    def __init__(self, options: RefindOptions, width: int, height: int) -> None:
        self._options = options
        self._memory = OcclusionMemory(width, height)

    def step(self, tracks: Tracklets, boxes: NDArray[np.float64], detections: Detections, frame: int) -> None:
        """Turn lost tracks into recovered ones and, by the paper's rule, correct their motion by the recovered boxes.

        Plain `Detections`, which carry no occlusion centres, recover nobody.

        Args:
            tracks: all tracks after association, changed in place.
            boxes: (N, 4) xyxy pixels where the tracks are; those of the visible ones hide others.
            detections: of this frame, not yet cut at the detection threshold.
            frame: number of the present frame, as the tracker counts.
        """
        if self._options.refind != "off" and isinstance(detections, OccludedDetections):
            centres = detections.occlusion_centres[detections.occlusion_scores >= self._options.occlusion_score]
            if len(centres):
                self._refind(tracks, boxes, centres)
        lifecycle.miss(tracks.state)
        if self._options.refind == "release":
            visible = tracks.among(Phase.NEW, Phase.TRACKED)
            self._memory.remember(tracks.identity[visible], boxes[visible], frame)

    def _refind(self, tracks: Tracklets, boxes: NDArray[np.float64], centres: NDArray[np.float32]) -> None:
        """Recover the lost whom centres (K, 2) locate; they have the score of the evidence, and the place by the paper's rule."""
        options, lost, visible = self._options, tracks.among(Phase.LOST), tracks.among(Phase.NEW, Phase.TRACKED)
        predicted, occluders, released = tracks.boxes(lost), boxes[visible], options.refind == "release"
        scores, places = find_evidence(predicted, occluders, centres, within_both=released)
        if released:
            found = (scores > 0) & self._memory.recall(tracks.identity[lost])
        else:
            found = (scores > options.refind_threshold) & (tracks.lost_frames[lost] < options.refind_window)
            found &= ~evidence.went_on(predicted, tracks.seen[lost], occluders, tracks.born[visible], 1.0 - SAME_PERSON)
            tracks.correct(lost[found], places[found])
        tracks.score[lost[found]] = scores[found]
        tracks.phase[lost[found]] = Phase.RECOVERED
