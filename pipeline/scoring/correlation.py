"""How two columns of a table go together over its rows: Pearson's and Spearman's coefficients, and ranks (UniTrack, Figs. 1, 6 to 8)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Numbers = NDArray[np.float64]
LEAST_ROWS = 3  # two points always lie on a line


class Correlation(NamedTuple):
    """Coefficients from -1 to 1; NaN where a column does not vary or too few rows have both values.

    Attributes:
        pearson: of the values.
        spearman: of the ranks.
        rows: how many rows had both values.
    """

    pearson: float
    spearman: float
    rows: int


def correlate(first: Numbers, second: Numbers) -> Correlation:
    """The correlation of two columns (N,), rows with a NaN in either left out."""
    both = np.isfinite(first) & np.isfinite(second)
    one, other, rows = first[both], second[both], int(both.sum())
    if rows < LEAST_ROWS or np.ptp(one) == 0 or np.ptp(other) == 0:
        return Correlation(float("nan"), float("nan"), rows)
    return Correlation(_pearson(one, other), _pearson(ranks(one), ranks(other)), rows)


def ranks(values: Numbers, *, largest_first: bool = False) -> Numbers:
    """(N,) from 1, equal values sharing the mean of their ranks; NaN where the value is NaN."""
    found = np.full(len(values), np.nan)
    known = np.isfinite(values)
    found[known] = stats.rankdata(-values[known] if largest_first else values[known])
    return found


def _pearson(first: Numbers, second: Numbers) -> float:
    one, other = first - first.mean(), second - second.mean()
    return float((one * other).sum() / np.sqrt((one**2).sum() * (other**2).sum()))
