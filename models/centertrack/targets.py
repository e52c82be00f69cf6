"""Training targets of a pair: those of the present frame, where its objects were in the other one, and that one's heat map.

Shapes as in models/dense/targets.py without the axis of frames, and with K = max_objects and the image's H and W:

    displacement (K, 2) float32             centre in the other frame minus present centre, in map cells, aligned with `object_cells`
    displacement_valid (K,) bool            objects that both frames show; none in a negative pair or where identities are unknown
    prior (1, H, W) float32                 the other frame's objects as a heat map, disturbed
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.centertrack.options import CentertrackOptions
from models.centertrack.prior import disturbed_heat_map
from models.dense.options import STRIDE
from models.dense.targets import frame_targets, learnt_rows, trim
from pipeline.contract.clips import TrainingClip, TrainingFrame
from pipeline.numerics.boxes import centres

__all__ = ["displacements", "make_targets", "trim"]


def make_targets(clip: TrainingClip, options: CentertrackOptions) -> dict[str, NDArray[Any]]:
    """Targets of a clip of two frames, the present one first (see the module's text)."""
    present, previous = clip.frames
    slots = options.network.max_objects
    targets = frame_targets(present, options)
    displacement, valid = np.zeros((slots, 2), np.float32), np.zeros(slots, np.bool_)
    if clip.same_scene:
        found, both = displacements(present, previous, slots)
        displacement[: len(found)], valid[: len(both)] = found / STRIDE, both
    boxes = previous.boxes[learnt_rows(previous, slots)]
    prior = disturbed_heat_map(boxes, *previous.image.shape[:2], np.random.default_rng(clip.seed))
    return targets | {"displacement": displacement, "displacement_valid": valid, "prior": prior}


def displacements(present: TrainingFrame, previous: TrainingFrame, limit: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(N, 2) pixels from each learnt object's centre to its centre in the other frame, 0 if unknown, and (N,) whether it is known."""
    now, before = learnt_rows(present, limit), learnt_rows(previous, limit)
    identities = present.identities[now]
    same = (identities[:, None] == previous.identities[before]) & (identities[:, None] >= 0)
    who, where = np.nonzero(same)
    moved = np.zeros((len(now), 2))
    moved[who] = centres(previous.boxes[before[where]]) - centres(present.boxes[now[who]])
    return moved, same.any(axis=1)
