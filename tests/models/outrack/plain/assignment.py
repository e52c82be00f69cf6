"""Who is whom: the optimal one-to-one assignment in which leaving a pair unmatched has a price."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Indices = NDArray[np.int64]


class Assignment(NamedTuple):
    """Which rows and columns belong together; all int64, ascending by row or column.

    Attributes:
        rows: (K,) matched rows; row `rows[k]` goes with column `columns[k]`.
        columns: (K,) their columns.
        unmatched_rows: the other rows.
        unmatched_columns: the other columns.
    """

    rows: Indices
    columns: Indices
    unmatched_rows: Indices
    unmatched_columns: Indices


def assign(cost: NDArray[np.float64], limit: float) -> Assignment:
    """Minimise the cost of the pairs plus limit/2 for every row and every column left alone.

    These are the semantics of `lap.lapjv(extend_cost=True, cost_limit=limit)`, on which JDE and its descendants rest. It is
    not "Hungarian, then a threshold": a pair far above the limit never steals a partner from a good one. A pair gains
    `limit - cost` over leaving both alone, so it suffices to solve the n x m problem of min(cost - limit, 0) and to drop
    pairs without gain, instead of the (n + m) x (n + m) problem that lap builds.

    Args:
        cost: (n, m), +inf where a pair is forbidden; n or m may be 0.
        limit: a pair is never made at or above it.

    Raises:
        ValueError: cost holds NaN or -inf.
    """
    if np.isnan(cost).any() or np.isneginf(cost).any():
        raise ValueError("assignment cost holds NaN or -inf; forbid a pair by +inf")
    gain = np.minimum(cost - limit, 0.0)
    rows, columns = linear_sum_assignment(gain)
    useful = gain[rows, columns] < 0
    rows, columns = rows[useful], columns[useful]
    return Assignment(rows, columns, others(rows, cost.shape[0]), others(columns, cost.shape[1]))


def others(taken: Indices, count: int) -> Indices:
    """The numbers below `count` that are not taken, ascending."""
    free = np.ones(count, bool)
    free[taken] = False
    return np.flatnonzero(free)
