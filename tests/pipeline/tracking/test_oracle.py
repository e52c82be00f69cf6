"""Detections with the identities of the objects that they show."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.contract.detections import Detections
from pipeline.files.frames import Objects
from pipeline.tracking.oracle import true_tracks

PEOPLE = [(0, 0, 10, 20), (30, 0, 40, 20)]


def objects(boxes: list[tuple[float, ...]]) -> Objects:
    """People 5, 6, ..., all of whom count."""
    count = len(boxes)
    ones, no = np.ones(count, np.float32), np.zeros(count, np.bool_)
    return Objects(np.array(boxes, np.float32).reshape(-1, 4), np.arange(5, 5 + count), np.ones(count, np.int32), ones, ones, no)


def detections(boxes: list[tuple[float, ...]], classes: list[int] | None = None) -> Detections:
    scores = np.linspace(0.9, 0.1, len(boxes), dtype=np.float32)
    kinds = None if classes is None else np.array(classes)
    return Detections(np.array(boxes, np.float32).reshape(-1, 4), scores, np.zeros((len(boxes), 0), np.float32), classes=kinds)


@pytest.mark.parametrize(
    ("boxes", "classes", "rows", "identities"),
    [
        # each shows one, in the order of their scores
        ([(31, 0, 41, 20), (0, 0, 10, 20)], None, [0, 1], [6, 5]),
        # two on one: the better one has the identity, though the other fits better
        ([(1, 0, 11, 20), (0, 0, 10, 20)], None, [0], [5]),
        # half of it, and a little less than half
        ([(0, 0, 10, 10), (30, 0, 40, 9.9)], None, [0], [5]),
        # another class shows none of them
        ([(0, 0, 10, 20), (30, 0, 40, 20)], [1, 0], [1], [6]),
        ([], None, [], []),
    ],
)
def test_who_is_who(boxes: list[tuple[float, ...]], classes: list[int] | None, rows: list[int], identities: list[int]) -> None:
    seen = detections(boxes, classes)
    tracks = true_tracks(seen, objects(PEOPLE))
    assert (tracks.detections.tolist(), tracks.identities.tolist()) == (rows, identities)
    assert tracks.boxes.tolist() == seen.boxes[rows].tolist()
    assert tracks.scores.tolist() == seen.scores[rows].tolist()


def test_nobody_is_there() -> None:
    assert true_tracks(detections(PEOPLE), objects([])).boxes.shape == (0, 4)
