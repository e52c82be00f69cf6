"""How alike tracks and detections are."""

from __future__ import annotations

import numpy as np
import pytest

from models.finetrack.affinity import cosines
from tests.models.finetrack.plain import likeness


def test_mean_and_best_likeness() -> None:
    """Three branches of two dimensions, with cosines 1, 0 and -1: their mean is 0, that of the better two 0.5."""
    one = np.array([[1, 0, 1, 0, 1, 0]], np.float32) / np.sqrt(3, dtype=np.float32)
    other = np.array([[1, 0, 0, 1, -1, 0]], np.float32) / np.sqrt(3, dtype=np.float32)
    assert cosines(one, other, 3, "mean").item() == pytest.approx(0, abs=1e-6)
    assert cosines(one, other, 3, "best").item() == pytest.approx(0.5, abs=1e-6)
    assert cosines(one, one, 3, "best").item() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("similarity", ["mean", "best"])
def test_nobody_is_like_nobody(similarity: str) -> None:
    assert cosines(np.zeros((0, 6), np.float32), np.zeros((2, 6), np.float32), 3, similarity).shape == (0, 2)


@pytest.mark.parametrize("branches", [1, 2, 5, 7])
def test_the_better_half_has_the_digits_of_numpy(branches: int) -> None:
    random = np.random.default_rng(branches)
    tracks, seen = (random.normal(size=(count, 8 * branches)).astype(np.float32) for count in (9, 12))
    assert np.array_equal(cosines(tracks, seen, branches, "best"), likeness(tracks, seen, branches, "best"))
