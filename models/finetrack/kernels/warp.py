"""Bilinear reading where a flow points, on a CPU, and its gradient (reference: `warp.plain_warp`)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.numerics.jit import compiled, fusing, reordering

Floats = NDArray[Any]


@fusing
def forward(coarse: Floats, flow: Floats, out: Floats) -> None:
    """Write what each fine cell reads.

    Args:
        coarse: (N, h, w, C) float32.
        flow: (N, 2, H, W) float32, x and y in fine cells.
        out: (N, H, W, C) float32.
    """
    height, width, channels = coarse.shape[1], coarse.shape[2], coarse.shape[3]
    lines, columns = out.shape[1], out.shape[2]
    for image in range(len(out)):
        one = coarse[image]
        for y in range(lines):
            for x in range(columns):
                above, below, lower, _ = _between(y + 0.5 + flow[image, 1, y, x], lines, height)
                before, after, far, _ = _between(x + 0.5 + flow[image, 0, y, x], columns, width)
                a, b = np.float32((1 - lower) * (1 - far)), np.float32((1 - lower) * far)
                c, d = np.float32(lower * (1 - far)), np.float32(lower * far)
                first, second, third, fourth = one[above, before], one[above, after], one[below, before], one[below, after]
                cell = out[image, y, x]
                for channel in range(channels):
                    cell[channel] = a * first[channel] + b * second[channel] + c * third[channel] + d * fourth[channel]


@fusing
def backward(slopes: Floats, coarse: Floats, flow: Floats, to_coarse: Floats, to_flow: Floats) -> None:
    """Add the gradient of `forward` to the coarse map's, always in the same order, and write the flow's, 0 beyond the border.

    Args:
        slopes: (N, H, W, C) float32, gradient of what `forward` wrote.
        coarse: (N, h, w, C) float32.
        flow: (N, 2, H, W) float32, x and y in fine cells.
        to_coarse: (N, h, w, C) float32, added to.
        to_flow: (N, 2, H, W) float32.
    """
    height, width, channels = coarse.shape[1], coarse.shape[2], coarse.shape[3]
    lines, columns = slopes.shape[1], slopes.shape[2]
    for image in range(len(slopes)):
        one, into = coarse[image], to_coarse[image]
        for y in range(lines):
            for x in range(columns):
                slope = slopes[image, y, x]
                above, below, lower, down = _between(y + 0.5 + flow[image, 1, y, x], lines, height)
                before, after, far, across = _between(x + 0.5 + flow[image, 0, y, x], columns, width)
                upper, near = 1 - lower, 1 - far
                _spread(into[above, before], slope, np.float32(upper * near), channels)
                _spread(into[above, after], slope, np.float32(upper * far), channels)
                _spread(into[below, before], slope, np.float32(lower * near), channels)
                _spread(into[below, after], slope, np.float32(lower * far), channels)
                a, b, c, d = _products(slope, one[above, before], one[above, after], one[below, before], one[below, after])
                to_flow[image, 0, y, x] = across * (upper * (b - a) + lower * (d - c))
                to_flow[image, 1, y, x] = down * (near * (c - a) + far * (d - b))


@compiled
def _between(point: float, fine: int, coarse: int) -> tuple[int, int, float, float]:
    """Of a point in fine cells, the two coarse cells around it, how far it is from the first, and how fast it moves in coarse cells."""
    scale = coarse / fine
    place = point * scale - 0.5
    if not place > 0.0:
        return 0, 0, place if np.isnan(place) else 0.0, 0.0  # a flow of NaN gives NaN, and no index beyond the map
    if place >= coarse - 1:
        return coarse - 1, coarse - 1, 0.0, 0.0
    low = int(place)
    return low, low + 1, place - low, scale


@fusing
def _spread(target: Floats, slope: Floats, weight: Any, channels: int) -> None:
    if weight != 0:
        for channel in range(channels):
            target[channel] += weight * slope[channel]


@reordering
def _products(slope: Floats, first: Floats, second: Floats, third: Floats, fourth: Floats) -> tuple[Any, Any, Any, Any]:
    """Scalar products of a slope (C,) with four vectors (C,)."""
    a, b, c, d = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
    for channel in range(len(slope)):
        value = slope[channel]
        a += value * first[channel]
        b += value * second[channel]
        c += value * third[channel]
        d += value * fourth[channel]
    return a, b, c, d
