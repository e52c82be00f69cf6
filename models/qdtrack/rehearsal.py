"""A scene in small for the tracker, and a step in small for training, so that machine code is made, or read, before time is taken."""

from __future__ import annotations

import numpy as np
import torch

from models.qdtrack.decode import QdtrackDetections
from models.qdtrack.options import QdtrackOptions
from models.qdtrack.tracker import build_tracker
from models.regions.align import align
from models.regions.matcher import match_boxes
from models.regions.nms import nms
from models.regions.sampler import random_keys

FRAMES = 3


def rehearse(options: QdtrackOptions) -> None:
    """Track one who stays and one detection too weak for a track; suppress and read regions as detection does."""
    tracker = build_tracker(options, 25.0, 640, 360)
    boxes = np.array([[200, 80, 280, 320], [400, 80, 440, 200]], np.float32)
    size = 0 if options.loss.reid == "none" else 2
    for frame in range(FRAMES):
        moved = boxes + np.float32(frame)
        tracker.update(
            QdtrackDetections(
                boxes=moved,
                scores=np.array([1.0, 0.3], np.float32),
                embeddings=np.eye(2, dtype=np.float32)[:, :size],
                classes=np.zeros(2, np.int64),
                previous=boxes[:0],
                regressed=boxes[:0],
                masks=np.zeros((2, 0, 0), np.float32),
            )
        )
    _read_regions()


def rehearse_training(options: QdtrackOptions) -> None:
    """Draw and match a sample, and read a region with the gradient."""
    random_keys(0, 0, 1)
    box = torch.tensor([[2.0, 2.0, 20.0, 24.0]])
    match_boxes(box, box, 0.7, 0.3, 0.3)
    _read_regions()


def _read_regions() -> None:
    maps = torch.ones(1, 4, 8, 8, requires_grad=True)
    boxes, images = torch.tensor([[2.0, 2.0, 20.0, 24.0]]), torch.zeros(1, dtype=torch.int64)
    align([maps], [4], boxes, images, size=2, sampling=0).sum().backward()
    nms(boxes, torch.ones(1), images, 0.5)
