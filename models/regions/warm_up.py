"""Work on one small region, so that kernels are compiled, or read from the cache, before anything is timed."""

from __future__ import annotations

import torch

from models.regions.align import align
from models.regions.matcher import match_boxes
from models.regions.nms import nms
from models.regions.sampler import random_keys


def read_regions() -> None:
    """Read the region of one box, forward and backward, and run non-maximum suppression on it."""
    maps = torch.ones(1, 4, 8, 8, requires_grad=True)
    boxes, images = torch.tensor([[2.0, 2.0, 20.0, 24.0]]), torch.zeros(1, dtype=torch.int64)
    align([maps], [4], boxes, images, size=2, sampling=0).sum().backward()
    nms(boxes, torch.ones(1), images, 0.5)


def draw_samples() -> None:
    """Draw one random key, and match one box with one object."""
    random_keys(0, 0, 1)
    box = torch.tensor([[2.0, 2.0, 20.0, 24.0]])
    match_boxes(box, box, 0.7, 0.3, 0.3)
