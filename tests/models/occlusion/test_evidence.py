"""Eqs. 15 and 16 by hand, the gate's Gaussian, and the released tracker's memory."""

from __future__ import annotations

import numpy as np
import pytest

from models.association.kernels import evidence
from models.occlusion.evidence import OcclusionMemory, find_evidence

OCCLUDER = np.array([100.0, 50, 160, 200])


def recover(predicted: np.ndarray, occluder: np.ndarray, centre: np.ndarray) -> np.ndarray:
    box = np.empty(4)
    evidence.recover(predicted, occluder, centre, box)
    return box


def _overlap_centre(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    low, high = np.maximum(first[:2], second[:2]), np.minimum(first[2:], second[2:])
    return (low + high) / 2


@pytest.mark.parametrize(
    "hidden",
    [
        [90.0, 40, 150, 190],  # overhangs left and above
        [115.0, 60, 175, 210],  # overhangs right and below
        [110.0, 60, 150, 190],  # inside
        [90.0, 60, 130, 190],  # overhangs left, vertically inside
    ],
)
@pytest.mark.parametrize("error", [(3.0, -4.0), (-2.0, 1.0)])
def test_true_box_is_recovered_from_a_wrong_prediction(hidden: list[float], error: tuple[float, float]) -> None:
    truth = np.array(hidden)
    predicted = truth + np.tile(error, 2)
    np.testing.assert_allclose(recover(predicted, OCCLUDER, _overlap_centre(truth, OCCLUDER)), truth, atol=1e-9)


def test_occluder_within_the_prediction_changes_nothing() -> None:
    """The printed equation's last case; the release would snap the box to the occluder's border."""
    predicted = np.array([80.0, 30, 180, 220])
    np.testing.assert_array_equal(recover(predicted, OCCLUDER, np.array([131.0, 126.0])), predicted)


def test_recovered_box_keeps_the_predicted_size() -> None:
    predicted = np.array([93.0, 41, 150, 195])
    found = recover(predicted, OCCLUDER, np.array([120.0, 120.0]))
    np.testing.assert_allclose(found[2:] - found[:2], predicted[2:] - predicted[:2])


def test_score_is_the_gaussian_of_the_overlap() -> None:
    """A 50 x 50 overlap has radius 13.666 (golden); at that distance the score is exp(-1/2)."""
    box = np.array([[0.0, 0, 50, 50]])
    centres = np.array([[25 + 13.66600265, 25]], np.float32)
    assert find_evidence(box, box, centres).scores[0] == pytest.approx(np.exp(-0.5), abs=1e-6)


def test_best_pair_wins() -> None:
    lost = np.array([[90.0, 40, 150, 190]])
    occluders = np.array([[600.0, 0, 660, 150], [95.0, 80, 155, 230], OCCLUDER])
    right = _overlap_centre(lost[0], OCCLUDER)
    centres = np.array([right + 14, right + 1, [630, 75]])
    found = find_evidence(lost, occluders, centres)
    assert found.scores[0] > 0.95
    np.testing.assert_allclose(found.boxes[0], lost[0] + 2)


@pytest.mark.parametrize(
    ("occluders", "centres"),
    [
        (OCCLUDER[None], np.zeros((0, 2))),  # no centres
        (np.zeros((0, 4)), np.array([[125.0, 120]])),  # nobody in front
        (OCCLUDER[None], np.array([[155.0, 120]])),  # in the occluder, not in the prediction
        (np.array([[150.0, 40, 200, 190]]), np.array([[125.0, 120]])),  # touching edges do not overlap
    ],
)
def test_no_evidence(occluders: np.ndarray, centres: np.ndarray) -> None:
    lost = np.array([[90.0, 40, 150, 190]])
    found = find_evidence(lost, occluders, centres)
    assert found.scores.tolist() == [0]
    np.testing.assert_array_equal(found.boxes, lost)


def test_a_sliver_of_overlap_is_scored() -> None:
    lost = np.array([[0.0, 0, 40, 100]])
    beside = np.array([[40 - 1e-13, 0, 80, 100]])
    assert find_evidence(lost, beside, np.array([[39.9999, 50.0]])).scores[0] == pytest.approx(0.995, abs=0.01)


def test_nothing_lost() -> None:
    found = find_evidence(np.zeros((0, 4)), OCCLUDER[None], np.array([[125.0, 120]]))
    assert found.scores.shape == (0,)
    assert found.boxes.shape == (0, 4)


def test_release_wants_the_centre_in_both_boxes() -> None:
    lost, centre = np.array([[90.0, 40, 150, 190]]), np.array([[95.0, 115]])
    assert find_evidence(lost, OCCLUDER[None], centre).scores[0] > 0
    assert find_evidence(lost, OCCLUDER[None], centre, within_both=True).scores[0] == 0


class TestOcclusionMemory:
    IDENTITIES = np.array([4, 7, 9])
    BOXES = np.array([[300.0, 100, 350, 250], [320, 100, 370, 250], [500, 100, 550, 250]])

    def test_remembers_the_overlapping_for_two_frames(self) -> None:
        memory = OcclusionMemory(1000, 500)
        memory.remember(self.IDENTITIES, self.BOXES, 10)
        assert memory.recall(self.IDENTITIES).tolist() == [True, True, False]  # asked in frame 11
        memory.remember(self.IDENTITIES[2:], self.BOXES[2:], 11)
        assert memory.recall(self.IDENTITIES).tolist() == [True, True, False]  # asked in frame 12
        memory.remember(self.IDENTITIES[2:], self.BOXES[2:], 12)
        assert memory.recall(self.IDENTITIES).tolist() == [False, False, False]

    def test_nothing_counts_at_the_border(self) -> None:
        memory = OcclusionMemory(1000, 500)
        memory.remember(self.IDENTITIES[:2], self.BOXES[:2] - [320, 0, 320, 0], 1)
        assert memory.recall(self.IDENTITIES[:2]).tolist() == [False, False]

    def test_no_tracks(self) -> None:
        memory = OcclusionMemory(1000, 500)
        memory.remember(np.zeros(0, np.int64), np.zeros((0, 4)), 1)
        assert memory.recall(self.IDENTITIES).tolist() == [False] * 3
