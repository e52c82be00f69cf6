"""The sparse assignment: as good as the dense solvers' best, and equal to it where that is unique."""

from __future__ import annotations

import lap
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from models.association.kernels.assignment import NOBODY, solve


def _solve(cost: np.ndarray, limit: float) -> list[int]:
    """Column of each row of a dense matrix."""
    gain = cost - limit
    pairs = [np.flatnonzero(row < 0) for row in gain]
    starts = np.cumsum([0, *map(len, pairs)])
    columns = np.concatenate([np.zeros(0, np.int64), *pairs])
    gains = np.concatenate([np.zeros(0), *(row[chosen] for row, chosen in zip(gain, pairs, strict=True))])
    return solve(starts, columns, gains, cost.shape[1]).tolist()


def _dense(cost: np.ndarray, limit: float) -> list[int]:
    gain, found = np.minimum(cost - limit, 0.0), np.full(len(cost), NOBODY)
    rows, columns = linear_sum_assignment(gain)
    useful = gain[rows, columns] < 0
    found[rows[useful]] = columns[useful]
    return found.tolist()


def test_is_not_hungarian_then_threshold() -> None:
    """Hungarian alone prefers (0,0), (1,1) at 0.74; leaving two out at 0.4 and (0,1) at 0.02 is cheaper."""
    assert _solve(np.array([[0.35, 0.02], [0.9, 0.39]]), 0.4) == [1, NOBODY]


def test_a_chain_of_exchanges() -> None:
    """The third row takes the first's column, the first the second's, the second another."""
    cost = np.array([[0.1, 0.2, 1], [1, 0.1, 0.2], [0.1, 1, 1]])
    assert _solve(cost, 0.9) == [1, 2, 0]


def test_one_is_left_alone_at_the_end_of_a_chain() -> None:
    """Three rows share two columns; the one that gains least goes."""
    assert _solve(np.array([[0.3, 0.2], [1, 0.35], [0.1, 1]]), 0.4) == [1, NOBODY, 0]


@pytest.mark.parametrize("seed", range(4))
def test_equals_dense_solvers(seed: int) -> None:
    """Costs are random reals, so the best is unique."""
    rng = np.random.default_rng(seed)
    for _ in range(100):
        shape = rng.integers(1, 16, 2)
        cost = rng.uniform(0, 1, shape)
        cost[rng.uniform(size=shape) < rng.uniform(0, 0.9)] = np.inf
        limit = rng.uniform(0.05, 1.2)
        found = _solve(cost, limit)
        assert found == _dense(cost, limit)
        _, x, _ = lap.lapjv(np.where(np.isinf(cost), 1e6, cost), extend_cost=True, cost_limit=limit)
        assert found == x.tolist()


@pytest.mark.parametrize("shape", [(120, 100), (100, 120)])
def test_hundreds_of_whom_each_may_take_each(shape: tuple[int, int]) -> None:
    cost = np.random.default_rng(0).uniform(0, 1, shape)
    assert _solve(cost, 2.0) == _dense(cost, 2.0)


def test_ties_cost_the_same() -> None:
    """Which of several best ones is found is not said."""
    rng = np.random.default_rng(1)
    for _ in range(100):
        cost = rng.integers(0, 4, rng.integers(1, 9, 2)) / 4
        found = _solve(cost, 0.6)
        taken = [column for column in found if column != NOBODY]
        assert len(set(taken)) == len(taken)
        price = sum(cost[row, column] - 0.6 for row, column in enumerate(found) if column != NOBODY)
        assert price == pytest.approx(sum(cost[row, column] - 0.6 for row, column in enumerate(_dense(cost, 0.6)) if column != NOBODY))


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (4, 0)])
def test_nothing_to_match(shape: tuple[int, int]) -> None:
    assert _solve(np.zeros(shape), 0.5) == [NOBODY] * shape[0]


def test_all_forbidden() -> None:
    assert _solve(np.full((3, 2), np.inf), 0.5) == [NOBODY] * 3
