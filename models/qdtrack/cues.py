"""Location cues besides appearance (Table 5 of the paper): each scores a pair by IoU, from another idea of where the candidate is now."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.qdtrack.candidates import Candidates
from pipeline.numerics.boxes import iou

Floats = NDArray[np.float32]


def box_scores(
    cue: Literal["iou", "motion", "regression"], boxes: Floats, candidates: Candidates, previous: Floats, regressed: Floats
) -> Floats:
    """(N, M) float32 IoU of detections and candidates.

    Args:
        cue: iou: candidates are where they were last seen. motion: where the Kalman filter expects them; backdrops where they were seen.
            regression: where the box head moved them, if they were seen in the frame before; others where they were seen.
        boxes: (N, 4) float32, xyxy pixels of the detections.
        candidates: M of them.
        previous: (P, 4) float32, detections of the frame before.
        regressed: (P, 4) float32, what the box head makes of them now.
    """
    if cue == "motion":
        return iou(boxes, candidates.predicted())
    if cue == "regression" and len(previous):
        # boxes are copied, never computed anew, so the same detection has the same bytes
        same = (candidates.boxes[:, None] == previous[None]).all(axis=2)
        places = np.where(same.any(axis=1)[:, None], regressed[same.argmax(axis=1)], candidates.boxes)
        return iou(boxes, places.astype(np.float32))
    return iou(boxes, candidates.boxes)
