"""Small options and batches for tests of CenterTrack."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from models.centertrack.options import CentertrackOptions
from models.centertrack.targets import make_targets
from pipeline.contract.clips import Batch, TrainingClip
from tests.models.outrack import samples


def small_options(loss: dict[str, Any] | None = None, tracker: dict[str, Any] | None = None, **network: Any) -> CentertrackOptions:
    """What OUTrack's small options and CenterTrack have in common; keywords change the network."""
    theirs, raw = samples.small_options(**network).model_dump(), dict[str, Any]()
    for section, changes in (("network", {}), ("loss", loss or {}), ("tracker", tracker or {})):
        known = CentertrackOptions.model_fields[section].annotation.model_fields
        raw[section] = {key: value for key, value in theirs[section].items() if key in known} | changes
    return CentertrackOptions.model_validate(raw)


def batch(clips: list[TrainingClip], options: CentertrackOptions) -> Batch:
    """Collate as the loader does."""
    images = torch.from_numpy(np.stack([np.stack([f.image for f in clip.frames]) for clip in clips])).permute(0, 1, 4, 2, 3)
    made = [make_targets(clip, options) for clip in clips]
    targets = {name: torch.from_numpy(np.stack([m[name] for m in made])) for name in made[0]}
    return Batch(images, targets, torch.tensor([clip.same_scene for clip in clips]))


def mixed_batch(options: CentertrackOptions) -> Batch:
    """The pairs of OUTrack's."""
    return batch(samples.mixed_clips(), options)
