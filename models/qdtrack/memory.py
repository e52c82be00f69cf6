"""What the network is given of the frame before: its detections, for the regression cue."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from models.qdtrack.options import QdtrackOptions
from pipeline.contract.detections import Detections


def remember(options: QdtrackOptions) -> Callable[[Tensor, Detections], Tensor] | None:
    """What `Detection.remember` promises: None without the regression cue."""
    return boxes_and_classes if "regression" in options.tracker.cues else None


def boxes_and_classes(image: Tensor, detections: Detections) -> Tensor:
    """(1, P, 5) float32 on the image's device: xyxy in network input pixels, and the class.

    Args:
        image: (1, 3, H, W) float, the frame that the detections are of.
        detections: in network input pixels.
    """
    rows = np.concatenate([detections.boxes, detections.classes[:, None].astype(np.float32)], axis=1)
    return torch.from_numpy(rows)[None].to(image.device)
