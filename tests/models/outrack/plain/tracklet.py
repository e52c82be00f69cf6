"""The tracks' memory between frames, as a structure of arrays: row i of every array is one track.

One array operation then serves all tracks, where a list of track objects would cost a Kalman filter call each. Rows are in
order of birth, so identities ascend.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.models.outrack.plain import kalman


class Phase(IntEnum):
    """Where a track stands after the present frame."""

    NEW = 0  # seen once; must be seen again in the next frame
    TRACKED = 1  # matched with a detection in this frame
    RECOVERED = 2  # without detection, but located in this frame by other evidence
    LOST = 3  # remembered only


class Tracklets:
    """N tracks.

    Identities are counted from 1 by each instance, so that two trackers in one process never share them.

    Attributes:
        identity: (N,) int64, unique.
        phase: (N,) int8, a `Phase`.
        motion: Kalman beliefs, N rows.
        embedding: (N, D) float32 of unit length, the running average of what was seen.
        score: (N,) float32, of the last detection or recovery.
        born: (N,) int64, the first frame.
        seen: (N,) int64, the last frame with a detection.
        lost_frames: (N,) int64, frames since `seen` in which the track could not be located (w of Algorithm 1).
    """

    def __init__(self) -> None:
        self.identity = np.zeros(0, np.int64)
        self.phase = np.zeros(0, np.int8)
        self.motion = kalman.initiate(np.zeros((0, 4)))
        self.embedding = np.zeros((0, 0), np.float32)
        self.score = np.zeros(0, np.float32)
        self.born = np.zeros(0, np.int64)
        self.seen = np.zeros(0, np.int64)
        self.lost_frames = np.zeros(0, np.int64)
        self._next_identity = 1

    def __len__(self) -> int:
        return len(self.identity)

    def boxes(self, rows: NDArray[Any] | slice = slice(None)) -> NDArray[np.float64]:
        """(R, 4) xyxy pixels, as the Kalman filter believes them now."""
        return kalman.to_boxes(self.motion.position[rows])

    def among(self, *phases: Phase) -> NDArray[np.int64]:
        """Rows of the tracks in any of these phases."""
        return np.flatnonzero(np.isin(self.phase, phases))

    def predict(self) -> None:
        """Advance all beliefs by a frame. The size of what is out of sight is not extrapolated."""
        self.motion.velocity[~np.isin(self.phase, (Phase.NEW, Phase.TRACKED)), 3] = 0.0
        self.motion = kalman.predict(self.motion)

    def start(
        self,
        boxes: NDArray[np.float32],
        scores: NDArray[np.float32],
        embeddings: NDArray[np.float32],
        *,
        frame: int,
        phase: Phase,
    ) -> None:
        """Append a track for each detection: (K, 4) xyxy pixels, (K,), (K, D)."""
        count = len(boxes)
        identities = np.arange(self._next_identity, self._next_identity + count)
        self._next_identity += count
        now = np.full(count, frame, np.int64)
        known = self.embedding if len(self) else np.zeros((0, embeddings.shape[1]), np.float32)
        self.motion = self.motion.joined(kalman.initiate(kalman.to_measurements(boxes)))
        self.identity = np.concatenate([self.identity, identities])
        self.phase = np.concatenate([self.phase, np.full(count, phase, np.int8)])
        self.embedding = np.concatenate([known, unit(embeddings)])
        self.score = np.concatenate([self.score, scores])
        self.born = np.concatenate([self.born, now])
        self.seen = np.concatenate([self.seen, now])
        self.lost_frames = np.concatenate([self.lost_frames, np.zeros(count, np.int64)])

    def match(
        self,
        rows: NDArray[np.int64],
        boxes: NDArray[np.float32],
        scores: NDArray[np.float32],
        embeddings: NDArray[np.float32],
        *,
        frame: int,
        momentum: float,
    ) -> None:
        """Correct the tracks at `rows` (K,) by a detection each; `momentum` is the weight of the old embedding."""
        if len(rows) == 0:
            return  # before the first track the length of embeddings is not known
        self.correct(rows, boxes)
        self.embedding[rows] = unit(momentum * self.embedding[rows] + (1.0 - momentum) * unit(embeddings))
        self.score[rows] = scores
        self.phase[rows] = Phase.TRACKED
        self.seen[rows] = frame
        self.lost_frames[rows] = 0

    def correct(self, rows: NDArray[np.int64], boxes: NDArray[Any]) -> None:
        """Feed the boxes, (K, 4) xyxy pixels, to the Kalman filter as measurements of the tracks at `rows`."""
        measured = kalman.update(self.motion.select(rows), kalman.to_measurements(boxes))
        self.motion.assign(rows, measured)

    def keep(self, mask: NDArray[np.bool_]) -> None:
        """Forget the tracks where mask (N,) is False."""
        if mask.all():
            return
        self.motion = self.motion.select(mask)
        for name in ("identity", "phase", "embedding", "score", "born", "seen", "lost_frames"):
            setattr(self, name, getattr(self, name)[mask])


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, D) rows scaled to unit length; a row of zeros stays zero."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: NDArray[np.float32] = (vectors / np.maximum(length, 1e-12)).astype(np.float32)
    return scaled
