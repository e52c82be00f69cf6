"""Where boxes hide each other: the occlusion labels of Eqs. 9 and 10 of the OUTrack paper."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def occluded_regions(boxes: NDArray[np.floating[Any]], threshold: float) -> NDArray[np.float32]:
    """Overlaps that cover more than `threshold` of the smaller of two boxes (Eq. 9, strict).

    Each pair of boxes counts once; the released code counts it twice, which changes neither heat map nor mean offset loss.

    Args:
        boxes: (N, 4) float32 xyxy.
        threshold: tau.

    Returns:
        (P, 4) float32 xyxy overlaps, the most covered first.
    """
    first, second = np.triu_indices(len(boxes), k=1)
    top_left = np.maximum(boxes[first, :2], boxes[second, :2])
    bottom_right = np.minimum(boxes[first, 2:], boxes[second, 2:])
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    shared = np.prod(np.clip(bottom_right - top_left, 0, None), axis=1)
    coverage = shared / np.maximum(np.minimum(areas[first], areas[second]), np.finfo(np.float32).tiny)
    order = np.argsort(-coverage, kind="stable")
    order = order[coverage[order] > threshold]
    return np.concatenate([top_left, bottom_right], axis=1)[order].astype(np.float32)
