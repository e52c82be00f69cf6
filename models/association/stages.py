"""Association as stages stated as data: who takes part, by which cost, up to which limit."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.association.kernels import memory
from models.association.kernels.memory import Seen
from models.association.kernels.softmax import ADAPTIVE
from models.association.tracklet import Phase, Tracklets

__all__ = ["ADAPTIVE", "COSINE", "Cost", "Seen", "Stage", "associate"]

COSINE = 0.0


class Cost(IntEnum):
    """What a pair of a track and a detection costs."""

    APPEARANCE = memory.APPEARANCE  # weighted distance of looks and gated motion; 1 - IoU within the gate where embeddings have no length
    OVERLAP = memory.OVERLAP  # 1 - IoU with the predicted box


class Stage(NamedTuple):
    """One assignment among what the stages before it left.

    Attributes:
        who: phases whose tracks take part.
        cost: of a pair.
        limit: pairs of at least this cost are not matched.
    """

    who: tuple[Phase, ...]
    cost: Cost
    limit: float


def associate(
    tracks: Tracklets, seen: Seen, stages: Sequence[Stage], *, frame: int, momentum: float, weight: float, scale: float = COSINE
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Match tracks with detections, stage after stage; matched tracks are updated, the others are lost.

    Args:
        tracks: N tracks, changed in place.
        seen: M detections, by left edge.
        stages: in the order in which they run.
        frame: number of the present frame.
        momentum: weight of a track's old embedding.
        weight: of appearance in stages by `Cost.APPEARANCE`; motion has 1 - weight.
        scale: what cosines are multiplied by before a bi-softmax over the tracks that take part and all detections: a number above 0, or
            `ADAPTIVE`, 2 ln(C + 1) for a softmax over C. `COSINE`: there is no bi-softmax, cosines are compared as they are.

    Returns:
        (M,) bool detections left over, and (N,) bool tracks to keep: all but the new ones that nobody confirms.
    """
    free, keep = memory.associate(tracks.memory, seen, _table(tuple(stages)), frame, momentum, weight, scale)
    return free, keep


@cache
def _table(stages: tuple[Stage, ...]) -> NDArray[np.float64]:
    """(S, 3) float64: the stages as `memory.associate` reads them; the same ones in every frame of a sequence."""
    return np.array([[sum(1 << phase for phase in stage.who), stage.cost, stage.limit] for stage in stages], np.float64).reshape(-1, 3)
