"""Who is whom, decided one after the other: CenterTrack's assignment (Zhou et al. 2020, section 4.2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.association.assignment import Assignment, others


def greedy(cost: NDArray[np.float64]) -> Assignment:
    """Each row in turn takes the cheapest column that is still free and not forbidden.

    Args:
        cost: (n, m), rows in the order in which they choose, +inf where a pair is forbidden; n or m may be 0.

    Raises:
        ValueError: cost holds NaN or -inf.
    """
    if np.isnan(cost).any() or np.isneginf(cost).any():
        raise ValueError("assignment cost holds NaN or -inf; forbid a pair by +inf")
    left, pairs = cost.copy(), []
    for row in range(len(left) if left.shape[1] else 0):
        column = int(left[row].argmin())
        if left[row, column] < np.inf:
            pairs.append((row, column))
            left[:, column] = np.inf
    rows, columns = np.array(pairs, np.int64).reshape(-1, 2).T
    return Assignment(rows, columns, others(rows, left.shape[0]), others(columns, left.shape[1]))
