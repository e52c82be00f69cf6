"""What a tracker says about one frame, and how trackers are asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from pipeline.contract.detections import Detections

NOBODY = -1  # the detection behind an output that no detection supports

Question: TypeAlias = Any  # what a tracker asks its network; only the system itself looks inside
Answer: TypeAlias = Any


class Video(NamedTuple):
    """What a tracker is told of its sequence: frames per second, and the size of its pictures in pixels."""

    frame_rate: float
    width: int
    height: int


@dataclass(frozen=True)
class Tracks:
    """What a tracker says about one frame.

    Attributes:
        boxes: (M, 4) float32, xyxy image pixels.
        identities: (M,) int64, from 1, unique in the frame, owned by the tracker instance.
        scores: (M,) float32.
        detections: (M,) int64, which of the frame's detections each output is, so that its class, mask or pose follows the identity;
            `NOBODY` where no detection supports the box (a refound object).
        classes: (M,) int64, index into `pack_samples.classes`.
    """

    boxes: NDArray[np.float32]
    identities: NDArray[np.int64]
    scores: NDArray[np.float32]
    detections: NDArray[np.int64]
    classes: NDArray[np.int64] = None  # type: ignore[assignment]  # made in __post_init__: every track of the only class

    def __post_init__(self) -> None:
        if self.classes is None:
            object.__setattr__(self, "classes", np.zeros(len(self.boxes), np.int64))

    @property
    def recovered(self) -> NDArray[np.bool_]:
        """(M,) whether no detection supports the box."""
        return self.detections == NOBODY


class Tracker(Protocol):
    """Memory between frames. One instance per sequence; identities start at 1 in each."""

    def update(self, detections: Detections, public: NDArray[np.float32] | None = None) -> Tracks:
        """Advance by one frame and return its tracks.

        Args:
            detections: this frame's detections in image pixels.
            public: (P, 4) float32 xyxy boxes of a public detector: only detections near one may start a track
                (CenterTrack's rule). None for private detections.
        """
        ...


@runtime_checkable
class CountingTracker(Protocol):
    """A tracker that counts what it could not do; the counts of all sequences are logged, and are metrics of the run."""

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each thing happened so far, by its name."""
        ...


@runtime_checkable
class AskingTracker(Protocol):
    """A tracker that needs a network: a frame takes two steps, so that one pass of the network answers the trackers of many sequences."""

    def ask(self, detections: Detections, public: NDArray[np.float32] | None = None) -> Question | None:
        """Begin a frame: the question for the network, or None where there is none; the arguments are those of `Tracker.update`."""
        ...

    def conclude(self, answer: Answer | None) -> Tracks:
        """End the frame with the network's answer; None where nothing was asked."""
        ...


class Answering(Protocol):
    """Answers the questions of several trackers in one pass; an answer does not depend on the other questions of the pass."""

    def __call__(self, network: Any, questions: Sequence[Question], /) -> Sequence[Answer]:
        """One answer for each question, by the association part of the network."""
        ...
