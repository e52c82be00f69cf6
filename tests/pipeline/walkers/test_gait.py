from __future__ import annotations

import numpy as np
import pytest

from pipeline.walkers import gait


def walk(phase: float, effort: float = 1.0, heading: float = 0.0, stature: float = 1.8) -> np.ndarray:
    columns = (np.array([[2.0, 9.0]]), np.array([heading]), np.array([phase]), np.array([effort]), np.array([stature]))
    return gait.skeletons(*columns)[0]


@pytest.mark.parametrize("phase", np.linspace(0, 2 * np.pi, 7))
def test_the_lower_foot_is_on_the_ground(phase: float) -> None:
    ankles = walk(phase)[gait.ANKLE : gait.ANKLE + 2, 1]
    assert ankles.min() == pytest.approx(gait.SOLE * 1.8)


def test_a_standing_person_is_as_tall_as_stated() -> None:
    joints = walk(0.0, effort=0.0)
    assert joints[gait.HEAD, 1] + 0.066 * 1.8 == pytest.approx(1.8, abs=0.02)


def test_legs_alternate_and_arms_swing_against_them() -> None:
    joints = walk(np.pi / 2)
    knees, hands = joints[[gait.KNEE, gait.KNEE + 1], 2], joints[[gait.HAND, gait.HAND + 1], 2]
    assert knees[0] - knees[1] > 0.2
    assert hands[0] - hands[1] < -0.1


def test_half_a_cycle_later_left_and_right_have_swapped() -> None:
    now, later = walk(0.7), walk(0.7 + np.pi)
    np.testing.assert_allclose(now[gait.KNEE, 1:], later[gait.KNEE + 1, 1:], atol=1e-9)


def test_heading_zero_walks_along_z_and_a_quarter_turn_along_x() -> None:
    for heading, axis in ((0.0, 2), (np.pi / 2, 0)):
        joints = walk(0.0, effort=0.0, heading=heading)
        toes = joints[gait.TOE] - joints[gait.ANKLE]
        assert np.argmax(np.abs(toes)) == axis
        assert toes[axis] > 0
