"""Scores of the network alone, without a tracker: detection AP, re-identification, masks of parts, from artifacts/observations."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.artifacts.store import Place
from pipeline.files.columns import Growing
from pipeline.files.observations import Observation, read_observations
from pipeline.numerics.boxes import xywh_to_xyxy
from pipeline.params.classes import PEDESTRIANS, class_numbers
from pipeline.scoring.detection import DetectionMetrics, Seen, detection_means, detection_metrics
from pipeline.scoring.reid import Retrieval, retrieval
from pipeline.scoring.rules import BY_CLASS, Benchmark, scored_mask
from pipeline.scoring.sequences import ScoredSequence

MOST_COMPARED = 100_000  # boxes: retrieval compares half of them with the other half, which takes some minutes then


class PartScores(NamedTuple):
    """What masks of parts are worth, the means over true boxes that are scored (`pipeline/tracking/part_masks.py`).

    Attributes:
        overlap: of two masks of a box, 1 for equal ones and 0 for disjoint ones; None for fewer than two masks.
        boxes: how many boxes that was measured on.
        focus: mean of the largest mask on a half seen person over its mean beside it; None where nobody's pixels are known.
        half_seen: how many boxes that was measured on.
    """

    overlap: float | None
    boxes: int
    focus: float | None
    half_seen: int


class NetworkScores(NamedTuple):
    """Scores of a network.

    Attributes:
        reid: retrieval of the boxes that are seen well; None for a network without re-identification.
        detection: average precision.
        hidden: retrieval of the boxes that are not; None where it was not asked for.
        parts: of the masks; None for a network without.
    """

    reid: Retrieval | None
    detection: DetectionMetrics
    hidden: Retrieval | None
    parts: PartScores | None


class _Shown:
    """Ground truth boxes: each one's (sequence, identity), its frame, and its embedding, float32.

    Of all frames, unless that is too much to compare: then of every second one, every fourth and so on, the same in all sequences.
    """

    def __init__(self) -> None:
        self.people, self.frames, self._turns = Growing(np.int64, 2), Growing(np.int64), Growing(np.int64)
        self.embeddings: Growing | None = None  # until one says how long they are
        self.step, self._turn = 1, -1

    def add(self, sequence: int, frame: int, identities: NDArray[np.int64], embeddings: NDArray[np.float32]) -> None:
        """Append a frame's boxes."""
        self._turn += 1
        if self._turn % self.step:
            return
        self.people.add(np.stack([np.full(len(identities), sequence), identities], axis=1))
        self.frames.add(np.full(len(identities), frame))
        self._turns.add(np.full(len(identities), self._turn))
        if self.embeddings is None:
            self.embeddings = Growing(np.float32, embeddings.shape[1])
        self.embeddings.add(embeddings)
        if len(self.frames) > MOST_COMPARED:
            self.step *= 2
            kept = self._turns.rows % self.step == 0
            for column in (self.people, self.frames, self._turns, self.embeddings):
                column.keep(kept)


def score_network(
    sequences: Sequence[ScoredSequence],
    folder: Place,
    benchmark: Benchmark,
    min_visibility: float,
    classes: Sequence[str] = PEDESTRIANS,
    max_visibility: float | None = None,
) -> NetworkScores:
    """Score what the network saw in the scored frames; a frame without observations has no detections.

    There is no retrieval for a network without re-identification, whose embeddings have no dimension. Where `MOST_COMPARED` boxes are not
    enough for all frames, it takes every second, fourth, ... frame, and a line on stderr says so.

    Args:
        sequences: ground truth and the frames that count.
        folder: holds <sequence>.parquet.
        benchmark: which ground truth is scored.
        min_visibility: boxes seen less are left out of the retrieval.
        classes: names of what is tracked; under the benchmark `classes` each has an AP of its own, and the AP is their mean.
        max_visibility: boxes seen less are compared with each other in a retrieval of their own; None: there is none.

    Raises:
        UserError: a sequence has no observations.
    """
    at_boxes, found = _AtBoxes(min_visibility, max_visibility), dict[str, DetectionMetrics]()
    names = classes if benchmark == BY_CLASS else ("",)
    for index, name in enumerate(names):
        # one observation in memory at a time; of each only what retrieval compares is kept, in the first pass
        seen = _seen(sequences, folder, benchmark, classes, index if benchmark == BY_CLASS and len(classes) > 1 else None)
        found[name] = detection_metrics(_kept(seen, at_boxes if index == 0 else None))
    shown, hidden = at_boxes.shown, at_boxes.hidden
    if shown.step > 1:
        print(f"re-identification compares one frame of {shown.step}: there are over {MOST_COMPARED:,} boxes in all", file=sys.stderr)
    return NetworkScores(
        _retrieval(shown), detection_means(found), None if max_visibility is None else _retrieval(hidden), at_boxes.parts()
    )


class _AtBoxes:
    """What the network says at scored true boxes: at those seen well, at those that are not, and the figures of all of them."""

    def __init__(self, min_visibility: float, max_visibility: float | None) -> None:
        self._least, self._most = min_visibility, max_visibility
        self.shown, self.hidden = _Shown(), _Shown()
        self._figures = Growing(np.float64, 2)
        self._masked = False

    def add(self, step: _Step) -> None:
        """Append a frame."""
        item = step.item
        if item is None:
            return
        scored = step.truth.scored(item)
        well = scored & (item.visibilities >= self._least)
        self.shown.add(step.sequence, step.frame, item.identities[well], item.embeddings[well])
        if self._most is not None:
            badly = scored & (item.visibilities < self._most)
            self.hidden.add(step.sequence, step.frame, item.identities[badly], item.embeddings[badly])
        if item.overlaps is not None and item.focuses is not None:
            self._masked = True
            self._figures.add(np.stack([item.overlaps[scored], item.focuses[scored]], axis=1).astype(np.float64))

    def parts(self) -> PartScores | None:
        """Means of what was measured."""
        if not self._masked:
            return None
        overlaps, focuses = (column[~np.isnan(column)] for column in self._figures.rows.T)
        return PartScores(_mean(overlaps), len(overlaps), _mean(focuses), len(focuses))


def _mean(values: NDArray[np.float64]) -> float | None:
    return float(values.mean()) if len(values) else None


class _Step(NamedTuple):
    """A frame of a sequence: which sequence and frame, its truth, and what the network saw in it."""

    sequence: int
    frame: int
    truth: _Truth
    item: Observation | None


def _seen(
    sequences: Sequence[ScoredSequence], folder: Place, benchmark: Benchmark, classes: Sequence[str], kind: int | None
) -> Iterator[_Step]:
    for number, sequence in enumerate(sequences):
        truth = _Truth(sequence, benchmark, classes, kind)
        for frame, item in _in_step(sequence, folder):
            yield _Step(number, frame, truth, item)


def _kept(steps: Iterator[_Step], at_boxes: _AtBoxes | None) -> Iterator[Seen]:
    """What detection is scored by; what the network says at true boxes is kept on the way."""
    for step in steps:
        yield step.truth.seen(step.frame, step.item)
        if at_boxes is not None:
            at_boxes.add(step)


def _in_step(sequence: ScoredSequence, folder: Place) -> Iterator[tuple[int, Observation | None]]:
    """The frames that count, each with its observation where there is one."""
    observed = read_observations(folder / f"{sequence.name}.parquet")
    item = next(observed, None)
    for frame in sequence.frames.tolist():
        while item is not None and item.frame < frame:
            item = next(observed, None)
        yield frame, item if item is not None and item.frame == frame else None


class _Truth:
    """A sequence's ground truth by frame; of one class where `kind`, an index into `classes`, says so."""

    def __init__(self, sequence: ScoredSequence, benchmark: Benchmark, classes: Sequence[str], kind: int | None) -> None:
        truth = sequence.truth
        self._order = np.argsort(truth.frame, kind="stable")
        self._frames = truth.frame[self._order]
        self._boxes, self._scored = xywh_to_xyxy(truth.boxes), scored_mask(truth, benchmark)
        self._identities, self._ignored, self._kind = truth.identity, truth.ignore, kind
        numbers = class_numbers(classes)
        if benchmark == BY_CLASS:
            self._scored &= np.isin(truth.class_id, numbers)
        here = np.ones(len(truth.frame), np.bool_) if benchmark != BY_CLASS else truth.ignore | np.isin(truth.class_id, numbers)
        self._judged = here if kind is None else truth.ignore | (truth.class_id == numbers[kind])

    def seen(self, frame: int, item: Observation | None) -> Seen:
        here = self._here(frame)
        here = here[self._judged[here]]
        boxes, scores = np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
        if item is not None:
            own = slice(None) if self._kind is None else item.detections.classes == self._kind
            boxes, scores = item.detections.boxes[own], item.detections.scores[own]
        return Seen(boxes, scores, self._boxes[here], self._scored[here], self._ignored[here])

    def scored(self, item: Observation) -> NDArray[np.bool_]:
        """Which of an observation's true boxes are scored."""
        here = self._here(item.frame)
        return np.isin(item.identities, self._identities[here[self._scored[here]]])

    def _here(self, frame: int) -> NDArray[np.int64]:
        start, end = np.searchsorted(self._frames, [frame, frame + 1])
        return self._order[start:end]


def _retrieval(shown: _Shown) -> Retrieval | None:
    """Identities count within a sequence, so a person is the pair of both."""
    embeddings = np.zeros((0, 1), np.float32) if shown.embeddings is None else shown.embeddings.rows
    if embeddings.shape[1] == 0:
        return None
    _, numbers = np.unique(shown.people.rows, axis=0, return_inverse=True)
    return retrieval(numbers.reshape(-1).astype(np.int64), shown.frames.rows, embeddings)
