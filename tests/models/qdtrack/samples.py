"""Small options and synthetic clips for tests of QDTrack."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from models.qdtrack.detections import QdtrackDetections
from models.qdtrack.options import QdtrackOptions
from models.qdtrack.targets import make_targets, trim
from pipeline.contract.clips import Batch, TrainingClip
from tests.models.outrack.samples import EMPTY, MOVED, PEOPLE, frame

NETWORK: dict[str, Any] = {
    "backbone": "resnet_fpn",
    "width": 8,
    "frozen_norms": False,
    "classes": 1,
    "pyramid": 16,
    "stride64": False,
    "anchor_scale": 4.0,
    "anchor_ratios": [1.0, 2.0, 3.0],
    "region_size": 7,
    "region_sampling": 2,
    "finest": 56.0,
    "box_width": 32,
    "embedding_convolutions": 2,
    "embedding_hidden": 16,
    "embedding_width": 32,
    "embedding": 16,
    "mask_head": False,
    "mask_hidden": 8,
    "clip_boxes": False,
    "max_objects": 8,
}
LOSS: dict[str, Any] = {
    "reid": "quasi_dense",
    "matching": "dense",
    "equation": 5,
    "auxiliary": True,
    "auxiliary_margin": 0.1,
    "auxiliary_negatives": 3.0,
    "negatives": "iou_balanced",
    "key_regions": 128,
    "reference_regions": 256,
    "reference_negatives": 3.0,
    "region_positive": 0.7,
    "region_negative": 0.3,
    "embed_weight": 0.25,
    "auxiliary_weight": 1.0,
    "reference_detection": True,
    "anchor_samples": 256,
    "anchor_positive": 0.7,
    "anchor_negative": 0.3,
    "level_limit": 200,
    "reference_level_limit": 200,
    "proposals": 100,
    "proposal_overlap": 0.7,
    "box_samples": 64,
    "box_positive": 0.5,
    "class_weight": 1.0,
    "box_weight": 1.0,
    "mask_weight": 1.0,
    "ignore_overlap": 0.5,
}
TRACKER: dict[str, Any] = {
    "level_limit": 200,
    "proposals": 100,
    "min_score": 0.05,
    "nms": 0.5,
    "detections": 20,
    "mode": "paper",
    "similarity": "bisoftmax",
    "least_cosine": -1.0,
    "cues": ["appearance"],
    "init_score": 0.8,
    "object_score": 0.5,
    "match_score": 0.5,
    "drop_score": 0.5,
    "memory_frames": 30,
    "backdrop_frames": 1,
    "backdrop_overlap": 0.3,
    "duplicate_removal": True,
    "duplicate_sure": 0.7,
    "duplicate_unsure": 0.3,
    "embedding_update": 0.8,
}


def small_options(loss: dict[str, Any] | None = None, tracker: dict[str, Any] | None = None, **network: Any) -> QdtrackOptions:
    """A network that trains in seconds; keywords change it."""
    return QdtrackOptions.model_validate({"network": NETWORK | network, "loss": LOSS | (loss or {}), "tracker": TRACKER | (tracker or {})})


def batch(clips: list[TrainingClip], options: QdtrackOptions) -> Batch:
    """Collate as the loader does."""
    images = torch.from_numpy(np.stack([np.stack([f.image for f in clip.frames]) for clip in clips])).permute(0, 1, 4, 2, 3)
    made = [make_targets(clip, options) for clip in clips]
    targets = {name: torch.from_numpy(np.stack([m[name] for m in made])) for name in made[0]}
    return Batch(images, trim(targets), torch.tensor([clip.same_scene for clip in clips]))


def mixed_batch(options: QdtrackOptions) -> Batch:
    """A pair of a video, a still with itself, a pair without anyone in common, a pair with an empty frame, and an empty pair."""
    clips = [
        TrainingClip((frame(PEOPLE), frame(MOVED, seed=1)), video=True),
        TrainingClip((frame(PEOPLE, seed=2), frame(PEOPLE, seed=2))),
        TrainingClip((frame(PEOPLE[:1], seed=4), frame(EMPTY, seed=5))),
        TrainingClip((frame(EMPTY, seed=6), frame(EMPTY, seed=7))),
    ]
    return batch(clips, options)


def seen(boxes: Any, scores: Any, embeddings: Any, classes: Any = None, **more: NDArray[np.float32]) -> QdtrackDetections:
    """One frame's detections."""
    corners = np.asarray(boxes, np.float32).reshape(-1, 4)
    return QdtrackDetections(
        boxes=corners,
        scores=np.asarray(scores, np.float32),
        embeddings=np.asarray(embeddings, np.float32).reshape(len(corners), -1) if len(corners) else np.zeros((0, 3), np.float32),
        classes=None if classes is None else np.asarray(classes, np.int64),
        previous=more.get("previous", corners[:0]),
        regressed=more.get("regressed", corners[:0]),
        masks=np.zeros((len(corners), 0, 0), np.float32),
    )
