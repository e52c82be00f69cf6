"""The tracks' memory between frames, as a structure of arrays: row i of every array is one track.

One call of machine code then serves all tracks, where a list of track objects would cost a Kalman filter call each. Rows are in
order of birth, so identities ascend.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.association.kernels import kalman, memory, vectors


class Phase(IntEnum):
    """Where a track stands after the present frame."""

    NEW = memory.NEW  # seen once; must be seen again in the next frame
    TRACKED = memory.TRACKED  # matched with a detection in this frame
    RECOVERED = memory.RECOVERED  # without detection, but located in this frame by other evidence
    LOST = memory.LOST  # remembered only


class Tracklets:
    """N tracks.

    Identities are counted from 1 by each instance, so that two trackers in one process never share them.

    Attributes:
        beliefs: (N, 5, 4) float64, Kalman beliefs (kernels/kalman.py).
        embedding: (N, D) float32 of unit length, the running average of what was seen.
        score: (N,) float32, of the last detection or recovery.
        state: (N, 6) int64; the properties are its columns.
    """

    def __init__(self) -> None:
        self.beliefs = np.zeros((0, 5, 4))
        self.embedding = np.zeros((0, 0), np.float32)
        self.score = np.zeros(0, np.float32)
        self.state = np.zeros((0, 6), np.int64)
        self._next_identity = 1

    def __len__(self) -> int:
        return len(self.state)

    @property
    def memory(self) -> memory.Memory:
        """The arrays, for the kernels."""
        return memory.Memory(self.beliefs, self.embedding, self.state, self.score)

    @property
    def identity(self) -> NDArray[np.int64]:
        """(N,) unique."""
        return self.state[:, memory.IDENTITY]

    @property
    def phase(self) -> NDArray[np.int64]:
        """(N,) a `Phase`."""
        return self.state[:, memory.PHASE]

    @property
    def born(self) -> NDArray[np.int64]:
        """(N,) the first frame."""
        return self.state[:, memory.BORN]

    @property
    def seen(self) -> NDArray[np.int64]:
        """(N,) the last frame with a detection."""
        return self.state[:, memory.SEEN]

    @property
    def lost_frames(self) -> NDArray[np.int64]:
        """(N,) frames since `seen` in which the track could not be located (w of Algorithm 1)."""
        return self.state[:, memory.LOST_FRAMES]

    @property
    def detection(self) -> NDArray[np.int64]:
        """(N,) number of the detection that the track was last matched with, in that detection's frame."""
        return self.state[:, memory.DETECTION]

    def boxes(self, rows: NDArray[Any] | slice = slice(None)) -> NDArray[np.float64]:
        """(R, 4) xyxy pixels, as the Kalman filter believes them now."""
        return kalman.boxes(self.beliefs[rows])

    def among(self, *phases: Phase) -> NDArray[np.int64]:
        """Rows of the tracks in any of these phases."""
        mask, phase = np.zeros(len(self), bool), self.phase
        for each in phases:
            mask |= phase == each
        return np.flatnonzero(mask)

    def predict(self) -> None:
        """Advance all beliefs by a frame. The size of what is out of sight is not extrapolated."""
        memory.predict(self.beliefs, self.state)

    def start(
        self,
        boxes: NDArray[np.float32],
        scores: NDArray[np.float32],
        embeddings: NDArray[np.float32],
        *,
        frame: int,
        phase: Phase,
        rows: NDArray[np.int64] | None = None,
    ) -> None:
        """Append a track for each detection.

        Args:
            boxes: (K, 4) xyxy pixels of positive size.
            scores: (K,).
            embeddings: (K, D), of any length; D is the same in all calls.
            frame: number of the present frame.
            phase: of the new tracks.
            rows: (K,) numbers of these among the frame's detections; None: they are all of them, in order.
        """
        count = len(boxes)
        state, looks = np.zeros((count, 6), np.int64), embeddings.astype(np.float32)
        state[:, memory.IDENTITY] = np.arange(self._next_identity, self._next_identity + count)
        state[:, memory.PHASE], state[:, memory.BORN], state[:, memory.SEEN] = phase, frame, frame
        state[:, memory.DETECTION] = np.arange(count) if rows is None else rows
        self._next_identity += count
        for look in looks:
            vectors.scale(look)
        known = self.embedding if len(self) else looks[:0]
        self.beliefs = np.concatenate([self.beliefs, kalman.born(boxes)])
        self.embedding = np.concatenate([known, looks])
        self.score = np.concatenate([self.score, scores])
        self.state = np.concatenate([self.state, state])

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
        """Update the tracks at `rows` (K,) by one detection each.

        Args:
            rows: (K,) rows of the tracks.
            boxes: (K, 4) xyxy pixels of positive size.
            scores: (K,).
            embeddings: (K, D), of any length.
            frame: number of the present frame.
            momentum: weight of the old embedding.
        """
        if len(rows) == 0:
            return  # before the first track the length of embeddings is not known
        seen, columns = memory.Seen(boxes, scores, embeddings), np.arange(len(rows))
        memory.match(self.memory, rows, columns, kalman.measurements(boxes), seen, frame, momentum)

    def correct(self, rows: NDArray[np.int64], boxes: NDArray[np.float64]) -> None:
        """Feed the boxes, (K, 4) xyxy pixels, to the Kalman filter as measurements of the tracks at `rows`."""
        kalman.correct(self.beliefs, rows, boxes)

    def keep(self, mask: NDArray[np.bool_]) -> None:
        """Forget the tracks where mask (N,) is False."""
        if not mask.all():
            rows = np.flatnonzero(mask)
            self.beliefs, self.embedding = self.beliefs[rows], self.embedding[rows]
            self.score, self.state = self.score[rows], self.state[rows]
