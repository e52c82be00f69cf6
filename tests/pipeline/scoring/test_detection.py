"""Detection AP on cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.scoring.detection import Seen, detection_metrics, match

OBJECT, OTHER, NOWHERE = [0, 0, 10, 20], [100, 0, 110, 20], [300, 300, 310, 320]


def seen(
    detections: list[tuple[list[float], float]], truth: list[list[float]], scored: list[int] | None = None, regions: list[int] | None = None
) -> Seen:
    count = len(truth)
    return Seen(
        np.array([box for box, _ in detections], np.float32).reshape(-1, 4),
        np.array([score for _, score in detections], np.float32),
        np.array(truth, np.float32).reshape(-1, 4),
        np.array(scored if scored is not None else [1] * count, bool),
        np.array(regions if regions is not None else [0] * count, bool),
    )


@pytest.mark.parametrize(
    ("detections", "expected"),
    [
        ([(OBJECT, 0.9), (OTHER, 0.8)], 100),
        ([(OBJECT, 0.9)], 50),
        ([], 0),
        ([(NOWHERE, 0.95), (OBJECT, 0.9), (OTHER, 0.8)], 100 * 2 / 3),  # precision 1/2, 2/3 -> envelope 2/3 at both
        ([(OBJECT, 0.9), (NOWHERE, 0.85), (OTHER, 0.8)], 50 + 100 / 2 * 2 / 3),
        ([(OBJECT, 0.9), (OTHER, 0.8), (NOWHERE, 0.1)], 100),
        ([(OBJECT, 0.9), (OBJECT, 0.85), (OTHER, 0.8)], 50 + 100 / 2 * 2 / 3),  # the second on one object is false
    ],
)
def test_average_precision(detections: list[tuple[list[float], float]], expected: float) -> None:
    assert pytest.approx(expected) == detection_metrics([seen(detections, [OBJECT, OTHER])]).AP50


def test_scores_are_pooled_over_frames() -> None:
    frames = [seen([(OBJECT, 0.3)], [OBJECT]), seen([(NOWHERE, 0.9)], []), seen([], [OBJECT])]
    found = detection_metrics(frames)
    assert found[:4] == (pytest.approx(25), pytest.approx(50), 2, 2)


def test_iou_of_exactly_half_is_found() -> None:
    assert match(seen([([0, 0, 10, 10], 1.0)], [OBJECT]))[0].tolist() == [True]
    assert match(seen([([0, 0, 10, 9.9], 1.0)], [OBJECT]))[0].tolist() == [False]


def test_an_object_taken_leaves_the_next_best() -> None:
    close = [1, 0, 11, 20]
    right, _ = match(seen([(OBJECT, 0.9), (OBJECT, 0.8)], [OBJECT, close]))
    assert right.tolist() == [True, True]


def test_unscored_objects_excuse_by_iou_and_regions_by_cover() -> None:
    small_in_region = ([2, 2, 4, 4], 0.9)
    frame = seen([(OBJECT, 0.9), small_in_region], [OBJECT], scored=[0])
    assert match(frame)[1].tolist() == [False, True]
    frame = seen([(OBJECT, 0.9), small_in_region], [OBJECT], scored=[0], regions=[1])
    assert match(frame)[1].tolist() == [False, False]


def test_a_scored_object_under_an_unscored_one_still_counts() -> None:
    right, judged = match(seen([(OBJECT, 0.9)], [OBJECT, OBJECT], scored=[0, 1]))
    assert right.tolist() == [True]
    assert judged.tolist() == [True]


def test_no_frames() -> None:
    assert detection_metrics([])[:4] == (0, 0, 0, 0)
