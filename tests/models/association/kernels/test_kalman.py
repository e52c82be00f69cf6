"""The block-wise filter against golden numbers and against the dense 8x8 filter."""

from __future__ import annotations

import numpy as np
import pytest

from models.association.kernels import kalman
from models.association.kernels.candidates import MAHALANOBIS_GATE

FIRST = np.array([[100.0, 200.0, 0.4, 80.0]])
SECOND = np.array([[103.0, 198.0, 0.41, 82.0]])


def _boxes(measurements: np.ndarray) -> np.ndarray:
    half = np.column_stack([measurements[:, 2] * measurements[:, 3], measurements[:, 3]]) / 2
    return np.hstack([measurements[:, :2] - half, measurements[:, :2] + half])


def _predicted(beliefs: np.ndarray) -> np.ndarray:
    after = beliefs.copy()
    kalman.predict(after)
    return after


def _corrected(beliefs: np.ndarray, measurements: np.ndarray) -> np.ndarray:
    after = beliefs.copy()
    for belief, measurement in zip(after, measurements, strict=True):
        kalman.update(belief, measurement)
    return after


def _gate(belief: np.ndarray, measurement: np.ndarray) -> float:
    spread = np.empty(4)
    kalman.expect(belief, spread)
    return float(((measurement - belief[0]) ** 2 / spread).sum())


def test_golden_gate_and_update() -> None:
    """Numbers computed with FairMOT's filter."""
    predicted = _predicted(kalman.born(_boxes(FIRST)))
    assert _gate(predicted[0], SECOND[0]) == pytest.approx(0.15029979, abs=5e-9)

    position, velocity, position_variance, _, velocity_variance = _corrected(predicted, SECOND)[0]

    np.testing.assert_allclose(position, [102.603306, 198.264463, 0.400196, 81.735537], atol=5e-7)
    np.testing.assert_allclose(velocity, [0.619835, -0.413223, 0, 0.413223], atol=5e-7)
    np.testing.assert_allclose(position_variance, [13.884298, 13.884298, 1.96e-4, 13.884298], atol=5e-7)
    np.testing.assert_allclose(velocity_variance, [20.084711, 20.084711, 0, 20.084711], atol=5e-7)


def test_equals_the_dense_filter_over_many_frames() -> None:
    rng = np.random.default_rng(1)
    seen = rng.uniform([0, 0, 0.3, 40], [500, 300, 0.6, 200], (5, 4))
    beliefs = kalman.born(_boxes(seen))
    dense = [_dense_initiate(row) for row in seen]
    for _ in range(20):
        seen = seen + rng.normal(0, [3, 2, 0.01, 2], (5, 4))
        beliefs = _predicted(beliefs)
        dense = [_dense_predict(*each) for each in dense]
        gates = [[_gate(belief, box) for box in seen] for belief in beliefs]
        np.testing.assert_allclose(gates, [[_dense_gate(*each, box) for box in seen] for each in dense], rtol=1e-8)
        kalman.correct(beliefs, np.arange(5), _boxes(seen))
        dense = [_dense_update(*each, box) for each, box in zip(dense, seen, strict=True)]
        means = np.stack([mean for mean, _ in dense])
        covariances = np.stack([covariance for _, covariance in dense])
        np.testing.assert_allclose(beliefs[:, :2].reshape(5, 8), means, rtol=1e-9, atol=1e-9)
        diagonal = np.hstack([beliefs[:, kalman.POSITION_VARIANCE], beliefs[:, kalman.VELOCITY_VARIANCE]])
        np.testing.assert_allclose(diagonal, np.diagonal(covariances, axis1=1, axis2=2), rtol=1e-8, atol=1e-14)
        across = covariances[:, np.arange(4), np.arange(4) + 4]
        np.testing.assert_allclose(beliefs[:, kalman.COVARIANCE], across, rtol=1e-8, atol=1e-14)


def test_boxes_and_measurements_are_inverse() -> None:
    boxes = np.array([[-10.0, 5, 30, 105], [0, 0, 1, 2]])
    np.testing.assert_allclose(kalman.measurements(boxes), [[10, 55, 0.4, 100], [0.5, 1, 0.5, 2]])
    np.testing.assert_allclose(kalman.boxes(kalman.born(boxes)), boxes)


def test_float32_boxes_are_widened_first() -> None:
    """A third of a pixel is not the same in both."""
    box = np.array([[1 / 3, 2 / 3, 10 / 3, 20 / 3]], np.float32)
    np.testing.assert_array_equal(kalman.measurements(box), kalman.measurements(box.astype(np.float64)))


def test_the_gate_is_the_quantile_of_chi_squared() -> None:
    """P(x < g) = 1 - exp(-g/2) (1 + g/2) for four degrees of freedom."""
    half = MAHALANOBIS_GATE / 2
    assert 1 - np.exp(-half) * (1 + half) == pytest.approx(0.95, abs=1e-6)


# The textbook filter, one track at a time.
MOTION = np.eye(8) + np.eye(8, k=4)
OBSERVE = np.eye(4, 8)

Belief = tuple[np.ndarray, np.ndarray]


def _dense_initiate(box: np.ndarray) -> Belief:
    h = box[3]
    std = [h / 10, h / 10, 1e-2, h / 10, h / 16, h / 16, 1e-5, h / 16]
    return np.concatenate([box, np.zeros(4)]), np.diag(np.square(std))


def _dense_predict(mean: np.ndarray, covariance: np.ndarray) -> Belief:
    h = mean[3]
    std = [h / 20, h / 20, 1e-2, h / 20, h / 160, h / 160, 1e-5, h / 160]
    return MOTION @ mean, MOTION @ covariance @ MOTION.T + np.diag(np.square(std))


def _dense_project(mean: np.ndarray, covariance: np.ndarray) -> Belief:
    h = mean[3]
    noise = np.diag(np.square([h / 20, h / 20, 1e-1, h / 20]))
    return OBSERVE @ mean, OBSERVE @ covariance @ OBSERVE.T + noise


def _dense_gate(mean: np.ndarray, covariance: np.ndarray, box: np.ndarray) -> float:
    expected, spread = _dense_project(mean, covariance)
    return float((box - expected) @ np.linalg.solve(spread, box - expected))


def _dense_update(mean: np.ndarray, covariance: np.ndarray, box: np.ndarray) -> Belief:
    expected, spread = _dense_project(mean, covariance)
    gain = covariance @ OBSERVE.T @ np.linalg.inv(spread)
    return mean + gain @ (box - expected), covariance - gain @ spread @ gain.T
