"""Association in ByteTrack's order: sure detections by likeness and overlap with all tracks, unsure ones by overlap with those in sight.

A detection may be like a track that was last seen elsewhere, so the first round looks at all pairs. Cosines come from one product of
matrices, which no loop here would compute faster; a quick test of all pairs of a track, which the compiler turns into vector
instructions, then leaves the few that may match.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.association.kernels import kalman
from models.association.kernels.assignment import NOBODY, solve
from models.association.kernels.candidates import Pairs, corners, overlap, room, space
from models.association.kernels.memory import DETECTION, LOST, NEW, PHASE, RECOVERED, SEEN, TRACKED, Memory, Seen, match
from pipeline.numerics.jit import compiled

Array = NDArray[Any]


class Limits(NamedTuple):
    """What decides whether pairs match.

    Attributes:
        weight: of 1 - cosine in the first round's cost; 1 - IoU has 1 - weight.
        gate: a pair of smaller IoU needs `likeness` to match.
        likeness: least cosine of a pair whose IoU is below `gate`.
        high: the cost of a pair of the first round stays below this.
        low: 1 - IoU of a pair of the second round stays below this.
    """

    weight: float
    gate: float
    likeness: float
    high: float
    low: float


@compiled
def by_score(boxes: Array, scores: Array, low: float, high: float) -> tuple[Array, int]:
    """Rows of the boxes (M, 4) of positive width and height that score (M,) at least `low`, and how many of them score at least `high`.

    Those that do come first; in both groups rows ascend.
    """
    rows, count, sure, least = np.empty(len(boxes), np.int64), 0, 0, np.float32(high)
    for unsure in range(2):
        for row in range(len(boxes)):
            sized = boxes[row, 2] > boxes[row, 0] and boxes[row, 3] > boxes[row, 1]
            if sized and scores[row] >= low and (scores[row] < least) == (unsure == 1):
                rows[count] = row
                count += 1
        if unsure == 0:
            sure = count
    return rows[:count], sure


@compiled
def associate(
    memory: Memory, seen: Seen, numbers: Array, sure: int, cosines: Array, limits: Limits, frame: int, momentum: float
) -> tuple[Array, Array]:
    """Match tracks with detections in both rounds; matched tracks are updated, the others are lost.

    Args:
        memory: of N tracks, changed in place.
        seen: M detections, of which the first `sure` take part in the first round and the others in the second.
        numbers: (M,) int64, number of each among all detections of the frame, which its track remembers.
        sure: how many detections take part in the first round.
        cosines: (N, sure) float32 of tracks and sure detections.
        limits: what decides whether pairs match.
        frame: number of the present frame.
        momentum: weight of a track's old embedding in the first round; the second round changes no embedding.

    Returns:
        The numbers of sure detections left over, and (N,) bool tracks to keep: all but the new ones that the first round does not match.
    """
    boxes, measured = kalman.boxes(memory.beliefs), kalman.measurements(seen.boxes)
    starts, pairs, gains = alike(boxes, seen.boxes[:sure], cosines, limits)
    columns = solve(starts, pairs, gains, sure)
    match(memory, np.arange(len(columns)), columns, measured, seen, frame, momentum)
    left, rows = _alone(columns, memory.state, numbers[:sure])
    starts, pairs, gains = overlapping(boxes, rows, seen.boxes[sure:], limits.low)
    columns = solve(starts, pairs, gains, len(seen.boxes) - sure)
    for number in range(len(rows)):
        if columns[number] != NOBODY:
            columns[number] += sure
    match(memory, rows, columns, measured, seen, frame, 1.0)
    keep = np.ones(len(boxes), np.bool_)
    for row in range(len(boxes)):
        state = memory.state[row]
        if state[SEEN] == frame:
            state[DETECTION] = numbers[state[DETECTION]]
        else:
            keep[row], state[PHASE] = state[PHASE] != NEW, LOST
    return left, keep


@compiled
def _alone(columns: Array, state: Array, numbers: Array) -> tuple[Array, Array]:
    """Of the first round, the numbers of detections that no track got, and the rows of tracks in sight that got none."""
    free, rows, count = np.ones(len(numbers), np.bool_), np.empty(len(columns), np.int64), 0
    for row in range(len(columns)):
        if columns[row] != NOBODY:
            free[columns[row]] = False
        elif state[row, PHASE] == TRACKED or state[row, PHASE] == RECOVERED:
            rows[count] = row
            count += 1
    return numbers[free], rows[:count]


@compiled
def alike(tracks: Array, boxes: Array, cosines: Array, limits: Limits) -> Pairs:
    """Pairs of the first round that overlap or look alike; a cost is weight * (1 - cosine) + (1 - weight) * (1 - IoU), in float32.

    Args:
        tracks: (N, 4) xyxy.
        boxes: (M, 4) xyxy.
        cosines: (N, M) float32.
        limits: what decides whether pairs match.

    Returns:
        Starts (N + 1,), columns and gains, as `assignment.solve` takes them.

    Raises:
        ValueError: a cost is NaN.
    """
    starts, columns, gains, count = space(len(tracks))
    sides, candidate = _sides(boxes), np.empty(len(boxes), np.bool_)
    looks, places, one = np.float32(limits.weight), np.float32(1.0 - limits.weight), np.float32(1.0)
    gate, likeness = np.float32(limits.gate), np.float32(limits.likeness)
    for row in range(len(tracks)):
        box = corners(tracks[row])
        _glance(box, sides, cosines[row], likeness if gate > 0 else np.float32(-np.inf), candidate)
        for column in range(len(boxes)):
            if not candidate[column]:
                continue
            cosine, shared = cosines[row, column], np.float32(overlap(box, corners(boxes[column])))
            if shared < gate and cosine < likeness:
                continue
            cost = np.float64(looks * (one - cosine) + places * (one - shared))
            if np.isnan(cost):
                raise ValueError("assignment cost holds NaN")
            if cost - limits.high < 0:
                columns, gains = room(columns, gains, count)
                columns[count], gains[count] = column, cost - limits.high
                count += 1
        starts[row + 1] = count
    return starts, columns, gains


@compiled
def _sides(boxes: Array) -> Array:
    """Boxes (M, 4) as float64 rows (4, M) of their sides."""
    sides = np.empty((4, len(boxes)))
    for row in range(len(boxes)):
        for side in range(4):
            sides[side, row] = boxes[row, side]
    return sides


@compiled
def _glance(box: tuple[float, float, float, float], sides: Array, cosines: Array, likeness: Any, candidate: Array) -> None:
    """Write which boxes (M,) meet a track's box, or have a cosine that is not below `likeness`."""
    left, top, right, bottom = sides[0], sides[1], sides[2], sides[3]
    for column in range(len(candidate)):
        across = (left[column] < box[2]) & (right[column] > box[0])
        down = (top[column] < box[3]) & (bottom[column] > box[1])
        candidate[column] = (across & down) | (not cosines[column] < likeness)


@compiled
def overlapping(tracks: Array, rows: Array, boxes: Array, limit: float) -> Pairs:
    """Pairs of the tracks at `rows` (R,) by 1 - IoU alone, below `limit`; otherwise as `alike`."""
    starts, columns, gains, count = space(len(rows))
    for number in range(len(rows)):
        box = corners(tracks[rows[number]])
        for column in range(len(boxes)):
            gain = 1.0 - overlap(box, corners(boxes[column])) - limit
            if gain < 0:
                columns, gains = room(columns, gains, count)
                columns[count], gains[count] = column, gain
                count += 1
        starts[number + 1] = count
    return starts, columns, gains


@compiled
def better_half(cosines: Array) -> Array:
    """(N, M) float32, for each pair the mean of the greatest (B + 1) // 2 of its cosines (B, N, M) float32."""
    branches, rows, columns = cosines.shape
    means, ranked, first = np.empty((rows, columns), np.float32), np.empty(branches, np.float32), branches // 2
    for row in range(rows):
        for column in range(columns):
            for branch in range(branches):
                value, place = cosines[branch, row, column], branch
                while place > 0 and ranked[place - 1] > value:
                    ranked[place] = ranked[place - 1]
                    place -= 1
                ranked[place] = value
            total = ranked[first]
            for place in range(first + 1, branches):
                total += ranked[place]
            means[row, column] = total / np.float32(branches - first)
    return means
