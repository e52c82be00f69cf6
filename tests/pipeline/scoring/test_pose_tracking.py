"""PoseTrack's scores, by hand: hits by head size, the person a prediction belongs to, switches per joint and their totals."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.scoring.pose_tracking import PoseFrame, score

NAN = np.nan
BODY = np.array([[0.0, 0.0], [0.0, 50.0]])  # two joints


def _frame(truth: dict[int, np.ndarray], results: dict[int, np.ndarray], head: float = 100 / 3) -> PoseFrame:
    """A head of 100/3 pixels reaches 10 pixels."""
    stacked = [np.array(list(side.values())).reshape(-1, 2, 2) for side in (truth, results)]
    names = [np.array(list(side), np.int64) for side in (truth, results)]
    return PoseFrame(names[0], stacked[0], np.full(len(truth), head), names[1], stacked[1])


@pytest.mark.parametrize(
    ("shift", "mota"),
    [
        (0, [100, 100]),
        (10, [100, 100]),  # exactly at the reach
        (10.5, [-100, -100]),  # missed and false
    ],
)
def test_a_joint_is_hit_within_half_the_head(shift: float, mota: list[float]) -> None:
    frames = [_frame({1: BODY}, {7: BODY + np.array([shift, 0])})] * 3
    assert score([frames], 2).mota.tolist() == pytest.approx(mota)


def test_switches_are_counted_per_joint() -> None:
    frames = [_frame({1: BODY}, {7: BODY}), _frame({1: BODY}, {8: BODY}), _frame({1: BODY}, {8: BODY})]
    found = score([frames], 2)
    assert found.switches.tolist() == [1, 1]
    assert found.totals == pytest.approx({"MOTA": 200 / 3, "IDF1": 200 / 3, "IDSW": 2})


def test_a_prediction_belongs_to_the_person_it_hits_most() -> None:
    """Its second joint lies on another person too, to whom it does not belong."""
    other = np.array([[80.0, 0.0], [3.0, 50.0]])
    found = score([[_frame({1: BODY, 2: other}, {7: BODY})]], 2)
    assert found.mota.tolist() == pytest.approx([50, 50])


def test_a_joint_without_a_partner_is_missed_or_false() -> None:
    half = BODY.copy()
    half[1] = NAN
    assert score([[_frame({1: half}, {7: half})]], 2).mota.tolist() == [100, 0]
    assert score([[_frame({1: half}, {7: BODY}), _frame({1: BODY}, {7: BODY})]], 2).mota.tolist() == [100, 0]
    assert score([[_frame({1: BODY}, {7: half})]], 2).mota.tolist() == [100, 0]


def test_sums_for_mota_and_means_for_idf1() -> None:
    """A sequence of four frames without an error and one of a frame without a hit."""
    sequences = [[_frame({1: BODY}, {7: BODY})] * 4, [_frame({1: BODY}, {})]]
    found = score(sequences, 2)
    assert found.totals == pytest.approx({"MOTA": 80, "IDF1": 50, "IDSW": 0})


def test_empty_frames_and_heads_without_size() -> None:
    assert score([[_frame({}, {}), _frame({}, {7: BODY})]], 2).switches.tolist() == [0, 0]
    assert score([[_frame({1: BODY}, {7: BODY + 1}, head=0)]], 2).mota.tolist() == [-100, -100]
