"""Scale and shift between depth maps, by robust least squares, which outliers among the pixels hardly influence.

Relative teachers give inverse depth up to a scale and a shift that differ from one pass to the next. What moved between two passes, and the
teacher's own errors, are outliers of the relation; background that both show is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]

BISQUARE = 4.685  # deviations: Tukey's weights, 95 % efficient for normal errors, and none for what is farther off
_STEPS = 20  # of reweighting, at most
_GUESSES = 64  # pairs of pixels whose lines are tried for a start: with half of the pixels wrong, one of 64 pairs is not, but once in 10^8
_JUDGES = 2000  # pixels that judge a guess
_NORMAL = 1.4826  # median absolute deviation to the deviation of a normal distribution
_MOST = 40_000  # pixels of a fit, taken evenly
_SMALL = 1e-6  # of the spread: residuals below it are rounding


class Affine(NamedTuple):
    """target = scale * source + shift; scale is above 0."""

    scale: float
    shift: float

    def of(self, values: Map) -> Map:
        """scale * values + shift, float32 of the shape of `values`."""
        return np.asarray(values * np.float32(self.scale) + np.float32(self.shift), np.float32)


def fit(source: Map, target: Map) -> Affine:
    """The relation that most pixels agree on.

    Iteratively reweighted least squares with Tukey's bisquare weights (Beaton and Tukey 1974), the noise estimated anew at each step from
    the median absolute residual. The line is the reduced major axis, the least squares in which both sides err alike: to blame the target
    alone shrinks the scale a little at each of a video's hundreds of windows, and contrast fades away. The search starts from the least
    median of residuals among lines through pairs of pixels (Rousseeuw 1984), so that up to nearly half of the pixels may be wrong in one
    and the same way. The pairs are the same in every run.

    Args:
        source: float32 of any shape, not empty.
        target: float32 of the same shape.

    Returns:
        Scale and shift; scale 1 and the median difference where the source is flat or falls as the target rises.
    """
    step = max(1, source.size // _MOST)
    x, y = (values.reshape(-1)[::step].astype(np.float64) for values in (source, target))
    plain = Affine(1.0, float(np.median(y - x)))
    if np.ptp(x) <= _SMALL * max(1.0, float(np.abs(x).max())):
        return plain
    found = _start(x, y)
    for _ in range(_STEPS):
        before, found = found, _reweighted(x, y, found)
        if abs(found.scale - before.scale) <= 1e-7 * abs(before.scale):
            break
    return found if found.scale > 0 else plain


def _start(x: NDArray[np.float64], y: NDArray[np.float64]) -> Affine:
    """Of lines through a near and a far pixel each, the one with the least median residual."""
    rng, order = np.random.default_rng(0), np.argsort(x, kind="stable")
    low, high = (order[rng.integers(*part, _GUESSES)] for part in ((0, (len(x) + 1) // 2), (len(x) // 2, len(x))))
    rise = x[high] - x[low]
    low, high, rise = low[rise > 0], high[rise > 0], rise[rise > 0]
    if not len(rise):
        return Affine(1.0, float(np.median(y - x)))
    scales = (y[high] - y[low]) / rise
    shifts = y[low] - scales * x[low]
    judges = slice(None, None, max(1, len(x) // _JUDGES))
    errors = np.median(np.abs(y[judges] - scales[:, None] * x[judges] - shifts[:, None]), axis=1)
    best = int(np.argmin(errors))
    return Affine(float(scales[best]), float(shifts[best]))


def _reweighted(x: NDArray[np.float64], y: NDArray[np.float64], now: Affine) -> Affine:
    """One step: weighted least squares with the weights that the residuals of `now` earn."""
    residuals = np.abs(y - now.scale * x - now.shift)
    noise = max(_NORMAL * float(np.median(residuals)), _SMALL * float(np.abs(y).max()), np.finfo(np.float64).tiny)
    weights = np.maximum(1 - (residuals / (BISQUARE * noise)) ** 2, 0) ** 2
    total = weights.sum()
    if total <= 0:
        return now
    mean_x, mean_y = weights @ x / total, weights @ y / total
    spread_x, spread_y = weights @ (x - mean_x) ** 2, weights @ (y - mean_y) ** 2
    if spread_x <= 0:
        return now
    rises = weights @ ((x - mean_x) * (y - mean_y)) > 0
    scale = float(np.sqrt(spread_y / spread_x)) * (1 if rises else -1)
    return Affine(scale, float(mean_y - scale * mean_x))


def level(maps: Sequence[Map]) -> list[Map]:
    """Bring maps of successive frames, each of its own scale and shift, to one: that of the middle of them.

    Each is fitted to the median over time of all, each of which was first set to one median and spread. What moves is at a pixel for a
    part of the time only, so the median shows mostly what stands.

    Args:
        maps: (h, w) float32 each, one shape.
    """
    stack = np.stack(maps)
    flat = stack.reshape(len(maps), -1)
    middles = np.median(flat, axis=1)
    spreads = np.median(np.abs(flat - middles[:, None]), axis=1)
    if not (spreads > 0).all():
        return list(maps)
    middle, spread = np.float32(np.median(middles)), np.float32(np.median(spreads))
    alike = (stack - middles[:, None, None]) / spreads[:, None, None]
    reference = np.median(alike, axis=0).astype(np.float32) * spread + middle
    return [fit(item, reference).of(item) for item in stack]
