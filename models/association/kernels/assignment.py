"""Who is whom: the optimal one-to-one assignment in which leaving a pair unmatched has a price.

The sum of the cost of pairs, plus limit/2 for every row and column left alone, is least. These are the semantics of
`lap.lapjv(extend_cost=True, cost_limit=limit)`, on which JDE and its descendants rest. It is not "Hungarian, then a threshold": a pair far
above the limit never steals a partner from a good one. A pair gains `limit - cost` over leaving both alone, so only pairs below the limit
exist, a few for each row, and a row that stays alone gains nothing.

Rows enter one after the other by the shortest augmenting path (Jonker and Volgenant 1987), searched among the pairs that exist. A search
ends at a column or a row that may be left alone, mostly the first, so crowds cost what their crowded parts cost.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.numerics.jit import compiled

Array = NDArray[Any]
NOBODY = -1


@compiled
def solve(starts: Array, columns: Array, gains: Array, count: int) -> Array:
    """The assignment whose sum of `gains` is least: each is the negative of what its pair gains over leaving both alone.

    Args:
        starts: (n + 1,) int64: the pairs of row i are `starts[i]:starts[i + 1]`.
        columns: (P,) int64 column of each pair, which no row names twice.
        gains: (P,) float64 cost - limit of each pair, below 0.
        count: how many columns there are.

    Returns:
        (n,) int64 column of each row, -1 for those left alone.
    """
    rows = len(starts) - 1
    mine, owner, price = np.empty(rows, np.int64), np.empty(count, np.int64), np.zeros(count)
    distance, cheapest = np.empty(count), np.empty(count, np.int64)  # how far a column is, and the row through which
    reached, done = np.empty(count, np.int64), np.zeros(count, np.bool_)
    for column in range(count):
        owner[column], distance[column] = NOBODY, np.inf
    for row in range(rows):
        mine[row] = NOBODY
    for row in range(rows):
        _enter(row, starts, columns, gains, mine, owner, price, distance, cheapest, reached, done)
    return mine


@compiled
def _enter(
    row: int,
    starts: Array,
    columns: Array,
    gains: Array,
    mine: Array,
    owner: Array,
    price: Array,
    distance: Array,
    cheapest: Array,
    reached: Array,
    done: Array,
) -> None:
    """Give `row` a partner, or leave it or another alone, along the cheapest chain of exchanges."""
    here, offset, touched = row, 0.0, 0
    alone, leaves = np.inf, NOBODY  # what the cheapest chain costs that leaves a row alone, and which
    while True:
        if -offset < alone:
            alone, leaves = -offset, here
        for pair in range(starts[here], starts[here + 1]):
            column = columns[pair]
            through = gains[pair] - price[column] - offset
            if not done[column] and through < distance[column]:
                if distance[column] == np.inf:
                    reached[touched] = column
                    touched += 1
                distance[column], cheapest[column] = through, here
        end, least = NOBODY, alone
        for number in range(touched):
            column = reached[number]
            if not done[column] and distance[column] < least:
                end, least = column, distance[column]
        if end == NOBODY or owner[end] == NOBODY:
            break
        done[end] = True
        here = owner[end]
        offset = _gain(here, end, starts, columns, gains) - price[end] - least
    for number in range(touched):
        column = reached[number]
        if done[column]:
            price[column] += distance[column] - least
    _exchange(row, end, leaves, mine, owner, cheapest)
    for number in range(touched):
        distance[reached[number]], done[reached[number]] = np.inf, False


@compiled
def _gain(row: int, column: int, starts: Array, columns: Array, gains: Array) -> float:
    for pair in range(starts[row], starts[row + 1]):
        if columns[pair] == column:
            return gains[pair]
    return np.inf


@compiled
def _exchange(row: int, end: int, leaves: int, mine: Array, owner: Array, cheapest: Array) -> None:
    """Follow the chain back from the free column, or from the row that is left alone, to `row`."""
    if end == NOBODY:
        end, mine[leaves] = mine[leaves], NOBODY
        if leaves == row:
            return
    while True:
        giver = cheapest[end]
        before, mine[giver], owner[end] = mine[giver], end, giver
        if giver == row:
            return
        end = before
