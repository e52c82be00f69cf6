"""What a frame does to the tracks' memory; tracklet.py says what its arrays hold."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.tracking.compiled import compiled
from models.tracking.kernels import kalman
from models.tracking.kernels.assignment import NOBODY, solve
from models.tracking.kernels.candidates import gated, overlapping
from models.tracking.kernels.vectors import blend

Array = NDArray[Any]

IDENTITY, PHASE, BORN, SEEN, LOST_FRAMES = range(5)  # columns of facts
NEW, TRACKED, RECOVERED, LOST = range(4)  # phases


@compiled
def predict(beliefs: Array, facts: Array) -> None:
    """Advance all beliefs (N, 5, 4) by a frame; the height of what is out of sight stays."""
    kalman.predict(beliefs, facts[:, PHASE] > TRACKED)


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
            facts[row, PHASE], facts[row, SEEN], facts[row, LOST_FRAMES] = TRACKED, frame, 0


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
        facts: (N, 5).
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
    before, free, measured = facts[:, PHASE].copy(), np.ones(len(boxes), np.bool_), np.empty((len(boxes), 4))
    widest = 0.0
    for column in range(len(boxes)):
        kalman.measure(boxes[column], measured[column])
        widest = max(widest, np.float64(boxes[column, 2]) - np.float64(boxes[column, 0]))
    for stage in range(0 if at_first else 1, 3):
        if stage == 0:
            rows = np.flatnonzero(before != NEW)
            pairs = gated(beliefs, looks, rows, boxes, measured, features, widest, weight, first_limit)
        elif stage == 1:
            in_sight = (before == TRACKED) | ((before == RECOVERED) & recovered_too)
            rows = np.flatnonzero(in_sight & (facts[:, SEEN] < frame))
            pairs = overlapping(beliefs, rows, boxes, free, widest, second_limit)
        else:
            rows = np.flatnonzero(before == NEW)
            pairs = overlapping(beliefs, rows, boxes, free, widest, third_limit)
        if len(pairs[0]) == 1:
            continue
        columns = solve(pairs[0], pairs[1], pairs[2], len(boxes))
        match(beliefs, looks, facts, scores, rows, columns, measured, seen_scores, features, frame, momentum)
        for column in columns:
            if column != NOBODY:
                free[column] = False
    keep = np.ones(len(facts), np.bool_)
    for row in range(len(facts)):
        if facts[row, SEEN] < frame:
            facts[row, PHASE], keep[row] = LOST, before[row] != NEW
    return free, keep
