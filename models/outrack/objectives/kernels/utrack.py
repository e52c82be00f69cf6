"""UTrack's losses of a pair of frames with their gradient, from one matrix that stays in the processor's cache.

Embeddings have length 1 and S is symmetric. With E_ij = exp(T (S_ij - 1)), 0 on the diagonal, e the same of the placeholder, and
r_i = 1 / (sum_j E_ij + e), Eq. 2's matrix is M_ij = E_ij r_i, so that

    M_ji = E_ij r_j                     nothing needs to be transposed: Eq. 5 sums E_ij |r_i - r_j|, and
    dL/dS_ij + dL/dS_ji = T E_ij ((g_ij - d_i) r_i + (g_ji - d_j) r_j)        where g = dL/dM and d_i = sum_j g_ij M_ij.

g is one number for objects of one frame and one for those of two, but for Eq. 5, which adds |r_i - r_j| to the bracket, and the margins,
each of which moves at most two entries of a row.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.compiled import reordering

Array = NDArray[Any]

INTRA, INTER, CYCLE, NEGATIVE = range(4)  # what `found` sums, and the weights; of weights, NEGATIVE is the hinge's
NO_PLACEHOLDER, AT_ZERO, AT_MEAN = range(3)

_ZERO, _ONE, _HALF = np.float32(0), np.float32(1), np.float32(0.5)
_SHORTEST = np.float32(1e-12)  # as in torch.nn.functional.normalize
_TIE = np.float32(1.00001)
_LOWEST, _LOG2E, _LN2 = np.float32(-87), np.float32(1.4426950408889634), np.float32(0.6931471805599453)


@reordering
def pair_losses(
    embeddings: Array,
    valid: Array,
    positive: Array,
    temperature: float,
    placeholder: int,
    margin: float,
    weights: Array,
    found: Array,
    slopes: Array,
) -> None:
    """Sum the losses of B pairs, and their gradient.

    Args:
        embeddings: (B, 2, K, D) float32.
        valid: (B, 2, K) bool.
        positive: (B,) bool.
        temperature: T of Eq. 2; 0: 2 ln(C + 1) of C columns, the placeholder included.
        placeholder: of positive pairs; negative ones have theirs at zero.
        margin: m of Eqs. 4 and 7.
        weights: (4,) float32.
        found: (4,) float64, to which unweighted sums are added, but for NEGATIVE, in which the hinge has its weight; NaN if an embedding
            is not finite.
        slopes: (B, 2, K, D) float32, written: of the weighted sum to the embeddings, divided by the number of objects of all pairs.
    """
    most, size = 2 * embeddings.shape[2], embeddings.shape[3]
    unit, lengths, pull = np.empty((most, size), np.float32), np.empty(most, np.float32), np.empty((most, size), np.float32)
    memory, share = np.empty(most * most, np.float32), _ONE / np.float32(max(valid.sum(), 1))
    for pair in range(len(embeddings)):
        first, count = _gather(embeddings[pair], valid[pair], unit, lengths)
        if not np.isfinite(lengths[:count]).all():
            found[:] = np.nan
        similar = memory[: count * count].reshape(count, count)
        np.dot(unit[:count], unit[:count].T, similar)
        kind = placeholder if positive[pair] else AT_ZERO
        value = _mean(similar) if kind == AT_MEAN else _ZERO
        scale = np.float32(temperature if temperature > 0 else 2 * np.log(count + (kind != NO_PLACEHOLDER) + 1.0))
        away = np.float32(np.exp(scale * (value - _ONE))) if kind != NO_PLACEHOLDER else _ZERO
        _to_slopes(similar, first, away, scale, positive[pair], np.float32(margin), weights, found)
        np.dot(similar, unit[:count], pull[:count])
        _scatter(pull, unit, lengths, valid[pair], share, slopes[pair])


@reordering
def _gather(embeddings: Array, valid: Array, unit: Array, lengths: Array) -> tuple[int, int]:
    """Write objects with length 1 one after the other; returns how many are in the first frame, and in both."""
    count = first = 0
    for frame in range(2):
        first = count
        for slot in range(embeddings.shape[1]):
            if valid[frame, slot]:
                given = embeddings[frame, slot]
                total = _ZERO
                for channel in range(len(given)):
                    total += given[channel] * given[channel]
                lengths[count] = _SHORTEST if total < _SHORTEST * _SHORTEST else np.sqrt(total)  # what is no number stays so
                for channel in range(len(given)):
                    unit[count, channel] = given[channel] / lengths[count]
                count += 1
    return first, count


@reordering
def _scatter(pull: Array, unit: Array, lengths: Array, valid: Array, share: np.float32, slopes: Array) -> None:
    """From the gradient of embeddings of length 1 to a share of that of the given ones; 0 where there is no object."""
    row = 0
    for frame in range(2):
        for slot in range(valid.shape[1]):
            if valid[frame, slot]:
                along = _ZERO
                for channel in range(unit.shape[1]):
                    along += pull[row, channel] * unit[row, channel]
                for channel in range(unit.shape[1]):
                    slopes[frame, slot, channel] = (pull[row, channel] - along * unit[row, channel]) * (share / lengths[row])
                row += 1
            else:
                slopes[frame, slot] = _ZERO


@reordering
def _mean(similar: Array) -> np.float32:
    """Of all entries beside the diagonal."""
    total, count = 0.0, len(similar)
    for row in range(count):
        line = -similar[row, row]
        for column in range(count):
            line += similar[row, column]
        total += line
    return np.float32(total / max(count * (count - 1), 1))


@reordering
def _to_slopes(
    matrix: Array, first: int, away: np.float32, scale: np.float32, positive: bool, margin: np.float32, weights: Array, found: Array
) -> None:
    """Add the losses of similarities S (N, N), of which `first` rows are the first frame's, and write dL/dS + its transpose over them."""
    count = len(matrix)
    shares, drags = np.empty(count, np.float32), np.empty(count, np.float32)
    ends, moves = np.empty((count, 2), np.int64), np.empty((count, 2), np.float32)
    _exponentials(matrix, away, scale, shares)
    for row in range(count):
        low, high = (0, first) if row < first else (first, count)
        if positive:
            drags[row] = _match(matrix[row], row, low, high, shares, away, margin, weights, ends[row], moves[row], found)
        else:
            drags[row] = _refuse(matrix[row], shares[row], away, margin, weights, ends[row], moves[row], found)
    same, other, cycle = (weights[INTRA], _ZERO, weights[CYCLE]) if positive else (_ONE, _ONE, _ZERO)
    for row in range(count):
        low, high = (0, first) if row < first else (first, count)
        for begin, end, level, uneven in ((0, low, other, cycle), (low, high, same, _ZERO), (high, count, other, cycle)):
            _bracket(matrix[row, begin:end], shares[begin:end], drags[begin:end], shares[row], drags[row], level, uneven, scale)
    for row in range(count):
        for side in range(2):
            column = ends[row, side]
            if column < count:
                matrix[row, column] += scale * moves[row, side]
                matrix[column, row] += scale * moves[row, side]


@reordering
def _exponentials(matrix: Array, away: np.float32, scale: np.float32, shares: Array) -> None:
    """E over S, and r (N,). exp is 2 to a whole number, made of its bits, times a polynomial (Cephes'): what vectors can do."""
    count = len(matrix)
    bits = np.empty(count, np.int32)
    powers = bits.view(np.float32)
    for row in range(count):
        line = matrix[row]
        for column in range(count):
            power = max(scale * (line[column] - _ONE), _LOWEST)
            whole = np.floor(power * _LOG2E + _HALF)
            x = power - whole * _LN2
            tail = np.float32(1.9875691500e-4) * x + np.float32(1.3981999507e-3)
            tail = (tail * x + np.float32(8.3334519073e-3)) * x + np.float32(4.1665795894e-2)
            tail = (tail * x + np.float32(1.6666665459e-1)) * x + np.float32(5.0000001201e-1)
            line[column] = tail * x * x + x + _ONE
            bits[column] = (np.int32(whole) + np.int32(127)) << np.int32(23)
        line[row] = _ZERO
        total = away
        for column in range(count):
            line[column] *= powers[column]
            total += line[column]
        shares[row] = _ONE / total if total > 0 else _ZERO


@reordering
def _match(
    line: Array, row: int, low: int, high: int, shares: Array, away: np.float32, margin: np.float32,
    weights: Array, ends: Array, moves: Array, found: Array,
) -> np.float32:  # fmt: skip
    """Add a row of a positive pair (Eqs. 3 to 5), whose frame is [low, high); write which entries the margin moves; returns d."""
    share, outside = shares[row], slice(high, len(line)) if low == 0 else slice(0, low)
    inside = _sum(line[low:high])
    apart, ahead = _unevenness(line[outside], shares[outside], share)
    best, second = _two_largest(line, away, ends)
    lack = margin - (best - second) * share
    weight = weights[INTER] * share if lack > 0 else _ZERO
    moves[0], moves[1] = weight * second, -weight * best
    found[INTRA] += inside * share
    found[INTER] += max(lack, _ZERO)
    found[CYCLE] += apart * _HALF  # each entry is in two rows
    return (weights[INTRA] * inside + weights[CYCLE] * ahead) * share + weight * (second - best)


@reordering
def _refuse(
    line: Array, share: np.float32, away: np.float32, margin: np.float32, weights: Array, ends: Array, moves: Array, found: Array
) -> np.float32:
    """The same for a row of a negative pair (Eq. 7)."""
    total, ends[0], ends[1] = _sum(line), _largest(line), len(line)
    best = line[ends[0]]
    lack = margin - (away - best) * share
    weight = weights[NEGATIVE] * share if lack > 0 else _ZERO
    moves[0] = weight * best
    found[NEGATIVE] += total * share + weights[NEGATIVE] * max(lack, _ZERO)
    return total * share + weight * (best - away)


@reordering
def _bracket(
    line: Array, shares: Array, drags: Array, share: np.float32, drag: np.float32, level: np.float32, uneven: np.float32, scale: np.float32
) -> None:
    """Turn entries of E into dL/dS and its transpose, where g is `level` and Eq. 5 weighs `uneven`."""
    own = (level - drag) * share
    for column in range(len(line)):
        theirs = (level - drags[column]) * shares[column]
        line[column] *= scale * (own + theirs + uneven * abs(share - shares[column]))


@reordering
def _sum(line: Array) -> np.float32:
    total = _ZERO
    for column in range(len(line)):
        total += line[column]
    return total


@reordering
def _unevenness(line: Array, shares: Array, share: np.float32) -> tuple[np.float32, np.float32]:
    """sum_j E_ij |r_i - r_j|, and sum_j E_ij sign(r_i - r_j)."""
    apart = ahead = _ZERO
    for column in range(len(line)):
        gap = share - shares[column]
        apart += line[column] * abs(gap)
        ahead += line[column] if gap > 0 else (-line[column] if gap < 0 else _ZERO)
    return apart, ahead


@reordering
def _two_largest(line: Array, away: np.float32, ends: Array) -> tuple[np.float32, np.float32]:
    """The two largest of a row and its placeholder (column N); `ends` gets the column of the second, then of the first."""
    first = _largest(line)
    best, line[first] = line[first], _ZERO
    second = _largest(line)
    line[first] = best
    if away > best * _TIE:  # two objects are as alike as their mean: rounding must not choose the placeholder
        ends[0], ends[1] = first, len(line)
        return away, best
    if away >= line[second] or second == first:
        ends[0], ends[1] = len(line), first
        return best, away
    ends[0], ends[1] = second, first
    return best, line[second]


@reordering
def _largest(line: Array) -> int:
    """The last column of the largest entry. Numbers from 0 up are ordered as their bits are, of which vectors find the largest."""
    bits, value, where = line.view(np.int32), np.int32(0), np.int32(0)
    for column in range(len(bits)):
        value = max(value, bits[column])
    for column in range(len(bits)):
        where = max(where, np.int32(column) if bits[column] == value else np.int32(0))
    return int(where)
