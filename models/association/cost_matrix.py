"""Optimal assignment by a dense matrix of costs, whatever they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.association.assignment import Assignment, others
from models.association.kernels import assignment as kernel


def assign(cost: NDArray[np.float64], limit: float) -> Assignment:
    """The pairs whose total cost, plus limit/2 for every row and column left alone, is least.

    This is `lap.lapjv(extend_cost=True, cost_limit=limit)`: a pair that costs more than the limit never takes a partner from a good one.

    Args:
        cost: (n, m), +inf where a pair is forbidden; n or m may be 0.
        limit: only pairs that cost less are matched.

    Raises:
        ValueError: cost holds NaN or -inf.
    """
    if np.isnan(cost).any() or np.isneginf(cost).any():
        raise ValueError("assignment cost holds NaN or -inf; forbid a pair by +inf")
    rows, columns = np.nonzero(cost < limit)
    starts = np.searchsorted(rows, np.arange(cost.shape[0] + 1))
    chosen = kernel.solve(starts, columns, cost[rows, columns] - limit, cost.shape[1])
    matched = np.flatnonzero(chosen >= 0)
    partners = chosen[matched]
    return Assignment(matched, partners, others(matched, cost.shape[0]), others(partners, cost.shape[1]))
