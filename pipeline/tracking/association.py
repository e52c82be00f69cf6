"""Detections to tracks, frame by frame: live behind the network, or again from an observation file without it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from pipeline.artifacts.store import Place
from pipeline.contract.detections import Detections
from pipeline.contract.spec import ModelSpec
from pipeline.contract.tracks import Answer, AskingTracker, CountingTracker, Question, Tracks, Video
from pipeline.errors import UserError
from pipeline.files import mot_text
from pipeline.files.columns import Growing
from pipeline.files.observations import ObservedSequence, read_sequence
from pipeline.params.classes import PEDESTRIANS, class_numbers
from pipeline.tracking.frame_clock import LONGEST_HOLE

if TYPE_CHECKING:
    from torch import nn

    from pipeline.tracking.asked import Asked

Result = TypeVar("Result")

LEAST_SCORE = 0.05  # detections that score less reach no tracker and no file: they hardly change average precision, and take space
LEAST_SIDE = 0.01  # pixels
TOGETHER = 6  # sequences that share passes of a network that trackers ask; more are hardly quicker, and all are held in memory


class Follower:
    """A model's tracker going through one sequence, step by step: one step for each frame number, or as `FrameClock` says.

    Args:
        spec: the model.
        options: its checked options.
        frame_rate: frames per second.
        width: of the pictures, pixels.
        height: of the pictures, pixels.
        network: the part of the network that trackers ask (`Association.network`); None: they ask none.
    """

    def __init__(
        self, spec: ModelSpec, options: BaseModel, frame_rate: float, width: int, height: int, network: nn.Module | None = None
    ) -> None:
        if spec.association.network is not None and network is None:
            raise ValueError(f"trackers of {spec.name} ask a network, and there is none")
        self._tracker = spec.association.build_tracker(options, Video(frame_rate, width, height))
        self._network, self._answer = network, spec.association.answer
        self._previous: int | None = None
        self._most_absent = round(LONGEST_HOLE * frame_rate)

    def step(self, due: int, detections: Detections, public: NDArray[np.float32] | None) -> Tracks:
        """Advance to the step `due`.

        Steps that are absent since the last one (frames that could not be decoded, a gap in the source, a hole in a video of a varying
        rate) advance the tracker without detections, so that its motion and its buffer keep to time; they give no output. Of a hole of
        more than `LONGEST_HOLE` the rest is passed over: frame numbers may be time stamps.

        Args:
            due: number of the frame, or of the step at which it comes; above the last one.
            detections: in picture pixels, cut at `LEAST_SCORE`.
            public: (P, 4) float32, xyxy pixels of a public detector that gates births, or None.
        """
        return answered([self.steps(due, detections, public)], self._ask)[0]

    def steps(self, due: int, detections: Detections, public: NDArray[np.float32] | None) -> Generator[Question, Answer, Tracks]:
        """`step` as a generator: it yields the tracker's questions, is sent the answers, and returns the tracks (see `answered`)."""
        absent = 0 if self._previous is None else min(due - self._previous - 1, self._most_absent)
        if absent:
            nothing = detections.above(np.inf)
            for _ in range(absent):
                yield from self._advance(nothing, None if public is None else public[:0])
        self._previous = due
        return (yield from self._advance(detections, public))

    @property
    def counts(self) -> dict[str, int]:
        """What the tracker counted so far; empty for one that counts nothing."""
        return dict(self._tracker.counts) if isinstance(self._tracker, CountingTracker) else {}

    def _advance(self, detections: Detections, public: NDArray[np.float32] | None) -> Generator[Question, Answer, Tracks]:
        if not isinstance(self._tracker, AskingTracker):
            return self._tracker.update(detections, public)
        question = self._tracker.ask(detections, public)
        return self._tracker.conclude(None if question is None else (yield question))

    def _ask(self, questions: Sequence[Question]) -> Sequence[Answer]:
        assert self._answer is not None, "a system whose trackers ask states what answers them"
        return self._answer(self._network, questions)


def answered(
    tasks: Sequence[Generator[Question, Answer, Result]], answer: Callable[[Sequence[Question]], Sequence[Answer]]
) -> list[Result]:
    """Run generators that ask questions side by side: each call of `answer` serves one question of every task that is not done.

    Args:
        tasks: generators that yield questions, are sent the answers, and return their results.
        answer: questions -> as many answers, in the same order.

    Returns:
        The tasks' results, in their order.
    """
    results: dict[int, Result] = {}
    waiting: dict[int, Question] = {}

    def go_on(index: int, told: Answer) -> None:
        try:
            waiting[index] = tasks[index].send(told)
        except StopIteration as done:
            results[index] = done.value

    for index in range(len(tasks)):
        go_on(index, None)
    while waiting:
        asked, waiting = waiting, {}
        for index, told in zip(asked, answer(list(asked.values())), strict=True):
            go_on(index, told)
    return [results[index] for index in range(len(tasks))]


class ResultRows:
    """Collects a tracker's output, frame by frame, as rows of a MOTChallenge file.

    Boxes thinner than the file's last digit are left out: they would be written with a side of 0, which no reader accepts.

    Args:
        classes: names of what is tracked, in which tracks count their classes.

    Attributes:
        counts: what the tracker counted over the sequence.
    """

    def __init__(self, classes: Sequence[str] = PEDESTRIANS) -> None:
        self._numbers = class_numbers(classes)
        self._frames, self._identities = Growing(np.int32), Growing(np.int64)
        self._boxes, self._scores = Growing(np.float32, 4), Growing(np.float32)
        self._recovered, self._classes = Growing(np.bool_), Growing(np.int64)
        self.counts: dict[str, int] = {}

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
        """(K,) frames and (K,) identities of the rows whose box no detection supports."""
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


def associate(source: Place | ObservedSequence, spec: ModelSpec, options: BaseModel, asked: Asked | None = None) -> ResultRows:
    """Track a sequence again from what the network saw: exactly what live tracking with these options gives.

    Args:
        source: an observation file, or what `load` made of it.
        spec: the model that saw it.
        options: the model's options; of those that `Detection.decodes_with` names, the file has the effect already.
        asked: what its trackers ask (`asked.load_asked`); None for trackers that ask nothing.

    Raises:
        UserError: the file is missing, not one of ours, another model's, or seen by another network than trackers are to ask.
    """
    return associate_all([source if isinstance(source, ObservedSequence) else load(source, spec)], spec, options, asked)[0]


def associate_all(
    sequences: Sequence[ObservedSequence], spec: ModelSpec, options: BaseModel, asked: Asked | None = None
) -> list[ResultRows]:
    """Track several sequences again, as `associate` does one; trackers that ask share each pass of the network.

    Args:
        sequences: what `load` made of their observation files.
        spec: the model that saw them.
        options: the model's options.
        asked: as `associate`'s.

    Returns:
        The rows of each sequence, in their order.

    Raises:
        UserError: a sequence was seen by another network than its tracker is to ask.
    """
    network, answer = None if asked is None else asked.network, spec.association.answer
    for sequence in sequences:
        if asked is not None and sequence.weights != asked.weights:
            raise UserError(
                f"{sequence.name}: what is stored was seen by a network of weights {sequence.weights[:12] or 'unknown'}, and its tracker "
                f"would ask one of weights {asked.weights[:12]}\nnext: track the frames again with this model"
            )

    def ask(questions: Sequence[Question]) -> Sequence[Answer]:
        assert answer is not None, "a system whose trackers ask states what answers them"
        return answer(network, questions)

    return answered([_rows(sequence, spec, options, network) for sequence in sequences], ask)


def _rows(
    sequence: ObservedSequence, spec: ModelSpec, options: BaseModel, network: nn.Module | None
) -> Generator[Question, Answer, ResultRows]:
    follower = Follower(spec, options, sequence.frame_rate, sequence.width, sequence.height, network)
    rows = ResultRows(sequence.classes)
    for item in sequence.frames:
        rows.add(item.frame, (yield from follower.steps(item.due, item.detections, item.public)))
    rows.counts = follower.counts
    return rows


def retrack(path: Place, spec: ModelSpec, options: BaseModel, out: Path, asked: Asked | None = None) -> None:
    """Track an observation file again and write MOTChallenge text, the bytes that the track stage would write.

    Args:
        path: artifacts/observations/<sequence>.parquet.
        spec: the model that saw it.
        options: the model's options.
        out: the text file.
        asked: as `associate`'s.

    Raises:
        UserError: as `associate`.
    """
    mot_text.write_results(out, associate(path, spec, options, asked).collect())
