"""Distances between boxes as a matrix; the costs of OUTrack's own stages are computed in `kernels/candidates.py`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.numerics.boxes import iou

Floats = NDArray[np.float64]


def iou_distance(first: NDArray[Any], second: NDArray[Any]) -> Floats:
    """(N, M) 1 - IoU of xyxy boxes in pixels, 1 where the union is empty.

    Coordinates are continuous: a box from 0 to 10 is 10 wide. FairMOT's own distance adds a pixel to every side, which only
    matters for boxes of a few pixels.

    Args:
        first: (N, 4) xyxy pixels.
        second: (M, 4) xyxy pixels.
    """
    return 1.0 - iou(first, second).astype(np.float64)
