"""PCK: golden J, lost joints by both rules, and poses of few joints."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.scoring.pose_propagation import normaliser, pck

TRUTH = np.array([[[10, 10], [30, 10], [20, 40], [12, 50]]], np.float64)
RESULT = TRUTH + np.array([[1, 2], [5, 0], [-3, 4], [0, 9]])


def test_golden_j() -> None:
    assert normaliser(TRUTH)[0] == pytest.approx(26.832816, abs=5e-7)
    assert [pck(TRUTH, RESULT, threshold) for threshold in (0.1, 0.2, 0.3)] == [0.25, 0.75, 0.75]


@pytest.mark.parametrize(("lost", "share"), [("wrong", 0.5), ("out", 2 / 3)])
def test_lost_joints(lost: str, share: float) -> None:
    result = RESULT.copy()
    result[0, 1] = np.nan
    assert pck(TRUTH, result, 0.2, lost=lost) == pytest.approx(share)


def test_joints_that_nobody_marked_are_not_counted() -> None:
    truth = np.concatenate([TRUTH, TRUTH])
    truth[1, 3] = np.nan  # wrong in the first frame, unknown in the second, whose body is 12 long by its other joints
    truth[:, 2] = np.nan  # never known
    assert pck(truth, np.concatenate([RESULT, RESULT]), 0.2) == pytest.approx((1 + 1 / 2 + 0) / 3)
    assert np.isnan(pck(np.full((2, 4, 2), np.nan), np.concatenate([RESULT, RESULT]), 0.2))


def test_a_pose_of_one_joint_has_no_size() -> None:
    truth = np.full((1, 4, 2), np.nan)
    truth[0, 0] = [10, 10]
    assert normaliser(truth)[0] == 0
    assert pck(truth, truth, 0.1) == 1
    assert pck(truth, truth + 1, 0.1) == 0


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(1, 4, 2\)"):
        pck(TRUTH, RESULT[:, :3], 0.1)
