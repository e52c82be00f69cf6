"""Training targets of one frame: those of centre points as models/dense/targets.py lists them, and the boxes that parts are read from.

    boxes (1, K, 4) float32     xyxy pixels of the image, of the objects in their slots, padding 0

A frame that only fills a run teaches nothing: no object, and no background.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.dense.targets import centre_targets, learnt_boxes, trim
from models.finetrack.options import FinetrackOptions, uses_identities
from pipeline.contract.clips import TrainingClip, TrainingFrame

__all__ = ["make_targets", "trim"]


def make_targets(clip: TrainingClip, options: FinetrackOptions) -> dict[str, NDArray[Any]]:
    """Targets of the frames of a clip, stacked along the first axis."""
    frames = [_frame_targets(frame, options, repeated) for frame, repeated in zip(clip.frames, clip.repeated, strict=True)]
    return {name: np.stack([frame[name] for frame in frames]) for name in frames[0]}


def _frame_targets(frame: TrainingFrame, options: FinetrackOptions, repeated: bool) -> dict[str, NDArray[Any]]:
    limit = options.network.max_objects
    targets = centre_targets(frame, limit, identities=uses_identities(options))
    boxes = learnt_boxes(frame, limit)
    targets["boxes"] = np.zeros((limit, 4), np.float32)
    targets["boxes"][: len(boxes)] = boxes
    if repeated:
        for name in ("heatmap", "background", "object_valid"):
            targets[name] = np.zeros_like(targets[name])
    return targets
