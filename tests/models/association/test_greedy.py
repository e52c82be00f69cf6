"""Who takes what when each row chooses in turn."""

from __future__ import annotations

import numpy as np
import pytest

from models.association.greedy import greedy


def test_each_row_takes_the_cheapest_that_is_left() -> None:
    cost = np.array([[3.0, 1.0, 9.0], [2.0, 0.0, 9.0], [8.0, np.inf, 7.0]])  # the optimal sum would give column 1 to row 1
    found = greedy(cost)
    assert (found.rows.tolist(), found.columns.tolist()) == ([0, 1, 2], [1, 0, 2])
    assert not len(found.unmatched_rows)
    assert not len(found.unmatched_columns)


def test_forbidden_pairs_leave_both_alone() -> None:
    found = greedy(np.array([[np.inf, np.inf], [np.inf, 4.0], [np.inf, 1.0]]))
    assert (found.rows.tolist(), found.columns.tolist()) == ([1], [1])
    assert (found.unmatched_rows.tolist(), found.unmatched_columns.tolist()) == ([0, 2], [0])


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_nothing_to_choose(shape: tuple[int, int]) -> None:
    found = greedy(np.zeros(shape))
    assert len(found.rows) == len(found.columns) == 0
    assert (len(found.unmatched_rows), len(found.unmatched_columns)) == shape


def test_the_cost_is_left_as_it_was() -> None:
    cost = np.ones((2, 2))
    greedy(cost)
    assert (cost == 1).all()


@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_costs_without_meaning_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="forbid a pair"):
        greedy(np.array([[value]]))
