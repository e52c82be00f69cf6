"""Which detections may start a track when a benchmark prescribes public detections."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.numerics.boxes import area, centres


def near_public(boxes: NDArray[Any], public: NDArray[Any]) -> NDArray[np.bool_]:
    """CenterTrack's rule: each public box admits the nearest own box, if their centres are close.

    Public boxes choose in their order among the own boxes not chosen yet; close means that the squared distance of the
    centres is below the area of the own box.

    Args:
        boxes: (N, 4) xyxy pixels of detections that match no track.
        public: (P, 4) xyxy pixels of the public detector.

    Returns:
        (N,) bool, True for the admitted ones.
    """
    admitted = np.zeros(len(boxes), bool)
    if not len(boxes):
        return admitted
    offset = centres(public)[:, None] - centres(boxes)[None]
    distance = np.square(offset).sum(axis=2)
    size = area(boxes)
    for row in distance:
        nearest = int(np.argmin(row))
        if row[nearest] < size[nearest]:
            admitted[nearest] = True
            distance[:, nearest] = np.inf
    return admitted
