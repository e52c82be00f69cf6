"""RoIAlign on a CPU, region after region: the sum behind every output cell and its gradient (reference: `align.plain_align`)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.numerics.jit import compiled, fusing

Floats = NDArray[Any]

MAX_SAMPLES = 64  # sample points along a side of an output cell, at most


@compiled
def _grid(side: float, cells: int, sampling: int) -> int:
    """Sample points along a side of an output cell: `sampling`, or where that is 0 one for each map cell that the output cell covers."""
    if sampling > 0:
        return sampling
    points = np.ceil(side / cells)
    return int(min(max(points, 1.0), MAX_SAMPLES))


@compiled
def _corners(start: float, step: float, number: int, size: int) -> tuple[int, int, float, float]:
    """The two cells between which sample point `number` lies along an axis, and their weights; 0 both beyond the map's border cell."""
    point = start + (number + 0.5) * step
    if not (point >= -1.0 and point <= size):
        return 0, 0, 0.0, 0.0
    point = max(point, 0.0)
    low = int(point)
    if low >= size - 1:
        return size - 1, size - 1, 1.0, 0.0
    return low, low + 1, 1.0 - (point - low), point - low


@fusing
def forward(maps: Floats, boxes: Floats, images: NDArray[Any], rows: NDArray[Any], scale: float, sampling: int, out: Floats) -> None:
    """Write the pooled features of the regions at `rows`.

    Args:
        maps: (N, h, w, C) float32, one level.
        boxes: (R, 4) float32, xyxy pixels.
        images: (R,) int64, which image each box lies in.
        rows: (K,) int64, the boxes of this level.
        scale: map cells per pixel.
        sampling: sample points along a side of an output cell; 0: one for each map cell that the output cell covers.
        out: (R, Y, X, C) float32, written at `rows`; must be 0 there.
    """
    height, width, channels = maps.shape[1], maps.shape[2], maps.shape[3]
    lines, columns = out.shape[1], out.shape[2]
    for row in rows:
        left, top = boxes[row, 0] * scale - 0.5, boxes[row, 1] * scale - 0.5
        wide, high = (boxes[row, 2] - boxes[row, 0]) * scale, (boxes[row, 3] - boxes[row, 1]) * scale
        if not np.isfinite(left + top + wide + high):
            continue
        across, down = _grid(wide, columns, sampling), _grid(high, lines, sampling)
        share = 1.0 / (across * down)
        one = maps[images[row]]
        for y in range(lines * down):
            above, below, upper, lower = _corners(top, high / (lines * down), y, height)
            if upper + lower == 0.0:
                continue
            for x in range(columns * across):
                before, after, near, far = _corners(left, wide / (columns * across), x, width)
                if near + far == 0.0:
                    continue
                a, b = np.float32(upper * near * share), np.float32(upper * far * share)
                c, d = np.float32(lower * near * share), np.float32(lower * far * share)
                first, second, third, fourth = one[above, before], one[above, after], one[below, before], one[below, after]
                cell = out[row, y // down, x // across]
                for channel in range(channels):
                    cell[channel] += a * first[channel] + b * second[channel] + c * third[channel] + d * fourth[channel]


@fusing
def backward(slopes: Floats, boxes: Floats, images: NDArray[Any], rows: NDArray[Any], scale: float, sampling: int, out: Floats) -> None:
    """Add the gradient of `forward` to the maps of one level, always in the same order.

    Args:
        slopes: (R, Y, X, C) float32, gradient of what `forward` wrote.
        boxes: (R, 4) float32, xyxy pixels.
        images: (R,) int64, which image each box lies in.
        rows: (K,) int64, the boxes of this level.
        scale: map cells per pixel.
        sampling: as `forward` was given it.
        out: (N, h, w, C) float32, gradient of the maps, added to.
    """
    height, width, channels = out.shape[1], out.shape[2], out.shape[3]
    lines, columns = slopes.shape[1], slopes.shape[2]
    for row in rows:
        left, top = boxes[row, 0] * scale - 0.5, boxes[row, 1] * scale - 0.5
        wide, high = (boxes[row, 2] - boxes[row, 0]) * scale, (boxes[row, 3] - boxes[row, 1]) * scale
        if not np.isfinite(left + top + wide + high):
            continue
        across, down = _grid(wide, columns, sampling), _grid(high, lines, sampling)
        share = 1.0 / (across * down)
        one = out[images[row]]
        for y in range(lines * down):
            above, below, upper, lower = _corners(top, high / (lines * down), y, height)
            if upper + lower == 0.0:
                continue
            for x in range(columns * across):
                before, after, near, far = _corners(left, wide / (columns * across), x, width)
                if near + far == 0.0:
                    continue
                slope = slopes[row, y // down, x // across]
                _spread(one[above, before], slope, np.float32(upper * near * share), channels)
                _spread(one[above, after], slope, np.float32(upper * far * share), channels)
                _spread(one[below, before], slope, np.float32(lower * near * share), channels)
                _spread(one[below, after], slope, np.float32(lower * far * share), channels)


@fusing
def _spread(target: Floats, slope: Floats, weight: Any, channels: int) -> None:
    if weight != 0:
        for channel in range(channels):
            target[channel] += weight * slope[channel]
