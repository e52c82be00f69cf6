from __future__ import annotations

import pytest

from pipeline.labelling.job import Speed, rates


def test_a_process_is_busy_from_its_first_file_to_its_last() -> None:
    """Two files at a time in one process, of 10 s together; one in another, of 4 s: 70 frames in 14 s, of which the network computes 7."""
    speeds = [
        Speed(20, 100.0, 106.0, 2.0, 8, "a 1"),
        Speed(30, 102.0, 110.0, 3.5, 4, "a 1"),
        Speed(20, 100.0, 104.0, 1.5, 8, "b 1"),
    ]
    found = rates(speeds)
    assert found == pytest.approx({"task_frames_per_second": 5.0, "model_frames_per_second": 10.0, "model_share": 0.5, "batch_size": 4.0})


def test_without_a_network_there_is_no_share_of_one() -> None:
    assert rates([Speed(20, 0.0, 4.0, 0.0, 0, "a")]) == {"task_frames_per_second": 5.0}
