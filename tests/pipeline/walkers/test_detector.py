from __future__ import annotations

import numpy as np

from pipeline.params.classes import PEDESTRIAN
from pipeline.walkers.camera import Camera
from pipeline.walkers.detector import FALSE_POSITIVES, detect
from pipeline.walkers.render import Labels

CAMERA = Camera(focal=600.0, width=640, height=360, altitude=3.0, pitch=0.25)


def labels(visibility: float, count: int = 5) -> Labels:
    left = 20.0 + 110 * np.arange(count)
    boxes = np.stack([left, np.full(count, 100.0), left + 40, np.full(count, 200.0)], axis=-1)
    seen = np.full(count, visibility)
    shapes = np.full(count, PEDESTRIAN), np.full(count, None), np.zeros((count, 17, 3))
    return Labels(np.arange(1, count + 1), boxes, boxes, boxes, seen, np.ones(count), *shapes)


def found_per_frame(visibility: float) -> float:
    rng = np.random.default_rng(0)
    return float(np.mean([len(detect(rng, labels(visibility), CAMERA).boxes) for _ in range(300)]))


def test_hidden_people_are_missed_and_clear_ones_mostly_found() -> None:
    assert found_per_frame(1.0) > 0.93 * 5
    assert found_per_frame(0.3) < 0.7 * 5
    assert abs(found_per_frame(0.0) - FALSE_POSITIVES) < 0.1


def test_found_boxes_are_shifted_a_little_and_sorted_by_score() -> None:
    found = detect(np.random.default_rng(1), labels(1.0), CAMERA)
    assert (np.diff(found.scores) <= 0).all()
    assert ((found.scores > 0) & (found.scores < 1)).all()
    truth = labels(1.0).boxes
    nearest = np.abs(found.boxes[:, None] - truth[None]).max(axis=-1).min(axis=1)
    assert 0.05 < np.median(nearest) < 8


def test_a_detection_says_whom_it_shows() -> None:
    truth = labels(1.0)
    found = detect(np.random.default_rng(3), truth, CAMERA)
    shown = found.sources >= 0
    assert shown.sum() >= 3
    assert np.abs(found.boxes[shown] - truth.boxes[found.sources[shown]]).max() < 8


def test_two_boxes_on_one_person_become_one() -> None:
    one = labels(1.0, 1)
    double = one.take(np.array([0, 0]))
    counts = [len(detect(np.random.default_rng(seed), double, CAMERA).boxes) for seed in range(30)]
    assert np.mean(counts) < 1.6


def test_no_people_no_crash() -> None:
    assert detect(np.random.default_rng(2), labels(1.0, 0), CAMERA).boxes.shape[1] == 4
