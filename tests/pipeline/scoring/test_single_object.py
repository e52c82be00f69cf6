"""OTB's scores: golden G, frames that cannot be won, and videos of unequal length."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.scoring.single_object import mean, score

TRUTH = np.array([[10, 10, 40, 80], [12, 10, 40, 80], [14, 11, 40, 80], [16, 12, 40, 80], [18, 12, 40, 80]], np.float64)
RESULT = np.array([[10, 10, 40, 80], [15, 12, 40, 80], [30, 11, 44, 88], [60, 12, 40, 80], [18, 12, 36, 72]], np.float64)


def test_golden_g() -> None:
    assert list(score(TRUTH, RESULT)) == pytest.approx([0.590476, 0.600791, 0.8], abs=5e-7)


def test_the_truth_itself_exceeds_every_threshold_but_one() -> None:
    assert list(score(TRUTH, TRUTH)) == pytest.approx([20 / 21, 1, 1])


@pytest.mark.parametrize("broken", [[0, 10, 40, 80], [10, 10, 0, 80], [np.nan] * 4, [10, -3, 40, 80]])
def test_frames_whose_truth_is_not_positive_are_lost(broken: list[float]) -> None:
    truth = TRUTH.copy()
    truth[0] = broken
    assert list(score(truth, truth)) == pytest.approx([0.8 * 20 / 21, 0.8, 0.8])


def test_a_result_without_area_is_wrong() -> None:
    assert score(TRUTH[:1], np.array([[10.0, 10, 0, 0]])).auc == 0


def test_every_video_counts_the_same() -> None:
    videos = [score(TRUTH, TRUTH), score(TRUTH[:1], TRUTH[:1] + np.array([100, 100, 0, 0]))]
    assert mean(videos).precision == 0.5


def test_results_for_other_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="4 result boxes for 5 frames"):
        score(TRUTH, RESULT[:4])
