"""FDTA's tracker: tracking as the prediction of labels (MOTIP), with the association network in the loop.

A frame takes two steps, so that the trackers of several sequences can share one pass of the network: `ask` says what the network is to
be asked about the frame's objects, `conclude` takes the probabilities that it answers and gives the tracks.

Where the released code is silent or otherwise:
- Newborns get labels in the order of their scores (released: of queries). Who goes without a label, for want of labels, is not
  output, and is counted; so is a live track whose label is lent anew, which is forgotten.
- A frame without detections moves the window on, as does a frame that is absent.
- With a public detector, its boxes gate births (models/association/births.py).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.association.births import near_public
from models.fdta.decode import FdtaDetections
from models.fdta.memory import Memory
from models.fdta.options import FdtaOptions
from models.fdta.protocols import assign
from models.fdta.questions import Question
from pipeline.contract.detections import Detections, names_of
from pipeline.contract.tracks import Tracks, Video
from pipeline.errors import UserError

COUNTS = ("without_label", "labels_taken")


class FdtaTracker:
    """The memory of one sequence; satisfies `pipeline.contract.tracks.AskingTracker`.

    Args:
        options: the whole `model` section.

    Attributes:
        counts: what it could not do: `without_label`, objects, over all frames, that would have started a track and found no free label;
            `labels_taken`, live tracks that were forgotten because a newborn got their label.
    """

    def __init__(self, options: FdtaOptions) -> None:
        self._options = options.tracker
        self._vocabulary = options.network.vocabulary
        self._memory = Memory(options.window, self._vocabulary)
        self._frame = 0
        self._seen: tuple[FdtaDetections, NDArray[np.int64], NDArray[np.bool_]] | None = None
        self.counts = dict.fromkeys(COUNTS, 0)

    def ask(self, detections: Detections, public: NDArray[np.float32] | None = None) -> Question | None:
        """First step of a frame.

        Args:
            detections: `FdtaDetections` in image pixels, scores descending.
            public: (P, 4) float32 xyxy boxes of a public detector: only objects near one may start a track.

        Returns:
            What the association network is to be asked; None where there is nothing to ask: no object, or no track.

        Raises:
            UserError: an array of the detections holds NaN or infinity; the message names the frame and the array.
        """
        self._frame += 1
        assert isinstance(detections, FdtaDetections)
        _check(detections, self._frame)
        rows = np.flatnonzero(detections.scores > self._options.detection_threshold)
        objects = detections.select(rows)
        admitted = np.ones(len(rows), bool) if public is None else near_public(objects.boxes, public)
        self._seen = objects, rows, admitted
        return self._memory.question(objects.queries)

    def conclude(self, probabilities: NDArray[np.float32] | None) -> Tracks:
        """Second step of a frame.

        Args:
            probabilities: (M, V + 1) for the objects that `ask` asked about; None where it asked nothing.

        Returns:
            The tracks that an object supports in this frame.
        """
        assert self._seen is not None, "ask comes before conclude"
        (objects, rows, admitted), self._seen = self._seen, None
        labels = np.full(len(rows), self._vocabulary, np.int64)
        if probabilities is not None:
            labels = assign(self._options.protocol, probabilities, self._memory.alive, self._options.id_threshold)
        known = np.flatnonzero(labels < self._vocabulary)
        newborn = np.flatnonzero((labels == self._vocabulary) & (objects.scores > self._options.birth_threshold) & admitted)
        lent, lost = self._memory.lend(len(newborn), labels[known])  # detections come best first, so newborns do
        self.counts["without_label"] += len(newborn) - len(lent)
        self.counts["labels_taken"] += lost
        labels[newborn[: len(lent)]] = lent
        shown = np.sort(np.concatenate([known, newborn[: len(lent)]]))
        self._memory.add(labels[shown], objects.queries[shown])
        identities = self._memory.identity[labels[shown]]
        return Tracks(objects.boxes[shown], identities, objects.scores[shown], rows[shown], objects.classes[shown])


def build_tracker(options: FdtaOptions, video: Video) -> FdtaTracker:
    """A fresh tracker for one sequence.

    Args:
        options: the whole `model` section.
        video: not read: association looks at queries alone.
    """
    return FdtaTracker(options)


def _check(detections: FdtaDetections, frame: int) -> None:
    for name in names_of(type(detections)):
        if not np.isfinite(getattr(detections, name)).all():
            raise UserError(
                f"frame {frame}: the {name} of the detections hold NaN or infinity; the network has diverged, or the file is damaged\n"
                "next: train with a lower rate, or track the sequence again"
            )
