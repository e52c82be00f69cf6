"""Box arithmetic on xyxy pixels: overlap, areas, centres, and the conversions from and to left, top, width, height.

Coordinates are continuous: a box of one pixel is 1 wide, not 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.floating[Any]]


def iou(a: Boxes, b: Boxes) -> NDArray[np.float32]:
    """Intersection over union of every pair.

    Args:
        a: (N, 4) xyxy pixels.
        b: (M, 4) xyxy pixels.

    Returns:
        (N, M) float32 in [0, 1]; 0 where both boxes are empty.
    """
    shared = intersection(a, b)
    union = area(a)[:, None] + area(b)[None, :] - shared
    return _ratio(shared, union)


def intersection_over_area(a: Boxes, b: Boxes) -> NDArray[np.float32]:
    """How much of each box of `a` every box of `b` covers.

    Args:
        a: (N, 4) xyxy pixels.
        b: (M, 4) xyxy pixels.

    Returns:
        (N, M) float32: intersection / area of the box of `a`; 0 where that is empty.
    """
    shared = intersection(a, b)
    return _ratio(shared, np.broadcast_to(area(a)[:, None], shared.shape))


def intersection(a: Boxes, b: Boxes) -> NDArray[np.float64]:
    """(N, M) float64 shared areas, in pixels squared, of (N, 4) and (M, 4) xyxy boxes."""
    # float64: at 4K a float32 area already loses whole pixels, and the test IoU >= 0.5 must be exact on round boxes.
    first, second = _wide(a)[:, None], _wide(b)[None]
    sides = np.minimum(first[..., 2:], second[..., 2:]) - np.maximum(first[..., :2], second[..., :2])
    product: NDArray[np.float64] = np.clip(sides, 0, None).prod(axis=-1)
    return product


def area(boxes: Boxes) -> NDArray[np.float64]:
    """(N,) float64 pixels squared of (N, 4) xyxy boxes; inverted boxes count as 0."""
    wide = _wide(boxes)
    product: NDArray[np.float64] = np.clip(wide[:, 2:] - wide[:, :2], 0, None).prod(axis=-1)
    return product


def centres(boxes: Boxes) -> NDArray[np.float64]:
    """(N, 2) float64 x, y of the middles of (N, 4) xyxy boxes."""
    wide = _wide(boxes)
    middles: NDArray[np.float64] = (wide[:, :2] + wide[:, 2:]) / 2
    return middles


def xywh_to_xyxy(boxes: Boxes) -> NDArray[np.float32]:
    """(N, 4) left, top, width, height -> (N, 4) float32 xyxy."""
    wide = _wide(boxes)
    return np.concatenate([wide[:, :2], wide[:, :2] + wide[:, 2:]], axis=1).astype(np.float32)


def xyxy_to_xywh(boxes: Boxes) -> NDArray[np.float32]:
    """(N, 4) xyxy -> (N, 4) float32 left, top, width, height."""
    wide = _wide(boxes)
    return np.concatenate([wide[:, :2], wide[:, 2:] - wide[:, :2]], axis=1).astype(np.float32)


def clip(boxes: Boxes, width: float, height: float) -> NDArray[np.float32]:
    """(N, 4) xyxy boxes cut at the borders of a width x height image, as (N, 4) float32."""
    limits = np.array([width, height, width, height], np.float64)
    return np.clip(_wide(boxes), 0, limits).astype(np.float32)


def _wide(boxes: Boxes) -> NDArray[np.float64]:
    return np.asarray(boxes, np.float64).reshape(-1, 4)


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0).astype(np.float32)
