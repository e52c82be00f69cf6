"""Correlations and ranks: by hand, against scipy, and columns that say nothing."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.scoring.correlation import correlate, ranks

NAN = np.nan


@pytest.mark.parametrize(
    ("first", "second", "pearson", "spearman"),
    [
        ([1, 2, 3], [2, 4, 6], 1, 1),
        ([1, 2, 3], [1, 8, 0], -1 / np.sqrt(2 * 38), -0.5),  # sums of products -1, of squares 2 and 38
        ([1, 2, 3, 4], [1, 10, 100, 1000], 0.8241, 1),  # in order, not on a line
        ([1, 2, NAN, 3], [2, 4, 9, 6], 1, 1),  # a row without a value
        ([1, 1, 1], [2, 4, 6], NAN, NAN),  # no spread
        ([1, 2], [2, 4], NAN, NAN),  # two points
    ],
)
def test_coefficients(first: list[float], second: list[float], pearson: float, spearman: float) -> None:
    found = correlate(np.array(first, float), np.array(second, float))
    assert [found.pearson, found.spearman] == pytest.approx([pearson, spearman], abs=1e-4, nan_ok=True)


def test_ties_are_scipys() -> None:
    from scipy import stats  # half a second

    generator = np.random.default_rng(0)
    first, second = generator.integers(0, 5, 20).astype(float), generator.integers(0, 5, 20).astype(float)
    found = correlate(first, second)
    assert found.pearson == pytest.approx(stats.pearsonr(first, second).statistic)
    assert found.spearman == pytest.approx(stats.spearmanr(first, second).statistic)
    assert found.rows == 20


def test_ranks() -> None:
    assert ranks(np.array([3.0, 1.0, NAN, 3.0])).tolist() == pytest.approx([2.5, 1, NAN, 2.5], nan_ok=True)
    assert ranks(np.array([3.0, 1.0, 2.0]), largest_first=True).tolist() == [1, 3, 2]
