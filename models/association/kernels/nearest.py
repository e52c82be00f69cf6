"""The loops of QDTrack's association over detections and candidates; models/association/bisoftmax.py says what they mean."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.numerics.jit import compiled

Floats = NDArray[Any]

FREE, DROPPED = -1, -2


@compiled
def _overlap(first: Floats, second: Floats) -> float:
    """IoU of two boxes (4,), 0 where the union is empty."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = np.float64(width) * np.float64(height)
    one = np.float64(first[2] - first[0]) * np.float64(first[3] - first[1])
    other = np.float64(second[2] - second[0]) * np.float64(second[3] - second[1])
    return shared / (one + other - shared)


@compiled
def kept(boxes: Floats, scores: Floats, sure: float, limit_unsure: float, limit_sure: float) -> NDArray[np.uint8]:
    """(N,) uint8, 0 for duplicates; boxes (N, 4) in descending order of scores (N,)."""
    found = np.ones(len(boxes), np.uint8)
    for i in range(1, len(boxes)):
        limit = limit_unsure if scores[i] < sure else limit_sure
        for j in range(i):
            if _overlap(boxes[i], boxes[j]) > limit:
                found[i] = 0
                break
    return found


@compiled
def assign(
    scores: Floats, tracks: int, confidences: Floats, match: float, sure: float, drop: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """From scores (N, M): (N,) int64 column, `FREE` or `DROPPED`; (N,) int64 nearest column, -1 if none is above 0; (N,) its score."""
    count, columns = scores.shape
    found, nearest, most = np.full(count, FREE, np.int64), np.full(count, -1, np.int64), np.zeros(count, np.float32)
    taken = np.zeros(columns, np.uint8)
    for i in range(count):
        best, which = -np.inf, -1
        for j in range(columns):
            if scores[i, j] > most[i]:
                most[i], nearest[i] = scores[i, j], j
            score = 0.0 if taken[j] else scores[i, j]
            if score > best:
                best, which = score, j
        if which < 0 or which >= tracks or not best > match:
            continue
        if confidences[i] > sure:
            found[i], taken[which] = which, 1
        elif best > drop:
            found[i] = DROPPED
    return found, nearest, most


@compiled
def average(known: Floats, rows: NDArray[Any], new: Floats, sources: NDArray[Any], update: float) -> None:
    """Move vectors `known` (N, D) at `rows` (K,) towards `new` (M, D) at `sources` (K,), in place; `update` is the new ones' weight."""
    old, fresh = np.float32(1 - update), np.float32(update)
    for number in range(len(rows)):
        vector, seen = known[rows[number]], new[sources[number]]
        for k in range(len(vector)):
            vector[k] = old * vector[k] + fresh * seen[k]


@compiled
def backdrops(boxes: Floats, free: NDArray[Any], limit: float) -> NDArray[np.uint8]:
    """(N,) uint8, 1 for free detections that overlap none before them by more than `limit`."""
    found = np.zeros(len(boxes), np.uint8)
    for i in range(len(boxes)):
        if free[i]:
            found[i] = 1
            for j in range(i):
                if _overlap(boxes[i], boxes[j]) > limit:
                    found[i] = 0
                    break
    return found


@compiled
def mean_of_shares(products: Floats) -> NDArray[np.float32]:
    """(N, M) float32, the mean of the softmax along rows and the softmax along columns of products (N, M)."""
    count, columns = products.shape
    found = np.empty((count, columns), np.float32)
    highest, total = np.full(columns, np.float32(-np.inf)), np.zeros(columns, np.float32)
    for i in range(count):
        most, row = np.float32(-np.inf), np.float32(0)
        for j in range(columns):
            most, highest[j] = max(most, products[i, j]), max(highest[j], products[i, j])
        for j in range(columns):
            found[i, j] = math.exp(products[i, j] - most)
            row += found[i, j]
        for j in range(columns):
            found[i, j] /= row
    above = np.empty((count, columns), np.float32)
    for i in range(count):
        for j in range(columns):
            above[i, j] = math.exp(products[i, j] - highest[j])
            total[j] += above[i, j]
    for i in range(count):
        for j in range(columns):
            found[i, j] = (found[i, j] + above[i, j] / total[j]) * np.float32(0.5)
    return found
