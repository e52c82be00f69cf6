"""Detection AP at IoU 0.5, pooled over all frames.

In each frame detections, best score first, each take the free scored object they overlap most, by at least half (COCO's greedy rule).
One that takes none but lies on a box that is not scored (flag 0, another class; IoU at least 0.5) or in an ignored region (half of the
detection inside) is left out; the rest are false. AP is the area under precision over recall made non-increasing, at every point
(PASCAL VOC since 2010), not at 11 or 101.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.files.columns import Growing
from pipeline.numerics.boxes import intersection_over_area, iou

THRESHOLD = 0.5


class Seen(NamedTuple):
    """Detections and ground truth of one frame.

    Attributes:
        boxes: (N, 4) float32, xyxy pixels.
        scores: (N,) float32, in any order.
        truth: (M, 4) float32, xyxy pixels.
        scored: (M,) bool, objects to find.
        regions: (M,) bool, ignored regions; the remaining boxes are ignored objects.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    truth: NDArray[np.float32]
    scored: NDArray[np.bool_]
    regions: NDArray[np.bool_]


class DetectionMetrics(NamedTuple):
    """`AP50` and `recall` (of all detections, at any score) in percent; objects to find and detections that were judged.

    Where classes are scored one by one, `classes` holds each; then AP50 and recall are their means, and counts are added.
    """

    AP50: float
    recall: float
    objects: int
    detections: int
    classes: dict[str, DetectionMetrics] = {}  # noqa: RUF012  # never changed


def detection_means(classes: dict[str, DetectionMetrics]) -> DetectionMetrics:
    """The metrics of several classes as one; of one class, its own."""
    parts = list(classes.values())
    if len(parts) == 1:
        return parts[0]
    precision, recall = (float(np.mean([getattr(part, name) for part in parts])) for name in ("AP50", "recall"))
    return DetectionMetrics(precision, recall, sum(part.objects for part in parts), sum(part.detections for part in parts), classes)


def detection_metrics(frames: Iterable[Seen]) -> DetectionMetrics:
    """AP at IoU 0.5 and recall over all frames, in percent; 0 where there is no object to find."""
    scores, rights, objects = Growing(np.float32), Growing(np.bool_), 0
    for frame in frames:
        right, judged = match(frame)
        scores.add(frame.scores[judged])
        rights.add(right[judged])
        objects += int(frame.scored.sum())
    right = rights.rows[np.argsort(-scores.rows, kind="stable")]
    recall = float(right.sum()) / objects if objects else 0.0
    return DetectionMetrics(100 * _area(right, objects), 100 * recall, objects, len(right))


def match(frame: Seen) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Match one frame.

    Returns:
        (N,) bool whether a detection found an object, and (N,) bool whether it counts at all.
    """
    right, judged = np.zeros(len(frame.boxes), np.bool_), np.ones(len(frame.boxes), np.bool_)
    overlap = iou(frame.boxes, frame.truth)
    free = frame.scored.copy()
    for index in np.argsort(-frame.scores, kind="stable"):
        candidates = np.where(free, overlap[index], -1.0)
        best = int(candidates.argmax()) if len(candidates) else -1
        if best >= 0 and candidates[best] >= THRESHOLD:
            right[index], free[best] = True, False
    inside = intersection_over_area(frame.boxes, frame.truth)
    excused = (overlap >= THRESHOLD) & ~frame.scored & ~frame.regions | (inside >= THRESHOLD) & frame.regions
    judged &= right | ~excused.any(axis=1)
    return right, judged


def _area(right: NDArray[np.bool_], objects: int) -> float:
    """Area under the precision envelope; `right` best score first."""
    if not objects or not right.any():
        return 0.0
    found = np.cumsum(right)
    precision = found / np.arange(1, len(right) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(envelope[right].sum() / objects)
