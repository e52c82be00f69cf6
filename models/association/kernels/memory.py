"""What a frame does to the tracks' memory; models/association/tracklet.py says what its arrays hold."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.association.kernels import kalman
from models.association.kernels.assignment import NOBODY, solve
from models.association.kernels.candidates import gated, overlapping
from models.association.kernels.softmax import bisoftmax
from models.association.kernels.vectors import blend
from pipeline.numerics.jit import compiled

Array = NDArray[Any]

IDENTITY, PHASE, BORN, SEEN, LOST_FRAMES, DETECTION = range(6)  # columns of state
NEW, TRACKED, RECOVERED, LOST = range(4)  # phases
APPEARANCE, OVERLAP = range(2)  # kinds of cost


@compiled
def predict(beliefs: Array, state: Array) -> None:
    """Advance all beliefs (N, 5, 4) by a frame, in place; the height of recovered and lost tracks stays, as its velocity is set to 0."""
    for row in range(len(state)):
        if state[row, PHASE] > TRACKED:
            beliefs[row, kalman.VELOCITY, 3] = 0.0
    kalman.predict(beliefs)


class Memory(NamedTuple):
    """The arrays of N tracks, changed in place; models/association/tracklet.py says what they hold."""

    beliefs: Array
    looks: Array
    state: Array
    scores: Array


class Seen(NamedTuple):
    """M detections of a frame, by left edge.

    Attributes:
        boxes: (M, 4) float32 xyxy pixels.
        scores: (M,) float32.
        features: (M, D) float32, of unit length; D is 0 without embeddings.
    """

    boxes: Array
    scores: Array
    features: Array


@compiled
def match(memory: Memory, rows: Array, columns: Array, measured: Array, seen: Seen, frame: int, momentum: float) -> None:
    """Update the tracks at `rows` by the detections at `columns`.

    Args:
        memory: of all tracks, changed in place.
        rows: (K,) int64, rows of the tracks.
        columns: (K,) int64, the detection for each of them; a track whose column is -1 stays as it is.
        measured: (M, 4) float64, the detections as the Kalman filter measures them.
        seen: the M detections.
        frame: number of the present frame.
        momentum: weight of a track's old embedding.
    """
    for number in range(len(rows)):
        row, column = rows[number], columns[number]
        if column != NOBODY:
            kalman.update(memory.beliefs[row], measured[column])
            blend(memory.looks[row], seen.features[column], momentum)
            memory.scores[row] = seen.scores[column]
            state = memory.state[row]
            state[PHASE], state[SEEN], state[LOST_FRAMES], state[DETECTION] = TRACKED, frame, 0, column


@compiled
def associate(memory: Memory, seen: Seen, stages: Array, frame: int, momentum: float, weight: float, scale: float) -> tuple[Array, Array]:
    """Match tracks with detections, stage after stage; each takes what those before it left.

    Args:
        memory: of N tracks, changed in place.
        seen: M detections.
        stages: (S, 3) float64, one row per stage: a bit mask of the phases whose tracks take part, the kind of cost, and the limit that
            the cost of a pair stays below.
        frame: number of the present frame.
        momentum: weight of a track's old embedding.
        weight: of appearance, where the cost has both appearance and motion; motion has 1 - weight.
        scale: what cosines are multiplied by before a bi-softmax, `ADAPTIVE` or above 0; 0: cosines are compared as they are.

    Returns:
        (M,) bool detections left over, and (N,) bool tracks to keep: all but the new ones that nobody confirms.
    """
    before, keep = memory.state[:, PHASE].copy(), np.ones(len(memory.state), np.bool_)
    free, measured, widest = np.ones(len(seen.boxes), np.bool_), np.empty((len(seen.boxes), 4)), 0.0
    for column in range(len(seen.boxes)):
        kalman.measure(seen.boxes[column], measured[column])
        widest = max(widest, np.float64(seen.boxes[column, 2]) - np.float64(seen.boxes[column, 0]))
    for number in range(len(stages)):
        who, cost, limit = np.int64(stages[number, 0]), np.int64(stages[number, 1]), stages[number, 2]
        rows = _taking_part(who, before, memory.state, frame)
        if len(rows) == 0:
            continue
        if cost == APPEARANCE:
            likeness = np.empty((0, 0), np.float32)
            if scale != 0 and memory.looks.shape[1]:
                likeness = bisoftmax(memory.looks, rows, seen.features, scale)
            starts, columns, gains = gated(
                memory.beliefs, memory.looks, rows, seen.boxes, measured, seen.features, likeness, widest, weight, limit
            )
        else:
            starts, columns, gains = overlapping(memory.beliefs, rows, seen.boxes, free, widest, limit)
        columns = solve(starts, columns, gains, len(seen.boxes))
        match(memory, rows, columns, measured, seen, frame, momentum)
        for column in columns:
            if column != NOBODY:
                free[column] = False
    for row in range(len(memory.state)):
        if memory.state[row, SEEN] < frame:
            memory.state[row, PHASE], keep[row] = LOST, before[row] != NEW
    return free, keep


@compiled
def _taking_part(who: Any, before: Array, state: Array, frame: int) -> Array:
    """Rows of the tracks that were in one of these phases before this frame and that no stage has matched yet."""
    rows, count = np.empty(len(before), np.int64), 0
    for row in range(len(before)):
        if (who >> before[row]) & 1 and state[row, SEEN] < frame:
            rows[count] = row
            count += 1
    return rows[:count]
