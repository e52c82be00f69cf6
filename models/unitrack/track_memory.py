"""What is remembered of tracks: row i of every array is one track. Rows are in order of birth, so identities ascend."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.association.kernels import kalman
from models.association.point_sets import PointSets

Integers = NDArray[np.int64]


class Phase(IntEnum):
    """Where a track stands after the present frame."""

    NEW = 0  # seen once; must be seen again in the next frame
    VISIBLE = 1  # matched with a detection in this frame
    LOST = 2  # remembered only


class TrackMemory:
    """N tracks.

    Attributes:
        identity: (N,) int64, from 1, unique in this memory.
        phase: (N,) int64, a `Phase`.
        born: (N,) int64, the first frame.
        seen: (N,) int64, the last frame with a detection.
        detection: (N,) int64, which detection of that frame it was.
        category: (N,) int64, class of the last detection.
        score: (N,) float32, of the last detection.
        beliefs: (N, 5, 4) float64, Kalman beliefs.
        looks: N tensors (S, C), points of the last detection that had any; no average over time.
    """

    def __init__(self) -> None:
        self.identity, self.phase, self.born, self.seen, self.detection, self.category = (np.zeros(0, np.int64) for _ in range(6))
        self.score = np.zeros(0, np.float32)
        self.beliefs = np.zeros((0, 5, 4))
        self.looks: list[Tensor] = []
        self._next = 1

    def __len__(self) -> int:
        return len(self.identity)

    def among(self, *phases: Phase) -> Integers:
        """Rows of the tracks in any of these phases."""
        return np.flatnonzero(np.isin(self.phase, phases))

    def boxes(self, rows: Integers) -> NDArray[np.float64]:
        """(R, 4) xyxy pixels, as the Kalman filter believes them now."""
        return np.asarray(kalman.boxes(self.beliefs[rows]))

    def objects(self, rows: Integers, like: PointSets) -> PointSets:
        """The points of the tracks at `rows` (R,); `like` says how many channels points have, and of which type they are."""
        looks = [self.looks[row] for row in rows]
        return PointSets(torch.cat([like.points[:0], *looks]), tuple(len(look) for look in looks))

    def predict(self) -> None:
        """Advance the beliefs of confirmed tracks by a frame; new tracks stay where they are, and the height of lost tracks stays."""
        rows = self.among(Phase.VISIBLE, Phase.LOST)
        beliefs = self.beliefs[rows]
        beliefs[self.phase[rows] == Phase.LOST, kalman.VELOCITY, 3] = 0.0
        kalman.predict(beliefs)
        self.beliefs[rows] = beliefs

    def match(
        self,
        rows: Integers,
        detections: Integers,
        boxes: NDArray[np.float32],
        scores: NDArray[np.float32],
        categories: Integers,
        looks: PointSets,
        *,
        frame: int,
    ) -> None:
        """Update the tracks at `rows` by one detection each.

        Args:
            rows: (K,) rows of the tracks.
            detections: (K,) numbers of the detections among those of the frame.
            boxes: (K, 4) xyxy pixels of positive size.
            scores: (K,).
            categories: (K,) classes.
            looks: K objects; a track keeps its old points where the new object has none.
            frame: number of the present frame.
        """
        kalman.correct(self.beliefs, rows, boxes.astype(np.float64))
        self.phase[rows], self.seen[rows], self.detection[rows] = Phase.VISIBLE, frame, detections
        self.category[rows], self.score[rows] = categories, scores
        for number, row in enumerate(rows):
            if looks.counts[number]:
                self.looks[row] = looks.of(number)

    def start(
        self,
        detections: Integers,
        boxes: NDArray[np.float32],
        scores: NDArray[np.float32],
        categories: Integers,
        looks: PointSets,
        *,
        frame: int,
        phase: Phase,
    ) -> None:
        """Append a track for each of K detections; arguments as those of `match`, and `phase` is that of the new tracks."""
        count = len(detections)
        now = np.full(count, frame, np.int64)
        self.identity = np.concatenate([self.identity, np.arange(self._next, self._next + count)])
        self.phase = np.concatenate([self.phase, np.full(count, phase, np.int64)])
        self.born, self.seen = np.concatenate([self.born, now]), np.concatenate([self.seen, now])
        self.detection = np.concatenate([self.detection, detections])
        self.category = np.concatenate([self.category, categories])
        self.score = np.concatenate([self.score, scores])
        self.beliefs = np.concatenate([self.beliefs, kalman.born(boxes.astype(np.float64))])
        self.looks += [looks.of(number) for number in range(count)]
        self._next += count

    def keep(self, mask: NDArray[np.bool_]) -> None:
        """Forget the tracks where mask (N,) is False."""
        for name in ("identity", "phase", "born", "seen", "detection", "category", "score", "beliefs"):
            setattr(self, name, getattr(self, name)[mask])
        self.looks = [look for look, kept in zip(self.looks, mask, strict=True) if kept]
