"""Association of given detections (Algorithm 1 of the paper, on JDE's tracker): MOT, MOTS, pose tracking and VIS.

A frame is handled in this order: predict; match visible and lost tracks by appearance and motion, what is left of the visible ones by
overlap, then tracks seen once; start tracks; forget. Read otherwise than printed: Eq. 10 keeps what is within the gate, Eq. 11 is
`1 - RSM`, line 14 of Algorithm 1 assigns by the overlap's cost, and the gate acts before the assignment, as in the released code.

Without motion nothing but appearance decides, tracks seen once included, and boxes are output as they were detected.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from models.association import appearance
from models.association.affinity import iou_distance
from models.association.cost_matrix import assign
from models.association.motion import GATE, squared_mahalanobis
from models.association.point_sets import PointSets
from models.association.rsm import rsm
from models.unitrack.options import AssociationOptions
from models.unitrack.track_memory import Integers, Phase, TrackMemory

Floats = NDArray[np.float64]
SIMILARITIES: dict[str, Callable[[PointSets, PointSets], Tensor]] = {
    "rsm": rsm,
    "gf": appearance.global_features,
    "gpf": appearance.pooled_features,
    "cf": appearance.pooled_features,  # of one point each
    "reid": appearance.pooled_features,  # of one vector each
}


class Observations(NamedTuple):
    """The detections of one frame, in any form: what identities are joined by.

    Attributes:
        boxes: (N, 4) float32 xyxy pixels; of positive size, or the detection is not looked at.
        scores: (N,) float32.
        categories: (N,) int64 classes.
        looks: N objects, as the similarity needs them: the points of boxes, masks or poses, or one vector each.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    categories: Integers
    looks: PointSets

    def select(self, index: Integers) -> Observations:
        """The detections at `index`, in that order."""
        return Observations(self.boxes[index], self.scores[index], self.categories[index], self.looks.select(index.tolist()))


class Joined(NamedTuple):
    """The visible tracks of one frame.

    Attributes:
        boxes: (M, 4) float32 xyxy pixels, Kalman-corrected unless appearance alone decides.
        identities: (M,) int64, from 1.
        scores: (M,) float32 of the detections.
        detections: (M,) int64, which of the frame's detections each one is; its mask, pose and class are this track's.
    """

    boxes: NDArray[np.float32]
    identities: Integers
    scores: NDArray[np.float32]
    detections: Integers


class AssociationTracker:
    """The memory of one sequence.

    Args:
        options: of the association.
        frame_rate: frames per second.

    Attributes:
        unusable: detections so far without a box of positive size, which no track can take.
    """

    def __init__(self, options: AssociationOptions, *, frame_rate: float) -> None:
        self._options = options
        self._moves = options.motion != "none"
        self._buffer_frames = round(options.buffer_seconds * frame_rate)
        self._tracks = TrackMemory()
        self._frame = 0
        self.unusable = 0

    def update(self, seen: Observations) -> Joined:
        """Advance by one frame.

        Raises:
            ValueError: objects have different numbers of points, with similarity `gf`.
        """
        self._frame += 1
        rows = self._usable(seen)
        free = seen.select(rows)
        if self._moves:
            self._tracks.predict()
        unconfirmed = self._tracks.among(Phase.NEW)
        left, rows, free = self._main_stage(self._tracks.among(Phase.VISIBLE, Phase.LOST), rows, free)
        visible = left[self._tracks.phase[left] == Phase.VISIBLE]
        if self._moves:
            visible, rows, free = self._overlap_stage(visible, rows, free, self._options.overlap_limit)
        self._tracks.phase[visible] = Phase.LOST
        if self._moves:
            dropped, rows, free = self._overlap_stage(unconfirmed, rows, free, self._options.unconfirmed_limit)
        else:
            dropped, rows, free = self._main_stage(unconfirmed, rows, free)
        self._forget(dropped)
        phase = Phase.VISIBLE if self._frame == 1 or self._options.confirm_at_once else Phase.NEW
        self._tracks.start(rows, *free, frame=self._frame, phase=phase)
        return self._output(seen)

    def _usable(self, seen: Observations) -> Integers:
        whole = np.isfinite(seen.boxes).all(1) & (seen.boxes[:, 2:] > seen.boxes[:, :2]).all(1)
        self.unusable += int((~whole).sum())
        return np.flatnonzero(whole & (seen.scores >= self._options.detection_threshold))

    def _main_stage(self, tracks: Integers, rows: Integers, free: Observations) -> tuple[Integers, Integers, Observations]:
        """Match by appearance and motion; returns the tracks and the detections that are left."""
        options = self._options
        cost = np.zeros((len(tracks), len(rows)))
        weight = options.appearance_weight if options.motion == "full" else 1.0
        if options.similarity != "none":
            similarity = SIMILARITIES[options.similarity](self._tracks.objects(tracks, free.looks), free.looks)
            cost += weight * (1.0 - similarity.cpu().double().numpy())
        if options.motion == "full":
            distance = squared_mahalanobis(self._tracks.beliefs[tracks], free.boxes)
            if options.similarity == "none":  # within the gate whatever the weight
                cost += distance * (np.nextafter(options.appearance_limit, 0) / GATE)
            else:
                cost += (1.0 - weight) * distance
            if options.gate or options.similarity == "none":
                cost[distance > GATE] = np.inf
        differ = self._tracks.category[tracks, None] != free.categories[None]
        if options.classes == "gate":
            cost[differ] = np.inf
        elif options.classes == "add":
            cost += np.abs(self._tracks.category[tracks, None] - free.categories[None])
        return self._matched(cost, options.appearance_limit, tracks, rows, free)

    def _overlap_stage(self, tracks: Integers, rows: Integers, free: Observations, limit: float) -> tuple[Integers, Integers, Observations]:
        """Match by overlap; returns the tracks and the detections that are left."""
        cost = iou_distance(self._tracks.boxes(tracks), free.boxes)
        if self._options.classes == "gate":
            cost[self._tracks.category[tracks, None] != free.categories[None]] = np.inf
        return self._matched(cost, limit, tracks, rows, free)

    def _matched(
        self, cost: Floats, limit: float, tracks: Integers, rows: Integers, free: Observations
    ) -> tuple[Integers, Integers, Observations]:
        pairs = assign(cost, limit)
        if len(pairs.rows):
            self._tracks.match(tracks[pairs.rows], rows[pairs.columns], *free.select(pairs.columns), frame=self._frame)
        return tracks[pairs.unmatched_rows], rows[pairs.unmatched_columns], free.select(pairs.unmatched_columns)

    def _forget(self, dropped: Integers) -> None:
        """Drop the tracks `dropped`, those unseen for too long and, unless appearance alone decides, one of a visible and a lost duplicate.

        Of duplicates the one with fewer frames between its first and its last detection goes; the visible one if they are equal.
        """
        tracks = self._tracks
        keep = self._frame - tracks.seen <= self._buffer_frames
        keep |= tracks.phase == Phase.VISIBLE
        keep[dropped] = False
        if self._moves:
            visible, lost = tracks.among(Phase.VISIBLE), tracks.among(Phase.LOST)
            close = iou_distance(tracks.boxes(visible), tracks.boxes(lost)) < self._options.duplicate_limit
            for one, other in zip(visible[np.nonzero(close)[0]], lost[np.nonzero(close)[1]], strict=True):
                age = [tracks.seen[row] - tracks.born[row] for row in (one, other)]
                keep[other if age[0] > age[1] else one] = False
        tracks.keep(keep)

    def _output(self, seen: Observations) -> Joined:
        tracks = self._tracks
        shown = tracks.among(Phase.VISIBLE)
        boxes = tracks.boxes(shown) if self._moves else seen.boxes[tracks.detection[shown]]
        size = boxes[:, 2:] - boxes[:, :2]
        fits = (size.prod(1) > self._options.least_area) & (size[:, 0] <= self._options.widest * size[:, 1])
        shown = shown[fits]
        return Joined(boxes[fits].astype(np.float32), tracks.identity[shown], tracks.score[shown], tracks.detection[shown])
