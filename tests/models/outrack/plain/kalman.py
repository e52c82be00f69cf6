"""The constant-velocity Kalman filter of SORT, DeepSORT and FairMOT, for all tracks at once.

A box is measured as (centre x, centre y, aspect w/h, height h) in pixels, and the state adds a velocity to each of the
four, per frame. All noise is diagonal and the motion couples a coordinate only with its own velocity, so the usual 8x8
covariance never leaves the form of four 2x2 blocks. The filter stores just those blocks; results equal the dense filter's,
without a single matrix product or inverse.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

POSITION_WEIGHT = 1 / 20  # standard deviation of position, in box heights
VELOCITY_WEIGHT = 1 / 160  # standard deviation of velocity, in box heights a frame
ASPECT_STD = 1e-2
ASPECT_VELOCITY_STD = 1e-5
ASPECT_MEASUREMENT_STD = 1e-1


class KalmanState(NamedTuple):
    """The beliefs about N boxes; row i of every array is box i. All (N, 4) float64, columns (x, y, aspect, height).

    Attributes:
        position: means of the four coordinates.
        velocity: means of their change a frame.
        position_variance: variances of `position`.
        covariance: of each coordinate with its own velocity.
        velocity_variance: variances of `velocity`.
    """

    position: Floats
    velocity: Floats
    position_variance: Floats
    covariance: Floats
    velocity_variance: Floats

    def select(self, index: NDArray[Any]) -> KalmanState:
        """The rows at `index` (indices or mask), copied."""
        return KalmanState(*(array[index] for array in self))

    def assign(self, index: NDArray[Any], other: KalmanState) -> None:
        """Overwrite the rows at `index` by `other`, in place."""
        for array, value in zip(self, other, strict=True):
            array[index] = value

    def joined(self, other: KalmanState) -> KalmanState:
        """These rows, then those of `other`."""
        return KalmanState(*(np.concatenate(pair) for pair in zip(self, other, strict=True)))


def initiate(measurements: Floats) -> KalmanState:
    """Beliefs after one sighting each: (N, 4) xyah measurements, velocity zero."""
    height = measurements[:, 3:4]
    return KalmanState(
        position=measurements.astype(np.float64),
        velocity=np.zeros_like(measurements, np.float64),
        position_variance=_variances(height, 2 * POSITION_WEIGHT, ASPECT_STD),
        covariance=np.zeros_like(measurements, np.float64),
        velocity_variance=_variances(height, 10 * VELOCITY_WEIGHT, ASPECT_VELOCITY_STD),
    )


def predict(state: KalmanState) -> KalmanState:
    """Advance all beliefs by one frame; the process noise scales with the height before the step."""
    height = state.position[:, 3:4]
    return KalmanState(
        position=state.position + state.velocity,
        velocity=state.velocity,
        position_variance=state.position_variance
        + 2 * state.covariance
        + state.velocity_variance
        + _variances(height, POSITION_WEIGHT, ASPECT_STD),
        covariance=state.covariance + state.velocity_variance,
        velocity_variance=state.velocity_variance + _variances(height, VELOCITY_WEIGHT, ASPECT_VELOCITY_STD),
    )


def project(state: KalmanState) -> tuple[Floats, Floats]:
    """What a measurement should read: its mean (N, 4) and the diagonal of its covariance (N, 4), noise included."""
    noise = _variances(state.position[:, 3:4], POSITION_WEIGHT, ASPECT_MEASUREMENT_STD)
    return state.position, state.position_variance + noise


def update(state: KalmanState, measurements: Floats) -> KalmanState:
    """Correct each belief by its own measurement, (N, 4) xyah."""
    mean, variance = project(state)
    innovation = measurements - mean
    position_gain = state.position_variance / variance
    velocity_gain = state.covariance / variance
    return KalmanState(
        position=state.position + position_gain * innovation,
        velocity=state.velocity + velocity_gain * innovation,
        position_variance=(1 - position_gain) * state.position_variance,
        covariance=(1 - position_gain) * state.covariance,
        velocity_variance=state.velocity_variance - velocity_gain * state.covariance,
    )


def squared_mahalanobis(state: KalmanState, measurements: Floats) -> Floats:
    """(N, M) squared Mahalanobis distance (4 degrees of freedom) of M xyah measurements to N beliefs."""
    mean, variance = project(state)
    difference = measurements[None, :, :] - mean[:, None, :]
    distance: Floats = np.einsum("nmk,nmk,nk->nm", difference, difference, 1 / variance)
    return distance


def to_measurements(boxes: NDArray[Any]) -> Floats:
    """(N, 4) xyxy boxes of positive size -> (N, 4) float64 (centre x, centre y, w/h, h)."""
    corners = boxes.astype(np.float64).reshape(-1, 4)
    size = corners[:, 2:] - corners[:, :2]
    centre = (corners[:, :2] + corners[:, 2:]) / 2
    return np.column_stack([centre, size[:, 0] / size[:, 1], size[:, 1]])


def to_boxes(measurements: Floats) -> Floats:
    """(N, 4) xyah -> (N, 4) float64 xyxy boxes."""
    height = measurements[:, 3]
    half = np.column_stack([measurements[:, 2] * height, height]) / 2
    return np.hstack([measurements[:, :2] - half, measurements[:, :2] + half])


def _variances(height: Floats, weight: float, aspect_std: float) -> Floats:
    """(N, 4) variances: position-like columns scale with the height (N, 1), the aspect's is fixed."""
    spread = np.repeat((weight * height) ** 2, 4, axis=1)
    spread[:, 2] = aspect_std**2
    return spread
