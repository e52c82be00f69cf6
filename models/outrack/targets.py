"""Training targets of a pair: those of both frames, as models/dense/targets.py lists them; identities only where an objective asks.

Where samples are drawn from all cells (`reid: quasi_dense`), there are further ones:

    vacant (2, 1, h, w) bool       False inside boxes of anybody who is not learnt: cells there are no samples of nobody
    seed (2,) int64                what is drawn in each frame follows from it
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.dense.options import STRIDE
from models.dense.targets import clip_targets, inside, learnt_rows, trim
from models.outrack.options import OutrackOptions, uses_identities, uses_samples
from pipeline.contract.clips import TrainingClip, TrainingFrame

__all__ = ["make_targets", "trim"]


def make_targets(clip: TrainingClip, options: OutrackOptions) -> dict[str, NDArray[Any]]:
    """Targets of both frames, stacked along the first axis."""
    targets = clip_targets(clip, options, identities=uses_identities(options))
    if uses_samples(options):
        targets["vacant"] = np.stack([_vacant(frame, options.network.max_objects) for frame in clip.frames])
        targets["seed"] = np.random.default_rng(clip.seed).integers(2**62, size=len(clip.frames))
    return targets


def _vacant(frame: TrainingFrame, limit: int) -> NDArray[np.bool_]:
    height, width = frame.image.shape[:2]
    others = np.setdiff1d(np.arange(len(frame.boxes)), learnt_rows(frame, limit))
    return ~inside(frame.boxes[others], STRIDE, height, width)[None]
