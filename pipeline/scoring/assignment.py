"""SciPy's assignment, imported when it is first needed: a stage that has nothing to do should not wait half a second for it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def linear_sum_assignment(cost: NDArray[Any], maximize: bool = False) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the best one-to-one assignment; see `scipy.optimize.linear_sum_assignment`.

    Args:
        cost: (N, M).
        maximize: whether the sum is to be the largest instead of the smallest.
    """
    from scipy.optimize import linear_sum_assignment as solve

    rows, columns = solve(cost, maximize=maximize)
    return rows, columns
