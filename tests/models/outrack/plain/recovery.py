"""Step 5 of Algorithm 1: lost tracks are located by occlusion centres, or count one more frame without a trace.

Where the paper is silent: a lost person who was detected again under a new identity leaves a track that would be refound beside it, frame
after frame. A lost track is therefore not refound where it overlaps a track that began after it was last seen.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.occlusion.detections import OccludedDetections
from models.occlusion.evidence import OcclusionMemory
from models.outrack.tracker_options import TrackerOptions
from pipeline.contract.detections import Detections
from tests.models.outrack.plain.affinity import iou_distance
from tests.models.outrack.plain.assignment import Indices
from tests.models.outrack.plain.refind import find_evidence
from tests.models.outrack.plain.tracklet import Phase, Tracklets

SAME_PERSON = 0.5  # IoU with a younger track from which a lost one is taken to be that person's old track


class Recovery:
    """Refinding in one sequence, of images of width x height pixels."""

    def __init__(self, options: TrackerOptions, width: int, height: int) -> None:
        self._options = options
        self._memory = OcclusionMemory(width, height)

    def step(self, tracks: Tracklets, boxes: NDArray[Any], detections: Detections, frame: int) -> None:
        """Turn lost tracks into recovered ones and, by the paper's rule, correct their motion by the recovered boxes.

        Plain `Detections`, which carry no occlusion centres, recover nobody.

        Args:
            tracks: all tracks after association, changed in place.
            boxes: (N, 4) xyxy pixels where the tracks are; those of the visible ones hide others.
            detections: of this frame, not yet cut at the detection threshold.
            frame: its number, as the tracker counts.
        """
        options = self._options
        lost, visible = tracks.among(Phase.LOST), tracks.among(Phase.NEW, Phase.TRACKED)
        released = options.refind == "release"
        found = np.zeros(len(lost), bool)
        if options.refind != "off" and isinstance(detections, OccludedDetections):
            centres = detections.occlusion_centres[detections.occlusion_scores >= options.occlusion_score]
            scores, places = find_evidence(tracks.boxes(lost), boxes[visible], centres, within_both=released)
            if released:
                found = (scores > 0) & self._memory.recall(tracks.identity[lost])
            else:
                found = (scores > options.refind_threshold) & (tracks.lost_frames[lost] < options.refind_window)
                found &= ~_went_on(tracks, lost, boxes, visible)
                tracks.correct(lost[found], places[found])
            tracks.score[lost[found]] = scores[found]
        tracks.phase[lost[found]] = Phase.RECOVERED
        tracks.lost_frames[lost[~found]] += 1
        if released:
            self._memory.remember(tracks.identity[visible], boxes[visible], frame)


def _went_on(tracks: Tracklets, lost: Indices, boxes: NDArray[Any], visible: Indices) -> NDArray[np.bool_]:
    """(L,) whether a visible track that began after the lost one was last seen stands where that one is believed to be."""
    younger = tracks.born[visible][None] > tracks.seen[lost][:, None]
    close = iou_distance(tracks.boxes(lost), boxes[visible]) <= 1.0 - SAME_PERSON
    return np.logical_and(younger, close).any(axis=1)
