"""The motion distance: JDE's golden value, and shapes."""

from __future__ import annotations

import numpy as np
import pytest

from models.association.kernels import kalman
from models.association.motion import squared_mahalanobis


def _box(x: float, y: float, aspect: float, height: float) -> list[float]:
    return [x - aspect * height / 2, y - height / 2, x + aspect * height / 2, y + height / 2]


def test_golden_distance() -> None:
    """Started at (100, 200, .4, 80), predicted once, against (103, 198, .41, 82): by FairMOT's released filter."""
    beliefs = kalman.born(np.array([_box(100, 200, 0.4, 80)]))
    kalman.predict(beliefs)
    found = squared_mahalanobis(beliefs, np.array([_box(103, 198, 0.41, 82), _box(100, 200, 0.4, 80)]))
    assert found[0].tolist() == pytest.approx([0.15029979, 0], abs=1e-8)


def test_nobody_and_nothing() -> None:
    beliefs = kalman.born(np.array([_box(100, 200, 0.4, 80)]))
    assert squared_mahalanobis(beliefs[:0], np.tile([0.0, 0.0, 1.0, 1.0], (2, 1))).shape == (0, 2)
    assert squared_mahalanobis(beliefs, np.zeros((0, 4))).shape == (1, 0)
