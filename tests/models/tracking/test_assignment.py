"""Assignment with a limit: equal in cost to lap's extended problem."""

from __future__ import annotations

import lap
import numpy as np
import pytest

from models.tracking.assignment import Assignment, assign


def _price(cost: np.ndarray, found: Assignment, limit: float) -> float:
    """What the assignment minimises."""
    alone = len(found.unmatched_rows) + len(found.unmatched_columns)
    return float(cost[found.rows, found.columns].sum() + alone * limit / 2)


def _lap(cost: np.ndarray, limit: float) -> Assignment:
    _, x, y = lap.lapjv(np.where(np.isinf(cost), 1e6, cost), extend_cost=True, cost_limit=limit)
    rows = np.flatnonzero(x >= 0)
    return Assignment(rows, x[rows], np.flatnonzero(x < 0), np.flatnonzero(y < 0))


def test_is_not_hungarian_then_threshold() -> None:
    """Hungarian alone prefers (0,0), (1,1) at 0.74; leaving two out at 0.4 and (0,1) at 0.02 is cheaper."""
    found = assign(np.array([[0.35, 0.02], [0.9, 0.39]]), 0.4)
    assert list(zip(found.rows, found.columns, strict=True)) == [(0, 1)]
    assert found.unmatched_rows.tolist() == [1]
    assert found.unmatched_columns.tolist() == [0]


@pytest.mark.parametrize("seed", range(4))
def test_costs_what_lap_costs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(100):
        shape = rng.integers(1, 13, 2)
        cost = rng.uniform(0, 1, shape)
        cost[rng.uniform(size=shape) < rng.uniform(0, 0.9)] = np.inf
        limit = rng.uniform(0.05, 1.2)
        found = assign(cost, limit)
        assert _price(cost, found, limit) == pytest.approx(_price(cost, _lap(cost, limit), limit), abs=1e-9)
        assert (cost[found.rows, found.columns] < limit).all()


def test_every_row_and_column_appears_once() -> None:
    cost = np.random.default_rng(0).uniform(0, 1, (7, 11))
    found = assign(cost, 0.3)
    assert sorted([*found.rows, *found.unmatched_rows]) == list(range(7))
    assert sorted([*found.columns, *found.unmatched_columns]) == list(range(11))


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (4, 0)])
def test_nothing_to_match(shape: tuple[int, int]) -> None:
    found = assign(np.zeros(shape), 0.5)
    assert not len(found.rows)
    assert not len(found.columns)
    assert found.unmatched_rows.tolist() == list(range(shape[0]))
    assert found.unmatched_columns.tolist() == list(range(shape[1]))


def test_all_forbidden() -> None:
    assert not len(assign(np.full((3, 2), np.inf), 0.5).rows)


@pytest.mark.parametrize("bad", [np.nan, -np.inf])
def test_bad_numbers_are_errors(bad: float) -> None:
    """lap would ignore a NaN silently."""
    with pytest.raises(ValueError, match="NaN or -inf"):
        assign(np.array([[0.1, bad]]), 0.5)
