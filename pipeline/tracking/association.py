"""Detections to tracks, frame by frame: live behind the network, or again from an observation file without it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from pipeline.artifacts.store import Place
from pipeline.contract.detections import Detections
from pipeline.contract.spec import ModelSpec
from pipeline.contract.tracks import AskingTracker, Tracks, Video
from pipeline.files import mot_text
from pipeline.files.columns import Growing
from pipeline.files.observations import ObservedSequence, read_sequence
from pipeline.params.classes import PEDESTRIANS, class_numbers

if TYPE_CHECKING:
    from torch import nn

LEAST_SCORE = 0.05  # no tracker sees detections below, and no file keeps them: average precision hardly sees them, the disk does
LEAST_SIDE = 0.01  # pixels


class Follower:
    """A model's tracker going through one sequence, which keeps to the frame numbers.

    Args:
        spec: the model.
        options: its checked options.
        frame_rate: frames a second.
        width: of the pictures, pixels.
        height: of the pictures, pixels.
        network: the part of the network that trackers ask (`Association.network`); None: they ask none.
    """

    def __init__(
        self, spec: ModelSpec, options: BaseModel, frame_rate: float, width: int, height: int, network: nn.Module | None = None
    ) -> None:
        self._tracker = spec.association.build_tracker(options, Video(frame_rate, width, height))
        self._network, self._answer = network, spec.association.answer
        self._previous: int | None = None

    def step(self, frame: int, detections: Detections, public: NDArray[np.float32] | None) -> Tracks:
        """Advance to `frame`.

        Numbers that are absent since the last step (frames that could not be decoded, a gap in the source) advance the tracker
        without detections, so that its motion and its buffer keep to time; they give no output.

        Args:
            frame: number, above the last step's.
            detections: in picture pixels, cut at `LEAST_SCORE`.
            public: (P, 4) float32, xyxy pixels of a public detector that gates births, or None.
        """
        absent = 0 if self._previous is None else frame - self._previous - 1
        if absent:
            nothing = detections.above(np.inf)
            for _ in range(absent):
                self._advance(nothing, None if public is None else public[:0])
        self._previous = frame
        return self._advance(detections, public)

    def _advance(self, detections: Detections, public: NDArray[np.float32] | None) -> Tracks:
        if not isinstance(self._tracker, AskingTracker):
            return self._tracker.update(detections, public)
        question = self._tracker.ask(detections, public)
        if question is None:
            return self._tracker.conclude(None)
        assert self._answer is not None, "a system whose trackers ask states what answers them"
        return self._tracker.conclude(self._answer(self._network, [question])[0])


class ResultRows:
    """Collects a tracker's output, frame by frame, as rows of a MOTChallenge file.

    Boxes thinner than the file's last digit are left out: they would be written with a side of 0, which no reader accepts.

    Args:
        classes: names of what is tracked, in which tracks count their classes.
    """

    def __init__(self, classes: Sequence[str] = PEDESTRIANS) -> None:
        self._numbers = class_numbers(classes)
        self._frames, self._identities = Growing(np.int32), Growing(np.int64)
        self._boxes, self._scores = Growing(np.float32, 4), Growing(np.float32)
        self._recovered, self._classes = Growing(np.bool_), Growing(np.int64)

    def add(self, frame: int, tracks: Tracks) -> None:
        """Append one frame."""
        shown = (tracks.boxes[:, 2:] - tracks.boxes[:, :2] >= LEAST_SIDE).all(axis=1)
        self._frames.add(np.full(int(shown.sum()), frame, np.int32))
        self._identities.add(tracks.identities[shown])
        self._boxes.add(tracks.boxes[shown])
        self._scores.add(tracks.scores[shown])
        self._recovered.add(tracks.recovered[shown])
        self._classes.add(tracks.classes[shown])

    def collect(self) -> mot_text.MotRows:
        """Everything so far; with class numbers where several are tracked."""
        found = mot_text.rows(self._frames.rows, self._identities.rows, self._boxes.rows, self._scores.rows)
        kinds = self._numbers[self._classes.rows].astype(np.int32)
        return found._replace(class_id=kinds, states_class=len(self._numbers) > 1)

    def recovered(self) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Frames and identities of the rows whose box no detection supports."""
        chosen = self._recovered.rows
        return self._frames.rows[chosen], self._identities.rows[chosen]


def load(path: Place, spec: ModelSpec) -> ObservedSequence:
    """Read an observation file once, to track it many times.

    Args:
        path: artifacts/observations/<sequence>.parquet.
        spec: the model that saw it.

    Raises:
        UserError: the file is missing, not one of ours, or another model's.
    """
    return read_sequence(path, spec.detection.kind)


def associate(source: Place | ObservedSequence, spec: ModelSpec, options: BaseModel) -> ResultRows:
    """Track a sequence again from what the network saw: exactly what live tracking with these options gives.

    Args:
        source: an observation file, or what `load` made of it.
        spec: the model that saw it.
        options: the model's options; of those that `Detection.decodes_with` names, the file has the effect already.

    Raises:
        UserError: the file is missing, not one of ours, or another model's.
    """
    sequence = source if isinstance(source, ObservedSequence) else load(source, spec)
    follower = Follower(spec, options, sequence.frame_rate, sequence.width, sequence.height)
    rows = ResultRows(sequence.classes)
    for item in sequence.frames:
        rows.add(item.frame, follower.step(item.frame, item.detections, item.public))
    return rows


def retrack(path: Place, spec: ModelSpec, options: BaseModel, out: Path) -> None:
    """Track an observation file again and write MOTChallenge text, the bytes that the track stage would write.

    Args:
        path: artifacts/observations/<sequence>.parquet.
        spec: the model that saw it.
        options: the model's options.
        out: the text file.

    Raises:
        UserError: the file is missing, not one of ours, or another model's.
    """
    mot_text.write_results(out, associate(path, spec, options).collect())
