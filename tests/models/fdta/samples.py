"""Small options and synthetic clips for tests of FDTA."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from models.fdta.network import AssociationNetwork
from models.fdta.options import FdtaOptions
from models.fdta.spec import SPEC
from models.fdta.targets import make_targets, trim
from pipeline.contract.clips import Batch, TrainingClip, TrainingFrame
from pipeline.tracking.association import Follower

NETWORK = {
    "backbone": "resnet_fpn",
    "backbone_width": 8,
    "width": 16,
    "levels": 3,
    "heads": 2,
    "points": 2,
    "encoder_layers": 1,
    "decoder_layers": 2,
    "hidden": 16,
    "dropout": 0.0,
    "num_queries": 12,
    "queries": "centres",
    "heat_hidden": 16,
    "depth_attention": "after",
    "depth_bins": 6,
    "depth_min": 0.001,
    "depth_max": 40.0,
    "depth_space": "stored",
    "depth_near": 1.0,
    "depth_projection": "each",
    "depth_detached": True,
    "depth_hidden": 16,
    "depth_stride": 16,
    "depth_dropout": 0.0,
    "depth_weight_dropout": 0.0,
    "temporal": True,
    "temporal_layers": 2,
    "temporal_hidden": 16,
    "temporal_dropout": 0.0,
    "frames": 5,
    "vocabulary": 6,
    "id_layers": 2,
    "id_heads": 2,
    "id_hidden": 16,
    "trajectory_hidden": 16,
    "identity_hidden": 16,
    "max_objects": 8,
}
LOSS = {
    "score_weight": 2.0,
    "box_weight": 5.0,
    "giou_weight": 2.0,
    "heat_weight": 1.0,
    "sides_weight": 0.4,
    "depth_weight": 1.0,
    "depth_foreground_weight": 6.0,
    "depth_zero": "unknown",
    "id_weight": 1.0,
    "newborn_weight": 1.0,
    "groups": 3,
    "drop_probability": 0.5,
    "switch_probability": 0.5,
    "identity_weight": 1.0,
    "identity_scope": "clip",
    "identity_overlap": 0.5,
    "identity_weighted": True,
    "identity_temperature": 0.1,
    "identity_from_epoch": 1,
    "gradient_frames": 2,
    "chunk_frames": 20,
    "checkpoint_frames": 0,
}
TRACKER = {"detection_threshold": 0.3, "birth_threshold": 0.6, "id_threshold": 0.2, "protocol": "object-max", "window": None}
PEOPLE = [[8, 10, 24, 50], [40, 12, 58, 60], [70, 14, 88, 58]]
STEP = 2  # pixels that people walk in a frame


def small_options(loss: dict[str, Any] | None = None, tracker: dict[str, Any] | None = None, **network: Any) -> FdtaOptions:
    """A tiny system; keywords change the network."""
    return FdtaOptions.model_validate({"network": NETWORK | network, "loss": LOSS | (loss or {}), "tracker": TRACKER | (tracker or {})})


def frame(boxes: Any, identities: Any = None, *, seed: int = 0, width: int = 96, height: int = 64, depth: bool = True) -> TrainingFrame:
    """Grey noise with a rectangle of its own colour for each person."""
    image = np.random.default_rng(seed).integers(90, 160, (height, width, 3)).astype(np.uint8)
    boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
    identities = np.arange(len(boxes)) if identities is None else np.asarray(identities, np.int64)
    for person, (left, top, right, bottom) in zip(identities.tolist(), np.clip(boxes, 0, None).astype(int), strict=True):
        image[top:bottom, left:right] = np.random.default_rng(person + 50).integers(0, 256, 3)
    return TrainingFrame(
        image=image,
        boxes=boxes,
        identities=identities,
        ignore=np.zeros(len(boxes), bool),
        depth=np.linspace(0.5, 30, height * width // 64, dtype=np.float32).reshape(height // 8, width // 8) if depth else None,
    )


def walk(
    frames: int, people: Any = PEOPLE, *, seed: int = 0, absent: dict[int, list[int]] | None = None, depth: bool = True
) -> TrainingClip:
    """People who walk right; `absent` lists by frame who is away."""
    shown = []
    for time in range(frames):
        who = [i for i in range(len(people)) if i not in (absent or {}).get(time, [])]
        boxes = [np.array(people[i]) + np.array([STEP, 0, STEP, 0]) * time for i in who]
        shown.append(frame(boxes, who, seed=seed + time, depth=depth))
    return TrainingClip(tuple(shown), video=True, seed=(seed,))


def batch(clips: list[TrainingClip], options: FdtaOptions) -> Batch:
    """Collate as the loader does."""
    images = torch.from_numpy(np.stack([np.stack([f.image for f in clip.frames]) for clip in clips])).permute(0, 1, 4, 2, 3)
    made = [make_targets(clip, options) for clip in clips]
    targets = {name: torch.from_numpy(np.stack([m[name] for m in made])) for name in made[0]}
    return Batch(images, trim(targets), torch.tensor([clip.same_scene for clip in clips]))


def mixed_batch(options: FdtaOptions) -> Batch:
    """Clips with gaps, with nobody, with boxes of nobody known, and without depth."""
    unknown = TrainingClip(tuple(frame(PEOPLE, [-1] * 3, seed=9 + i) for i in range(5)), video=True, seed=(3,))
    return batch([walk(5, absent={1: [0], 2: [0, 1], 4: [2]}), walk(5, [], seed=7, depth=False), unknown], options)


def tracker(options: FdtaOptions, network: AssociationNetwork) -> Follower:
    """A lone tracker with its network."""
    return Follower(SPEC, options, 25.0, 96, 64, network)
