"""Training targets of a pair: those of both frames, as models/dense/targets.py lists them; identities only where an objective asks."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from models.dense.targets import clip_targets, trim
from models.outrack.options import OutrackOptions, uses_identities
from pipeline.contract.clips import TrainingClip

__all__ = ["make_targets", "trim"]


def make_targets(clip: TrainingClip, options: OutrackOptions) -> dict[str, NDArray[Any]]:
    """Targets of both frames, stacked along the first axis."""
    return clip_targets(clip, options, identities=uses_identities(options))
