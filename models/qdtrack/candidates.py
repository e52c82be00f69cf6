"""What detections are compared with, as a structure of arrays: row i of every array is one track, backdrop or detection."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.association.bisoftmax import average
from models.association.kernels import kalman

MIN_SIDE = 1e-2  # pixels: the Kalman filter measures no box thinner than this, whose aspect would be no number


@dataclass
class Candidates:
    """N rows.

    Attributes:
        boxes: (N, 4) float32, xyxy pixels, where each was last seen.
        scores: (N,) float32, of the last detection.
        embeddings: (N, D) float32, of any length.
        classes: (N,) int64.
        identities: (N,) int64; 0 for backdrops and detections.
        seen: (N,) int64, the last frame with a detection.
        beliefs: (N, 5, 4) float64, of the Kalman filter (kernels/kalman.py); None where no motion is asked for.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    embeddings: NDArray[np.float32]
    classes: NDArray[np.int64]
    identities: NDArray[np.int64]
    seen: NDArray[np.int64]
    beliefs: NDArray[np.float64] | None = None

    @classmethod
    def none(cls, *, motion: bool = False) -> Candidates:
        """No rows; the length of embeddings is not known yet. With `motion` there will be Kalman beliefs."""
        places, numbers, floats = np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros(0, np.float32)
        beliefs = np.zeros((0, 5, 4)) if motion else None
        return cls(places, floats, np.zeros((0, 0), np.float32), numbers, numbers, numbers, beliefs)

    def __len__(self) -> int:
        return len(self.seen)

    def take(self, rows: NDArray[np.int64], identities: NDArray[np.int64]) -> Candidates:
        """The rows (K,), with their identities taken from `identities` (N,), and without beliefs."""
        return Candidates(self.boxes[rows], self.scores[rows], self.embeddings[rows], self.classes[rows], identities[rows], self.seen[rows])

    def followed_by(self, others: Candidates) -> Candidates:
        """These rows, then the others'; those start with a velocity of 0 where motion is asked for."""
        if len(others) == 0:
            return self
        beliefs = None if self.beliefs is None else np.concatenate([self.beliefs, kalman.born(_thick(others.boxes))])
        if len(self) == 0:
            return replace(others, beliefs=beliefs)
        return Candidates(
            np.concatenate([self.boxes, others.boxes]),
            np.concatenate([self.scores, others.scores]),
            np.concatenate([self.embeddings, others.embeddings]),
            np.concatenate([self.classes, others.classes]),
            np.concatenate([self.identities, others.identities]),
            np.concatenate([self.seen, others.seen]),
            beliefs,
        )

    def since(self, frame: int) -> Candidates:
        """Only what was seen after `frame`."""
        if len(self) == 0 or int(self.seen.min()) > frame:
            return self
        rows = np.flatnonzero(self.seen > frame)
        return replace(self.take(rows, self.identities), beliefs=None if self.beliefs is None else self.beliefs[rows])

    def renew(self, rows: NDArray[np.int64], seen: Candidates, matched: NDArray[np.int64], update: float) -> None:
        """Update the tracks at `rows` by the detections matched with them, in place.

        Args:
            rows: (K,) rows of tracks.
            seen: detections.
            matched: (K,) rows of the detections, one for each track.
            update: weight of the new embedding; the old one has 1 - update.
        """
        if len(rows) == 0:
            return
        average(self.embeddings, rows, seen.embeddings, matched, update)
        self.boxes[rows], self.scores[rows], self.seen[rows] = seen.boxes[matched], seen.scores[matched], seen.seen[matched]
        if self.beliefs is not None:
            kalman.correct(self.beliefs, rows, _thick(seen.boxes[matched]))

    def predict(self) -> None:
        """Advance the beliefs by one frame, where there are any."""
        if self.beliefs is not None:
            kalman.predict(self.beliefs)

    def predicted(self) -> NDArray[np.float32]:
        """(N, 4) float32 boxes, xyxy pixels, where the Kalman filter believes them to be; where they were last seen without it."""
        return self.boxes if self.beliefs is None else kalman.boxes(self.beliefs).astype(np.float32)


def _thick(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Boxes whose sides are at least `MIN_SIDE`."""
    return np.concatenate([boxes[:, :2], np.maximum(boxes[:, 2:], boxes[:, :2] + np.float32(MIN_SIDE))], axis=1)
