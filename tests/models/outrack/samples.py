"""Small options and synthetic clips for tests of OUTrack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.outrack.options import OutrackOptions
from models.outrack.targets import make_targets
from pipeline.contract.clips import Batch, TrainingClip, TrainingFrame
from tests.parameters import walkers

ROOT = Path(__file__).resolve().parents[3]
SMALL = {"width": 8, "head_width": 8, "embedding": 8, "depth_bins": 6, "max_objects": 8}


def small_options(loss: dict[str, Any] | None = None, tracker: dict[str, Any] | None = None, **network: Any) -> OutrackOptions:
    """The walkers preset's model section, shrunk; keywords change the network."""
    model = walkers()["model"]
    return OutrackOptions.model_validate(
        {"network": model["network"] | SMALL | network, "loss": model["loss"] | (loss or {}), "tracker": model["tracker"] | (tracker or {})}
    )


def frame(boxes: Any, *, seed: int = 0, width: int = 96, height: int = 64, ignore: Any = None, depth: bool = True) -> TrainingFrame:
    """Grey noise with a rectangle of its own colour for each box, which is person 0, 1, ..."""
    random = np.random.default_rng(seed)
    image = random.integers(90, 160, (height, width, 3)).astype(np.uint8)
    boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
    for i, (left, top, right, bottom) in enumerate(np.clip(boxes, 0, None).astype(int)):
        image[top:bottom, left:right] = np.random.default_rng(i).integers(0, 256, 3)
    return TrainingFrame(
        image=image,
        boxes=boxes,
        identities=np.arange(len(boxes)),
        ignore=np.zeros(len(boxes), bool) if ignore is None else np.asarray(ignore),
        depth=np.linspace(1, 30, height * width // 64, dtype=np.float32).reshape(height // 8, width // 8) if depth else None,
    )


def batch(clips: list[TrainingClip], options: OutrackOptions) -> Batch:
    """Collate as the loader does."""
    images = torch.from_numpy(np.stack([np.stack([f.image for f in clip.frames]) for clip in clips])).permute(0, 1, 4, 2, 3)
    made = [make_targets(clip, options) for clip in clips]
    targets = {name: torch.from_numpy(np.stack([m[name] for m in made])) for name in made[0]}
    return Batch(images, targets, torch.tensor([clip.same_scene for clip in clips]))


def learn(task: torch.nn.Module, shown: Batch) -> list[dict[str, float]]:
    """100 steps on one batch; the loss terms of each."""
    optimiser = torch.optim.Adam(task.parameters(), lr=4e-3, foreach=True)
    history = []
    for _ in range(100):
        losses = task(shown)
        optimiser.zero_grad()
        losses.total.backward()
        optimiser.step()
        history.append({name: value.item() for name, value in losses.terms.items()})
    return history


PEOPLE = [[8, 10, 24, 50], [40, 12, 58, 60], [42, 14, 58, 58]]
MOVED = [[10, 10, 26, 50], [44, 12, 62, 60], [44, 14, 60, 58]]
EMPTY: list[list[float]] = []


def mixed_clips() -> list[TrainingClip]:
    """A positive pair, a negative pair, a pair with an empty frame, an empty pair, and a frame without depth."""
    return [
        TrainingClip((frame(PEOPLE), frame(MOVED, seed=1)), video=True),
        TrainingClip((frame(PEOPLE, seed=2), frame(MOVED[:1], seed=3)), same_scene=False),
        TrainingClip((frame(PEOPLE[:1], seed=4), frame(EMPTY, seed=5))),
        TrainingClip((frame(EMPTY, seed=6), frame(EMPTY, seed=7, depth=False))),
    ]


def mixed_batch(options: OutrackOptions) -> Batch:
    """All of `mixed_clips`."""
    return batch(mixed_clips(), options)
