"""UTrack's losses of a pair of frames, and their gradient, from the lower triangle of one matrix that stays in the processor's cache.

Embeddings have length 1 and S is symmetric. With E_ij = exp(T (S_ij - 1)), 0 on the diagonal, e the same of the placeholder, and
r_i = 1 / (sum_j E_ij + e), Eq. 2's matrix is M_ij = E_ij r_i, so that

    M_ji = E_ij r_j                     one entry stands for both: Eq. 5 sums E_ij |r_i - r_j|, and
    dL/dS_ij + dL/dS_ji = T E_ij ((g_ij - d_i) r_i + (g_ji - d_j) r_j)        where g = dL/dM and d_i = sum_j g_ij M_ij.

g is one number for objects of one frame and one for those of two, but for Eq. 5, which adds |r_i - r_j| to the bracket, and the margins,
each of which moves at most two entries of a row. What sums a row of E adds the part of it left of the diagonal, and, row by row, the
entries below the diagonal to the columns they are in.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.numerics.jit import reordering

Array = NDArray[Any]

INTRA, INTER, CYCLE, NEGATIVE = range(4)  # what `found` sums, and the weights; of weights, NEGATIVE is the hinge's

_ZERO, _ONE, _HALF = np.float32(0), np.float32(1), np.float32(0.5)
_STEP = 32  # entries that four vectors of eight take at once
_TIE = np.float32(1.00001)
_LOWEST, _LOG2E, _LN2 = np.float32(-87), np.float32(1.4426950408889634), np.float32(0.6931471805599453)


@reordering
def to_slopes(
    matrix: Array, first: int, scale: np.float32, away: np.float32, positive: bool, margin: np.float32, weights: Array, found: Array
) -> None:
    """Sum a pair's losses, and turn similarities into the losses' gradient.

    Args:
        matrix: (N, N) float32. Below the diagonal: similarities, which become dL/dS_ij + dL/dS_ji. On and above it: nothing that is used.
        first: rows of the first frame.
        scale: T of Eq. 2.
        away: e.
        positive: whether the frames are of one scene.
        margin: m of Eqs. 4 and 7.
        weights: (4,) float32.
        found: (4,) float64, to which unweighted sums are added, but for NEGATIVE, in which the hinge has its weight.
    """
    count = len(matrix)
    inside, across, ahead = np.zeros(count, np.float32), np.zeros(count, np.float32), np.zeros(count, np.float32)
    leaders, places, moves = np.full((2, count), count, np.int64), np.empty((2, count), np.int64), np.empty((2, count), np.float32)
    _sums(matrix, first, scale, inside, across, leaders)
    _take_apart(leaders, places, moves)
    shares = _shares(inside, across, away)
    if positive:
        found[CYCLE] += _unevenness(matrix, first, shares, ahead)
        drags = (weights[INTRA] * inside + weights[CYCLE] * ahead) * shares
        found[INTRA] += (inside * shares).sum()
        kind, same, other, uneven = INTER, weights[INTRA], _ZERO, weights[CYCLE]
    else:
        drags = (inside + across) * shares
        found[NEGATIVE] += drags.sum()
        kind, same, other, uneven = NEGATIVE, _ONE, _ONE, _ZERO
    _margins(moves, places, shares, away, positive, margin, weights[kind], drags, found[kind : kind + 1])
    for row in range(count):
        line, border = matrix[row, : _end(row, count)], _border(row, first)
        _bracket(line[:border], shares, drags, shares[row], drags[row], other, uneven, scale)
        _bracket(line[border:], shares[border:], drags[border:], shares[row], drags[row], same, _ZERO, scale)
    for side in range(2):
        for row in range(count):
            column = places[side, row]
            if column < count:
                matrix[max(row, column), min(row, column)] += scale * moves[side, row]


@reordering
def _sums(matrix: Array, first: int, scale: np.float32, inside: Array, across: Array, leaders: Array) -> None:
    """From similarities to E; its sums over the objects of an object's own frame and over those of the other, and its two largest."""
    count = len(matrix)
    bits = np.empty(count, np.int32)
    for row in range(count):
        line, border = matrix[row, : _end(row, count)], _border(row, first)
        _exponentials(line, scale, bits)
        line[row:] = _ZERO
        across[row] += _spread(line[:border], across)
        inside[row] += _spread(line[border:], inside[border:])
        _two_largest(line, row, leaders)


@reordering
def _border(row: int, first: int) -> int:
    """Left of it, below the diagonal, lie the objects of the other frame."""
    return first if row >= first else 0


@reordering
def _end(row: int, count: int) -> int:
    """Of what is worked through of a row: a little more than the part below the diagonal, so that vectors are full."""
    return min((row // _STEP + 1) * _STEP, count)


@reordering
def _exponentials(line: Array, scale: np.float32, bits: Array) -> None:
    """E over S. exp is 2 to a whole number, made of its bits, times a polynomial (Cephes'): what vectors can do."""
    powers = bits.view(np.float32)
    for column in range(len(line)):
        power = max(scale * (line[column] - _ONE), _LOWEST)
        whole = np.floor(power * _LOG2E + _HALF)
        x = power - whole * _LN2
        tail = np.float32(1.9875691500e-4) * x + np.float32(1.3981999507e-3)
        tail = (tail * x + np.float32(8.3334519073e-3)) * x + np.float32(4.1665795894e-2)
        tail = (tail * x + np.float32(1.6666665459e-1)) * x + np.float32(5.0000001201e-1)
        line[column] = tail * x * x + x + _ONE
        bits[column] = (np.int32(whole) + np.int32(127)) << np.int32(23)
    for column in range(len(line)):
        line[column] *= powers[column]


@reordering
def _spread(line: Array, sums: Array) -> np.float32:
    """Add each entry to the sum of its column; returns the sum of all."""
    total = _ZERO
    for column in range(len(line)):
        total += line[column]
        sums[column] += line[column]
    return total


@reordering
def _two_largest(line: Array, row: int, leaders: Array) -> None:
    """Let a row's entries stand for the largest and second of their columns, and write those of the row itself.

    An entry's bits above its place make one number. Numbers from 0 up are ordered as their bits are, and vectors find the largest.
    """
    bits, best, second, new = line.view(np.int32), leaders[0], leaders[1], np.int64(row)
    for column in range(len(bits)):
        entry, first = (np.int64(bits[column]) << np.int64(32)) | new, best[column]
        second[column] = max(second[column], min(first, entry))
        best[column] = max(first, entry)
    nothing = first = runner_up = np.int64(leaders.shape[1])
    for column in range(len(bits)):
        first = max(first, (np.int64(bits[column]) << np.int64(32)) | np.int64(column))
    for column in range(len(bits)):
        entry = (np.int64(bits[column]) << np.int64(32)) | np.int64(column)
        runner_up = max(runner_up, entry if entry != first else nothing)
    best[row], second[row] = first, runner_up


@reordering
def _take_apart(leaders: Array, places: Array, entries: Array) -> None:
    """The numbers of `_two_largest` as places (2, N) and entries."""
    bits = entries.view(np.int32)
    for side in range(2):
        for row in range(leaders.shape[1]):
            places[side, row] = leaders[side, row] & np.int64(0xFFFFFFFF)
            bits[side, row] = leaders[side, row] >> np.int64(32)


@reordering
def _shares(inside: Array, across: Array, away: np.float32) -> Array:
    """r (N,); 0 for an object that has nowhere to go."""
    shares = np.empty_like(inside)
    for row in range(len(shares)):
        total = inside[row] + across[row] + away
        shares[row] = _ONE / total if total > 0 else _ZERO
    return shares


@reordering
def _unevenness(matrix: Array, first: int, shares: Array, ahead: Array) -> float:
    """Sum E_ij |r_i - r_j| (Eq. 5) over objects of two frames, and for each object E_ij sign(r_i - r_j)."""
    total: Any = 0.0
    others, behind = shares[:first], ahead[:first]
    for row in range(first, len(matrix)):
        line, share, apart, lead = matrix[row, :first], shares[row], _ZERO, _ZERO
        for column in range(len(line)):
            gap = share - others[column]
            signed = line[column] if gap > _ZERO else (-line[column] if gap < _ZERO else _ZERO)
            apart += line[column] * abs(gap)
            lead += signed
            behind[column] -= signed
        ahead[row] = lead
        total += apart
    return total


@reordering
def _margins(
    largest: Array, places: Array, shares: Array, away: np.float32, positive: bool, margin: np.float32, weight: np.float32,
    drags: Array, found: Array,
) -> None:  # fmt: skip
    """Add Eq. 4, or the hinge of Eq. 7. From E's two largest of each row, to the columns that move and by how much; column N: none."""
    count = len(shares)
    for row in range(count):
        best, second, share = largest[0, row], largest[1, row], shares[row]
        # two objects are as alike as their mean: rounding must not choose the placeholder
        if not positive or away > best * _TIE:
            second, places[1, row] = best, places[0, row]
            best, places[0, row] = away, count
        elif away >= second:
            second, places[1, row] = away, count
        lack = margin - (best - second) * share
        slope = weight * share if lack > _ZERO else _ZERO
        found[0] += max(lack, _ZERO) * (_ONE if positive else weight)
        drags[row] += slope * (second - best)
        largest[0, row], largest[1, row] = -slope * best, slope * second


@reordering
def _bracket(
    line: Array, shares: Array, drags: Array, share: np.float32, drag: np.float32, level: np.float32, uneven: np.float32, scale: np.float32
) -> None:
    """Turn entries of E into dL/dS and its transpose, where g is `level` and Eq. 5 weighs `uneven`."""
    own = (level - drag) * share
    for column in range(len(line)):
        theirs = (level - drags[column]) * shares[column]
        line[column] *= scale * (own + theirs + uneven * abs(share - shares[column]))
