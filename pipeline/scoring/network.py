"""Scores of the network alone, without a tracker: detection AP and re-identification, from artifacts/observations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.boxes import xywh_to_xyxy
from pipeline.observations import Observation, read_observations
from pipeline.scoring.detection import DetectionMetrics, Seen, detection_metrics
from pipeline.scoring.reid import Retrieval, retrieval
from pipeline.scoring.rules import Benchmark, scored_mask
from pipeline.scoring.sequences import ScoredSequence
from pipeline.store import Place


class Shown(NamedTuple):
    """Ground truth boxes of one frame: each box's (sequence, identity), and (N, D) float32 embeddings."""

    frame: int
    people: list[tuple[int, int]]
    embeddings: NDArray[np.float32]


def score_network(
    sequences: Sequence[ScoredSequence], folder: Place, benchmark: Benchmark, min_visibility: float
) -> tuple[Retrieval | None, DetectionMetrics]:
    """Score what the network saw in the scored frames; a frame without observations has no detections.

    There is no retrieval for a network without re-identification, whose embeddings have no dimension.

    Args:
        sequences: ground truth and the frames that count.
        folder: holds <sequence>.parquet.
        benchmark: which ground truth is scored.
        min_visibility: boxes seen less are left out of the retrieval.

    Raises:
        UserError: a sequence has no observations.
    """
    seen: list[Seen] = []
    shown: list[Shown] = []
    for number, sequence in enumerate(sequences):
        wanted = set(sequence.frames.tolist())
        observed = {item.frame: item for item in read_observations(folder / f"{sequence.name}.parquet") if item.frame in wanted}
        seen += _seen(sequence, observed, benchmark)
        shown += _shown(number, sequence, observed, benchmark, min_visibility)
    return _retrieval(shown), detection_metrics(seen)


def _seen(sequence: ScoredSequence, observed: dict[int, Observation], benchmark: Benchmark) -> Iterator[Seen]:
    truth = sequence.truth
    boxes, scored = xywh_to_xyxy(truth.boxes), scored_mask(truth, benchmark)
    for frame in sequence.frames.tolist():
        here = truth.frame == frame
        item = observed.get(frame)
        found = item.detections.boxes if item is not None else np.zeros((0, 4), np.float32)
        scores = item.detections.scores if item is not None else np.zeros(0, np.float32)
        yield Seen(found, scores, boxes[here], scored[here], truth.ignore[here])


def _shown(
    number: int, sequence: ScoredSequence, observed: dict[int, Observation], benchmark: Benchmark, min_visibility: float
) -> Iterator[Shown]:
    truth, scored = sequence.truth, scored_mask(sequence.truth, benchmark)
    for frame, item in sorted(observed.items()):
        allowed = truth.identity[(truth.frame == frame) & scored]
        keep = np.isin(item.identities, allowed) & (item.visibilities >= min_visibility)
        people = [(number, int(identity)) for identity in item.identities[keep]]
        yield Shown(frame, people, item.embeddings[keep])


def _retrieval(shown: Sequence[Shown]) -> Retrieval | None:
    """Identities count within a sequence, so a person is the pair of both."""
    if shown and all(item.embeddings.shape[1] == 0 for item in shown):
        return None
    people = [person for item in shown for person in item.people]
    numbers = {person: number for number, person in enumerate(sorted(set(people)))}
    frames = [item.frame for item in shown for _ in item.people]
    vectors = [item.embeddings for item in shown if len(item.people)]
    return retrieval(
        np.array([numbers[person] for person in people], np.int64),
        np.array(frames, np.int64),
        np.concatenate(vectors) if vectors else np.zeros((0, 1), np.float32),
    )
