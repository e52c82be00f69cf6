"""What the tracker remembers: the last frames' queries by label, and whose label it is."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.fdta.questions import Question


@dataclass(frozen=True)
class Frame:
    """What was seen of the tracks in one frame.

    Attributes:
        labels: (M,) int64, each once.
        queries: (M, width) float32.
    """

    labels: NDArray[np.int64]
    queries: NDArray[np.float32]


class Memory:
    """A window of frames, and a vocabulary of labels that are lent to tracks.

    Args:
        window: frames that are remembered.
        vocabulary: V labels.

    Attributes:
        identity: (V,) int64, the identity that each label stands for; 0: none.
        born: how many identities there were.
    """

    def __init__(self, window: int, vocabulary: int) -> None:
        self._frames: deque[Frame] = deque(maxlen=window)
        self._order = OrderedDict.fromkeys(range(vocabulary))  # least recently used first
        self.identity = np.zeros(vocabulary, np.int64)
        self.born = 0

    @property
    def alive(self) -> NDArray[np.bool_]:
        """(V,) bool: labels whose track was seen within the window."""
        seen = np.zeros(len(self.identity), np.bool_)
        for frame in self._frames:
            seen[frame.labels] = True
        return seen

    def question(self, objects: NDArray[np.float32]) -> Question | None:
        """Whose the objects (M, width) are; None where there is nobody to ask about."""
        labels = np.flatnonzero(self.alive)
        if not len(labels) or not len(objects):
            return None
        row = np.zeros(len(self.identity), np.int64)
        row[labels] = np.arange(len(labels))
        past = np.zeros((len(labels), len(self._frames), objects.shape[1]), np.float32)
        seen = np.zeros(past.shape[:2], np.bool_)
        for time, frame in enumerate(self._frames):
            past[row[frame.labels], time], seen[row[frame.labels], time] = frame.queries, True
        return Question(past, seen, labels, objects)

    def lend(self, count: int, kept: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
        """Lend labels to newborns, least recently used first; live tracks that lose theirs are forgotten.

        Args:
            count: newborns.
            kept: labels that this frame's known objects have, which are not lent.

        Returns:
            Labels, int64, `count` of them or fewer where the vocabulary does not suffice, and the number of tracks that were forgotten.
        """
        taken = set(kept.tolist())
        labels = np.array([label for label in self._order if label not in taken][:count], np.int64)
        lost = int(self.alive[labels].sum())
        if lost:
            self._forget(labels)
        self.identity[labels] = np.arange(self.born + 1, self.born + 1 + len(labels))
        self.born += len(labels)
        return labels, lost

    def add(self, labels: NDArray[np.int64], queries: NDArray[np.float32]) -> None:
        """Remember a frame, empty or not; the oldest goes when the window is full."""
        self._frames.append(Frame(labels, queries))
        for label in labels.tolist():
            self._order.move_to_end(label)

    def _forget(self, labels: NDArray[np.int64]) -> None:
        for index, frame in enumerate(self._frames):
            keep = ~np.isin(frame.labels, labels)
            self._frames[index] = Frame(frame.labels[keep], frame.queries[keep])
