"""What pairs of tracks and detections cost."""

from __future__ import annotations

import numpy as np
import pytest

from models.finetrack.affinity import costs, likeness
from tests.models.finetrack.samples import small_options


@pytest.mark.parametrize(
    ("cosine", "overlap", "expected"),
    [
        (0.9, 0.7, 0.2),  # 0.5 * 0.1 + 0.5 * 0.3
        (0.2, 0.7, 0.55),  # unlike, but in place
        (0.9, 0.0, 0.55),  # elsewhere, but alike
        (0.4, 0.05, np.inf),  # neither
    ],
)
def test_costs(cosine: float, overlap: float, expected: float) -> None:
    found = costs(np.array([[cosine]]), np.array([[overlap]]), small_options().tracker)
    assert found.item() == pytest.approx(expected)


def test_mean_and_best_likeness() -> None:
    """Three branches of two dimensions, with cosines 1, 0 and -1: their mean is 0, that of the better two 0.5."""
    one = np.array([[1, 0, 1, 0, 1, 0]], np.float32) / np.sqrt(3, dtype=np.float32)
    other = np.array([[1, 0, 0, 1, -1, 0]], np.float32) / np.sqrt(3, dtype=np.float32)
    assert likeness(one, other, 3, "mean").item() == pytest.approx(0, abs=1e-6)
    assert likeness(one, other, 3, "best").item() == pytest.approx(0.5, abs=1e-6)
    assert likeness(one, one, 3, "best").item() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("similarity", ["mean", "best"])
def test_nobody_is_like_nobody(similarity: str) -> None:
    assert likeness(np.zeros((0, 6), np.float32), np.zeros((2, 6), np.float32), 3, similarity).shape == (0, 2)
