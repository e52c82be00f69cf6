"""The constant-velocity Kalman filter of SORT, DeepSORT and FairMOT, in blocks.

A box is measured as (centre x, centre y, aspect w/h, height h) in pixels, and the state adds a velocity to each of the four, per frame.
All noise is diagonal and the motion couples a coordinate only with its own velocity, so the usual 8x8 covariance never leaves the form of
four 2x2 blocks. Just those are kept; results equal the dense filter's, without a single matrix product or inverse.

A belief is (5, 4) float64, one column per coordinate; its rows are named below.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.numerics.jit import compiled

Floats = NDArray[Any]

POSITION, VELOCITY, POSITION_VARIANCE, COVARIANCE, VELOCITY_VARIANCE = range(5)

POSITION_WEIGHT = 1 / 20  # standard deviation of position, in box heights
VELOCITY_WEIGHT = 1 / 160  # standard deviation of velocity, in box heights per frame
ASPECT_STD = 1e-2
ASPECT_VELOCITY_STD = 1e-5
ASPECT_MEASUREMENT_STD = 1e-1


@compiled
def variance(height: float, coordinate: int, weight: float, aspect_std: float) -> float:
    """Noise of one coordinate: it scales with the height, but for the aspect's, which is fixed."""
    spread = aspect_std if coordinate == 2 else weight * height
    return spread * spread


@compiled
def measure(box: Floats, measurement: Floats) -> None:
    """Write an xyxy box (4,) of positive size to (4,) float64 as centre x, centre y, w/h, h."""
    left, top, right, bottom = np.float64(box[0]), np.float64(box[1]), np.float64(box[2]), np.float64(box[3])
    measurement[0], measurement[1] = (left + right) / 2, (top + bottom) / 2
    measurement[2], measurement[3] = (right - left) / (bottom - top), bottom - top


@compiled
def place(belief: Floats) -> tuple[float, float, float, float]:
    """The xyxy box of a belief (5, 4)."""
    x, y, aspect, height = belief[0, 0], belief[0, 1], belief[0, 2], belief[0, 3]
    half_width, half_height = aspect * height / 2, height / 2
    return x - half_width, y - half_height, x + half_width, y + half_height


@compiled
def initiate(belief: Floats, measurement: Floats) -> None:
    """Write the belief (5, 4) after one sighting (4,): velocity zero."""
    height = measurement[3]
    for k in range(4):
        belief[POSITION, k], belief[VELOCITY, k], belief[COVARIANCE, k] = measurement[k], 0.0, 0.0
        belief[POSITION_VARIANCE, k] = variance(height, k, 2 * POSITION_WEIGHT, ASPECT_STD)
        belief[VELOCITY_VARIANCE, k] = variance(height, k, 10 * VELOCITY_WEIGHT, ASPECT_VELOCITY_STD)


@compiled
def predict(beliefs: Floats) -> None:
    """Advance beliefs (N, 5, 4), in place, by one frame; the process noise scales with the height before the step."""
    for i in range(len(beliefs)):
        belief = beliefs[i]
        height = belief[POSITION, 3]
        for k in range(4):
            belief[POSITION, k] += belief[VELOCITY, k]
            spread = belief[POSITION_VARIANCE, k] + 2 * belief[COVARIANCE, k] + belief[VELOCITY_VARIANCE, k]
            belief[POSITION_VARIANCE, k] = spread + variance(height, k, POSITION_WEIGHT, ASPECT_STD)
            belief[COVARIANCE, k] += belief[VELOCITY_VARIANCE, k]
            belief[VELOCITY_VARIANCE, k] += variance(height, k, VELOCITY_WEIGHT, ASPECT_VELOCITY_STD)


@compiled
def expect(belief: Floats, spread: Floats) -> None:
    """Write to `spread` (4,) the variances of the next measurement: those of the belief's position plus the noise of measuring."""
    for k in range(4):
        spread[k] = belief[POSITION_VARIANCE, k] + variance(belief[POSITION, 3], k, POSITION_WEIGHT, ASPECT_MEASUREMENT_STD)


@compiled
def update(belief: Floats, measurement: Floats) -> None:
    """Correct a belief (5, 4) in place by a measurement (4,)."""
    height = belief[POSITION, 3]
    for k in range(4):
        total = belief[POSITION_VARIANCE, k] + variance(height, k, POSITION_WEIGHT, ASPECT_MEASUREMENT_STD)
        position_gain, velocity_gain = belief[POSITION_VARIANCE, k] / total, belief[COVARIANCE, k] / total
        innovation = measurement[k] - belief[POSITION, k]
        belief[POSITION, k] += position_gain * innovation
        belief[VELOCITY, k] += velocity_gain * innovation
        belief[VELOCITY_VARIANCE, k] -= velocity_gain * belief[COVARIANCE, k]
        belief[POSITION_VARIANCE, k] *= 1 - position_gain
        belief[COVARIANCE, k] *= 1 - position_gain


@compiled
def boxes(beliefs: Floats) -> Floats:
    """(N, 4) float64 xyxy boxes of beliefs (N, 5, 4)."""
    found = np.empty((len(beliefs), 4))
    for i in range(len(beliefs)):
        found[i, 0], found[i, 1], found[i, 2], found[i, 3] = place(beliefs[i])
    return found


@compiled
def born(boxes: Floats) -> Floats:
    """(N, 5, 4) beliefs after one sighting of each of the boxes (N, 4), xyxy of positive size."""
    beliefs, measurement = np.empty((len(boxes), 5, 4)), np.empty(4)
    for i in range(len(boxes)):
        measure(boxes[i], measurement)
        initiate(beliefs[i], measurement)
    return beliefs


@compiled
def measurements(boxes: Floats) -> Floats:
    """(N, 4) float64 measurements of boxes (N, 4), xyxy of positive size."""
    found = np.empty((len(boxes), 4))
    for i in range(len(boxes)):
        measure(boxes[i], found[i])
    return found


@compiled
def correct(beliefs: Floats, rows: NDArray[Any], boxes: Floats) -> None:
    """Correct the beliefs at `rows` (K,), in place, by the boxes (K, 4), xyxy of positive size."""
    measurement = np.empty(4)
    for number in range(len(rows)):
        measure(boxes[number], measurement)
        update(beliefs[rows[number]], measurement)
