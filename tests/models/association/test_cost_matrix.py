"""Assignment by a matrix: lap's semantics with a limit, forbidden pairs and empty sides."""

from __future__ import annotations

import lap
import numpy as np
import pytest

from models.association.cost_matrix import assign

INF = np.inf


@pytest.mark.parametrize(
    ("cost", "limit", "pairs"),
    [
        ([[0.35, 0.02], [0.9, 0.39]], 0.4, [(0, 1)]),  # not "Hungarian, then a threshold", which gives (0, 0) and (1, 1)
        ([[0.1, INF], [INF, 0.1]], 0.5, [(0, 0), (1, 1)]),
        ([[INF, INF]], 0.5, []),  # all forbidden
        ([[0.5]], 0.5, []),  # a pair costs less than the limit
        (np.zeros((0, 3)), 0.5, []),
        (np.zeros((2, 0)), 0.5, []),
    ],
)
def test_pairs(cost: object, limit: float, pairs: list[tuple[int, int]]) -> None:
    matrix = np.asarray(cost, np.float64)
    found = assign(matrix, limit)
    assert list(zip(found.rows.tolist(), found.columns.tolist(), strict=True)) == pairs
    assert sorted([*found.rows, *found.unmatched_rows]) == list(range(matrix.shape[0]))
    assert sorted([*found.columns, *found.unmatched_columns]) == list(range(matrix.shape[1]))


def test_random_matrices_cost_what_lap_pays() -> None:
    generator = np.random.default_rng(0)
    for _ in range(50):
        cost = generator.random(generator.integers(1, 9, 2))
        found = assign(cost, 0.6)
        _, x, _ = lap.lapjv(cost, extend_cost=True, cost_limit=0.6)
        theirs = sum(cost[i, j] - 0.6 for i, j in enumerate(x) if j >= 0)
        assert (cost[found.rows, found.columns] - 0.6).sum() == pytest.approx(theirs)


def test_numbers_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        assign(np.array([[np.nan]]), 1.0)
