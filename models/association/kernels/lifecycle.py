"""Which tracks are kept, which stay lost and which are output."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.association.kernels.candidates import corners, overlap
from models.association.kernels.memory import BORN, DETECTION, IDENTITY, LOST, LOST_FRAMES, PHASE, RECOVERED, SEEN, TRACKED
from pipeline.numerics.jit import compiled

Array = NDArray[Any]


@compiled
def forget(boxes: Array, state: Array, frame: int, buffer: int, recovered_too: bool, limit: float) -> Array:
    """Which tracks to keep: not those unseen for long, nor one of a visible and a lost track that are duplicates.

    Of duplicates the one with fewer frames between its first and its last detection goes; the visible one if they are equal.

    Args:
        boxes: (N, 4) xyxy of the tracks.
        state: (N, 6), columns as in memory.py.
        frame: number of the present frame.
        buffer: for how many frames an unseen track is kept.
        recovered_too: True: recovered tracks are left out of this comparison, as neither visible nor lost; False: they count as lost.
        limit: a visible and a lost track are duplicates where 1 - IoU is below this; at most 1.

    Returns:
        (N,) bool.
    """
    keep = np.empty(len(state), np.bool_)
    for row in range(len(state)):
        keep[row] = frame - state[row, SEEN] <= buffer
    for second in range(len(state)):
        if state[second, PHASE] != LOST and (recovered_too or state[second, PHASE] != RECOVERED):
            continue
        box = corners(boxes[second])
        for first in range(len(state)):
            if state[first, PHASE] > TRACKED or boxes[first, 0] >= box[2] or boxes[first, 2] <= box[0]:
                continue
            if 1.0 - overlap(corners(boxes[first]), box) < limit:
                older = state[first, SEEN] - state[first, BORN] > state[second, SEEN] - state[second, BORN]
                keep[second if older else first] = False
    return keep


@compiled
def miss(state: Array) -> None:
    """Count one more frame without any evidence for each lost track."""
    for row in range(len(state)):
        if state[row, PHASE] == LOST:
            state[row, LOST_FRAMES] += 1


@compiled
def visible_tracks(
    boxes: Array, state: Array, scores: Array, width: float, height: float, min_area: float, max_aspect: float
) -> tuple[Array, Array, Array, Array]:
    """What is output of the tracked and the recovered tracks; `shown` of models/association/output.py.

    Args:
        boxes: (N, 4) xyxy pixels.
        state: (N, 6), columns as in memory.py.
        scores: (N,).
        width: of the image in pixels, to which boxes are clipped; 0: boxes are not clipped.
        height: of the image in pixels; read only where width is above 0.
        min_area: boxes up to this area are left out.
        max_aspect: boxes wider than this times their height are left out.

    Returns:
        Boxes (K, 4) float32, identities (K,) int64, scores (K,) float32, and (K,) int64 which detection each one was matched with, -1 for
        the recovered.
    """
    shown, identities, count = np.empty((len(state), 4), np.float32), np.empty(len(state), np.int64), 0
    sure, detections = np.empty(len(state), np.float32), np.empty(len(state), np.int64)
    for row in range(len(state)):
        box = shown[count]
        for k in range(4):
            box[k] = boxes[row, k]
            if width > 0:
                box[k] = min(max(box[k], np.float32(0)), np.float32(height if k % 2 else width))
        left, top, right, bottom = corners(box)
        narrow = box[2] - box[0] <= np.float32(max_aspect) * (box[3] - box[1])  # in float32
        large = max(right - left, 0.0) * max(bottom - top, 0.0) > min_area
        if narrow and large and (state[row, PHASE] == TRACKED or state[row, PHASE] == RECOVERED):
            identities[count], sure[count] = state[row, IDENTITY], scores[row]
            detections[count] = state[row, DETECTION] if state[row, PHASE] == TRACKED else -1
            count += 1
    return shown[:count], identities[:count], sure[:count], detections[:count]
