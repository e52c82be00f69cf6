"""Small options and synthetic clips for tests of FineTrack."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from models.finetrack.options import FinetrackOptions
from models.finetrack.targets import make_targets, trim
from pipeline.contract.clips import Batch, TrainingClip
from tests.models.outrack.samples import EMPTY, MOVED, PEOPLE, frame
from tests.pipeline.tiny import settings_of

NETWORK: dict[str, Any] = {
    "backbone": "resnet_fpn",
    "width": 8,
    "channels": 8,
    "alignment": "flow",
    "head_width": 8,
    "parts": 3,
    "part_size": 4,
    "mask_hidden": 4,
    "region_height": 16,
    "region_width": 8,
    "region_sampling": 2,
    "max_objects": 8,
}
LOSS: dict[str, Any] = {
    "temperature": "adaptive",
    "placeholder": "mean",
    "intra": True,
    "inter": True,
    "cycle": True,
    "margin": 0.5,
    "negative_hinge": True,
    "size_weight": 0.4,
    "offset_weight": 1.0,
    "identity": "supervised",
    "identity_weight": 1.0,
    "triplet_weight": 1.0,
    "diversity": "mask",
    "diversity_weight": 1.0,
    "diversity_floor": None,
    "s_det": -1.85,
    "s_id": -1.05,
}
TRACKER: dict[str, Any] = {
    "top_k": 20,
    "high": 0.6,
    "low": 0.1,
    "birth": 0.7,
    "appearance_weight": 0.5,
    "similarity": "mean",
    "gate": 0.1,
    "likeness": 0.5,
    "high_limit": 0.8,
    "low_limit": 0.5,
    "duplicate_limit": 0.15,
    "buffer_seconds": 2.0,
    "embedding_momentum": 0.9,
    "min_area": 100.0,
    "max_aspect": 1.6,
    "clip_boxes": False,
}
RUNS = {"sampling": "groups", "group_frames": 2}
GROUPS = settings_of(RUNS)


def small_options(loss: dict[str, Any] | None = None, tracker: dict[str, Any] | None = None, **network: Any) -> FinetrackOptions:
    """The smallest network; keywords change it."""
    return FinetrackOptions.model_validate(
        {"network": NETWORK | network, "loss": LOSS | (loss or {}), "tracker": TRACKER | (tracker or {})}, strict=False
    )


def batch(clips: list[TrainingClip], options: FinetrackOptions) -> Batch:
    """Collate as the loader does."""
    images = torch.from_numpy(np.stack([np.stack([f.image for f in clip.frames]) for clip in clips])).permute(0, 1, 4, 2, 3)
    made = [make_targets(clip, options) for clip in clips]
    targets = trim({name: torch.from_numpy(np.stack([m[name] for m in made])) for name in made[0]})
    return Batch(images, targets, torch.tensor([clip.same_scene for clip in clips]))


def run_of(*boxes: Any) -> list[TrainingClip]:
    """Frames of one sequence after each other, with the people of `boxes` in each."""
    return [TrainingClip((frame(each, seed=number),), video=True) for number, each in enumerate(boxes)]


def mixed_batch(options: FinetrackOptions) -> Batch:
    """Two frames of three people, one of one person, and one of nobody."""
    return batch(run_of(PEOPLE, MOVED, PEOPLE[:1], EMPTY), options)
