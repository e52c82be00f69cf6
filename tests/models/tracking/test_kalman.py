"""The block-wise filter against golden numbers and against the dense 8x8 filter."""

from __future__ import annotations

import numpy as np
import pytest

from models.tracking import kalman

FIRST = np.array([[100.0, 200.0, 0.4, 80.0]])
SECOND = np.array([[103.0, 198.0, 0.41, 82.0]])


def test_golden_gate_and_update() -> None:
    """Numbers computed with FairMOT's filter."""
    predicted = kalman.predict(kalman.initiate(FIRST))
    assert kalman.squared_mahalanobis(predicted, SECOND)[0, 0] == pytest.approx(0.15029979, abs=5e-9)

    state = kalman.update(predicted, SECOND)

    np.testing.assert_allclose(state.position[0], [102.603306, 198.264463, 0.400196, 81.735537], atol=5e-7)
    np.testing.assert_allclose(state.velocity[0], [0.619835, -0.413223, 0, 0.413223], atol=5e-7)
    np.testing.assert_allclose(state.position_variance[0], [13.884298, 13.884298, 1.96e-4, 13.884298], atol=5e-7)
    np.testing.assert_allclose(state.velocity_variance[0], [20.084711, 20.084711, 0, 20.084711], atol=5e-7)


def test_equals_the_dense_filter_over_many_frames() -> None:
    rng = np.random.default_rng(1)
    boxes = rng.uniform([0, 0, 0.3, 40], [500, 300, 0.6, 200], (5, 4))
    state = kalman.initiate(boxes)
    dense = [_dense_initiate(row) for row in boxes]
    for _ in range(20):
        boxes = boxes + rng.normal(0, [3, 2, 0.01, 2], (5, 4))
        state = kalman.predict(state)
        dense = [_dense_predict(*each) for each in dense]
        gates = kalman.squared_mahalanobis(state, boxes)
        np.testing.assert_allclose(gates, [[_dense_gate(*each, box) for box in boxes] for each in dense], rtol=1e-8)
        state = kalman.update(state, boxes)
        dense = [_dense_update(*each, box) for each, box in zip(dense, boxes, strict=True)]
        means = np.stack([mean for mean, _ in dense])
        covariances = np.stack([covariance for _, covariance in dense])
        np.testing.assert_allclose(np.hstack([state.position, state.velocity]), means, rtol=1e-9, atol=1e-9)
        diagonal = np.hstack([state.position_variance, state.velocity_variance])
        np.testing.assert_allclose(diagonal, np.diagonal(covariances, axis1=1, axis2=2), rtol=1e-8, atol=1e-14)
        across = covariances[:, np.arange(4), np.arange(4) + 4]
        np.testing.assert_allclose(state.covariance, across, rtol=1e-8, atol=1e-14)


def test_rows_do_not_influence_each_other() -> None:
    both = kalman.predict(kalman.initiate(np.vstack([FIRST, 3 * SECOND])))
    alone = kalman.predict(kalman.initiate(FIRST))
    for two, one in zip(both, alone, strict=True):
        np.testing.assert_array_equal(two[:1], one)


def test_boxes_and_measurements_are_inverse() -> None:
    boxes = np.array([[-10.0, 5, 30, 105], [0, 0, 1, 2]])
    np.testing.assert_allclose(kalman.to_measurements(boxes), [[10, 55, 0.4, 100], [0.5, 1, 0.5, 2]])
    np.testing.assert_allclose(kalman.to_boxes(kalman.to_measurements(boxes)), boxes)


def test_no_rows() -> None:
    state = kalman.update(kalman.predict(kalman.initiate(np.zeros((0, 4)))), np.zeros((0, 4)))
    assert kalman.squared_mahalanobis(state, FIRST).shape == (0, 1)
    assert kalman.to_boxes(state.position).shape == (0, 4)


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
