"""A track's class and score, from its instances."""

from __future__ import annotations

import numpy as np
import pytest

from models.unitrack.video_instances import judge


@pytest.mark.parametrize(
    ("identities", "categories", "scores", "expected"),
    [
        ([1, 1, 2], [5, 5, 7], [0.8, 0.6, 0.9], ([1, 2], [5, 7], [0.7, 0.9])),  # the mean of what agrees
        ([1, 1, 1], [5, 7, 7], [0.9, 0.5, 0.6], ([1], [7], [1.1 / 3])),  # the heavier class, lowered by doubt
        ([4, 4], [7, 5], [0.5, 0.5], ([4], [5], [0.25])),  # a tie: the lower number
        ([], [], [], ([], [], [])),
    ],
)
def test_verdicts(identities: list[int], categories: list[int], scores: list[float], expected: tuple[list[float], ...]) -> None:
    verdict = judge(np.array(identities, np.int64), np.array(categories, np.int64), np.array(scores))
    assert verdict.identities.tolist() == expected[0]
    assert verdict.categories.tolist() == expected[1]
    assert verdict.scores.tolist() == pytest.approx(expected[2])
