"""What an assignment is; `kernels/assignment.py` finds the optimal one, in `greedy.py` rows choose one after the other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

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


def others(taken: Indices, count: int) -> Indices:
    """The numbers below `count` that are not taken, ascending."""
    free = np.ones(count, bool)
    free[taken] = False
    return np.flatnonzero(free)
