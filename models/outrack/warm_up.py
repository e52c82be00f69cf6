"""A scene in small for the tracker, and objects for the losses, so that machine code is made, or read, before time is taken."""

from __future__ import annotations

import numpy as np
import torch

from models import embedding
from models.outrack.decode import OutrackDetections
from models.outrack.options import OutrackOptions, looks_back
from models.outrack.tracker import build_tracker
from pipeline.contract.tracks import Video

WIDTH, HEIGHT, RATE, STEP = 640, 360, 10.0, 8.0  # pixels, pixels, frames a second, pixels a frame
IN_SIGHT, HIDDEN = 4, 3  # frames


def warm_up(options: OutrackOptions) -> None:
    """Track one who stands and one who walks behind them, is refound there, and then gone for good."""
    tracker = build_tracker(options, Video(RATE, WIDTH, HEIGHT))
    for frame in range(IN_SIGHT + HIDDEN + round(RATE * options.tracker.buffer_seconds) + 2):
        tracker.update(_scene(frame, options))


def warm_up_training(options: OutrackOptions) -> None:
    """Compare one object in each of two frames by the objective that trains the embedding."""
    objective, alike = embedding.build(options, identities=2), torch.ones(1, 2, 1, options.network.embedding)
    objective(alike, torch.ones(1, 2, 1, dtype=torch.bool), torch.ones(1, dtype=torch.bool), torch.zeros(1, 2, 1, dtype=torch.int64))


def _scene(frame: int, options: OutrackOptions) -> OutrackDetections:
    """The walker is seen at first; then an occlusion centre tells where they are; then nothing does."""
    nearby, left = np.array([200, 80, 280, 320]), 220 - STEP * (IN_SIGHT - frame)
    walker = np.array([left, 100, left + 70, 300])
    people = np.array([nearby, walker] if frame < IN_SIGHT else [nearby], np.float32)
    low, high = np.maximum(nearby[:2], walker[:2]), np.minimum(nearby[2:], walker[2:])
    hidden = np.array([(low + high) / 2] if IN_SIGHT <= frame < IN_SIGHT + HIDDEN else np.zeros((0, 2)), np.float32)
    embeddings = np.eye(2, dtype=np.float32)[: len(people), : 0 if options.loss.reid == "none" else 2]
    displacements = np.zeros((len(people), 2 if looks_back(options) else 0), np.float32)
    return OutrackDetections(people, np.ones(len(people), np.float32), embeddings, hidden, np.ones(len(hidden), np.float32), displacements)
