"""What a frame does to the tracks' memory; tracklet.py says what its arrays hold."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.association.kernels import kalman
from models.association.kernels.assignment import NOBODY, solve
from models.association.kernels.candidates import gated, overlapping
from models.association.kernels.vectors import blend
from pipeline.numerics.jit import compiled

Array = NDArray[Any]

IDENTITY, PHASE, BORN, SEEN, LOST_FRAMES, DETECTION = range(6)  # columns of facts
NEW, TRACKED, RECOVERED, LOST = range(4)  # phases


@compiled
def predict(beliefs: Array, facts: Array) -> None:
    """Advance all beliefs (N, 5, 4) by a frame; the height of what is out of sight stays."""
    for row in range(len(facts)):
        if facts[row, PHASE] > TRACKED:
            beliefs[row, kalman.VELOCITY, 3] = 0.0
    kalman.predict(beliefs)


@compiled
def match(
    beliefs: Array,
    looks: Array,
    facts: Array,
    scores: Array,
    rows: Array,
    columns: Array,
    measured: Array,
    seen_scores: Array,
    features: Array,
    frame: int,
    momentum: float,
) -> None:
    """Renew the tracks at `rows` (K,) by the detections at `columns` (K,), but for those where it is -1."""
    for number in range(len(rows)):
        row, column = rows[number], columns[number]
        if column != NOBODY:
            kalman.update(beliefs[row], measured[column])
            blend(looks[row], features[column], momentum)
            scores[row] = seen_scores[column]
            facts[row, PHASE], facts[row, SEEN], facts[row, LOST_FRAMES], facts[row, DETECTION] = TRACKED, frame, 0, column


@compiled
def associate(
    beliefs: Array,
    looks: Array,
    facts: Array,
    scores: Array,
    boxes: Array,
    seen_scores: Array,
    features: Array,
    frame: int,
    momentum: float,
    at_first: bool,
    recovered_too: bool,
    weight: float,
    first_limit: float,
    second_limit: float,
    third_limit: float,
) -> tuple[Array, Array]:
    """FairMOT's three stages: all but new tracks within the motion gate; of the rest those in sight by overlap; new ones by overlap.

    Args:
        beliefs: (N, 5, 4), changed in place, as are the next three.
        looks: (N, D) embeddings.
        facts: (N, 6).
        scores: (N,).
        boxes: (M, 4) float32 xyxy of detections, by left edge.
        seen_scores: (M,) their scores.
        features: (M, D) their embeddings.
        frame: its number.
        momentum: weight of the old embedding.
        at_first: whether there is a first stage.
        recovered_too: whether a recovered track counts as in sight.
        weight: of appearance against motion in the first stage.
        first_limit: a pair of the first stage costs less.
        second_limit: likewise.
        third_limit: likewise.

    Returns:
        (M,) bool detections left over, and (N,) bool tracks to keep: all but the new ones that nobody confirms.
    """
    before, keep = np.empty(len(facts), np.int64), np.ones(len(facts), np.bool_)
    for row in range(len(facts)):
        before[row] = facts[row, PHASE]
    free, measured, widest = np.ones(len(boxes), np.bool_), np.empty((len(boxes), 4)), 0.0
    for column in range(len(boxes)):
        kalman.measure(boxes[column], measured[column])
        widest = max(widest, np.float64(boxes[column, 2]) - np.float64(boxes[column, 0]))
    for stage in range(0 if at_first else 1, 3):
        rows = _of_stage(stage, before, facts, frame, recovered_too)
        if len(rows) == 0:
            continue
        if stage == 0:
            starts, columns, gains = gated(beliefs, looks, rows, boxes, measured, features, widest, weight, first_limit)
        else:
            limit = second_limit if stage == 1 else third_limit
            starts, columns, gains = overlapping(beliefs, rows, boxes, free, widest, limit)
        columns = solve(starts, columns, gains, len(boxes))
        match(beliefs, looks, facts, scores, rows, columns, measured, seen_scores, features, frame, momentum)
        for column in columns:
            if column != NOBODY:
                free[column] = False
    for row in range(len(facts)):
        if facts[row, SEEN] < frame:
            facts[row, PHASE], keep[row] = LOST, before[row] != NEW
    return free, keep


@compiled
def _of_stage(stage: int, before: Array, facts: Array, frame: int, recovered_too: bool) -> Array:
    """Which tracks a stage matches: all but new ones; those in sight that are not matched yet; new ones."""
    rows, count = np.empty(len(before), np.int64), 0
    for row in range(len(before)):
        phase = before[row]
        in_sight = (phase == TRACKED or (phase == RECOVERED and recovered_too)) and facts[row, SEEN] < frame
        if (stage == 0 and phase != NEW) or (stage == 1 and in_sight) or (stage == 2 and phase == NEW):
            rows[count] = row
            count += 1
    return rows[:count]
