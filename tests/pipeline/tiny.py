"""A model of a few hundred weights and a sample set of a few small pictures, for tests of everything that trains."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from pydantic import BaseModel
from torch import Tensor, nn

from pipeline.artifacts.store import Place
from pipeline.contract.clips import Batch, Losses, Needs, Samples, TrainingClip, to_float
from pipeline.contract.spec import Association, Detection, ModelSpec, System, TrainingSettings
from pipeline.contract.spec import Training as TrainingPart
from pipeline.feeding.loader import Feed
from pipeline.files import depth_codec
from pipeline.files.frames import encode_jpeg
from pipeline.files.sample_writer import SampleWriter
from pipeline.params.sections.common import Section
from pipeline.params.sections.training import Augment, Training

SIZE = 64
MOST = 4


class TinyOptions(BaseModel):
    """One number decides the architecture."""

    channels: int = 4


class TinyTraining(Section):
    """What systems read of a training section that means nothing to others; tests of the real systems ask for it too."""

    id_weight: float = 1.0
    max_gap: int = 3
    negative_ratio: float = 0.25


class TinyOutput(NamedTuple):
    """A heat map and an embedding map."""

    heat: Tensor
    embedding: Tensor


class TinyNetwork(nn.Module):
    """Two convolutions with batch normalisation, then two heads."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, channels, 3, stride=4, padding=1), nn.BatchNorm2d(channels), nn.ReLU())
        self.heat, self.embedding = nn.Conv2d(channels, 1, 1), nn.Conv2d(channels, 2, 1)

    def forward(self, images: Tensor) -> TinyOutput:
        features = self.body(images)
        return TinyOutput(self.heat(features), self.embedding(features))


class TinyTask(nn.Module):
    """Predict how much of the picture boxes cover, with a learnable weight; partners of one scene should look alike."""

    def __init__(self, network: nn.Module, options: TinyOptions, settings: TrainingSettings[TinyTraining], identities: int) -> None:
        super().__init__()
        self.network, self.id_weight = network, settings.model.id_weight
        self.balance = nn.Parameter(torch.zeros(()))

    def forward(self, batch: Batch) -> Losses:
        clips, frames = batch.images.shape[:2]
        output = self.network(to_float(batch.images.flatten(0, 1)))
        cover = torch.sigmoid(output.heat).mean(dim=(1, 2, 3)).view(clips, frames)[:, 0]
        detection = (cover - batch.targets["cover"]).square().mean()
        seen = output.embedding.mean(dim=(2, 3)).view(clips, frames, -1)
        apart = (seen[:, 0] - seen[:, -1]).square().sum(dim=1)
        likeness = torch.where(batch.same_scene, apart, torch.relu(1 - apart)).mean()
        total = torch.exp(-self.balance) * detection + self.balance + self.id_weight * likeness
        return Losses(total, {"detection": detection.detach(), "likeness": likeness.detach()})


def tiny_targets(clip: TrainingClip, options: TinyOptions) -> dict[str, Any]:
    """Share of the picture covered by boxes, and what the frame knows of identities."""
    frame = clip.frames[0]
    sides = np.clip(frame.boxes[:, 2:], 0, SIZE) - np.clip(frame.boxes[:, :2], 0, SIZE)
    identities = np.full(MOST, -2, np.int64)
    identities[: len(frame.identities)] = frame.identities[:MOST]
    return {"cover": np.float32(sides.prod(axis=1).sum() / SIZE**2), "identities": identities}


def pairs(options: TinyOptions, settings: TrainingSettings[TinyTraining], stage: str) -> Samples:
    """Pairs, as the settings say."""
    return Samples("pair", 2, (1, settings.model.max_gap), negatives_per_pair=settings.model.negative_ratio)


def unused(*arguments: Any) -> Any:
    """The tiny model tracks nothing."""
    raise AssertionError


def reads_depth(options: TinyOptions) -> Needs:
    """What the tiny model reads: depth, which it only passes through, and no identities."""
    return Needs(depth=True)


SPEC = System(
    name="tiny",
    options=TinyOptions,
    build_network=lambda options: TinyNetwork(options.channels),
    detection=Detection(decode=unused, describe=unused),
    association=Association(build_tracker=unused),
    training=TrainingPart(samples=pairs, build_task=TinyTask, make_targets=tiny_targets, options=TinyTraining, needs=reads_depth),
)


def sees_identities(options: TinyOptions) -> Needs:
    """What a model reads that may see who is who."""
    return Needs(identities=True, depth=True)


def learning(**changes: Any) -> ModelSpec:
    """The tiny model with another way of being trained."""
    assert SPEC.training is not None
    return replace(SPEC, training=replace(SPEC.training, **changes))


AUGMENT = Augment(
    rotate=5.0,
    translate=0.1,
    scale_min=0.5,
    scale_max=1.2,
    shear=2.0,
    flip=0.5,
    saturation=0.5,
    value=0.5,
    partner_min=0.05,
    partner_max=0.2,
)
TRAINING = Training(
    epochs=2,
    batch_size=4,
    optimiser="adamw",
    lr=0.01,
    weight_decay=0.01,
    lr_drop_epochs=[1],
    lr_drop_factor=0.5,
    warmup_steps=2,
    clip_norm=10.0,
    model=TinyTraining().model_dump(),
    epoch_samples=None,
    workers=1,
    threads=1,
    use_gpu="auto",
    precision="auto",
    loader_processes=0,
    weights=None,
    min_loaded=1.0,
    max_failures=0,
    augment=AUGMENT,
)


def settings_of(shared: dict[str, Any] | None = None, **own: Any) -> TrainingSettings[TinyTraining]:
    """A training section as systems see it, with changes of the shared values and of the system's own."""
    return TrainingSettings(TRAINING.model_copy(update=shared or {}), TinyTraining(**own))


def feed(folder: Place, **settings: Any) -> Feed:
    """The tiny model on a sample set, with changed training settings."""
    changed = TRAINING.model_copy(update=settings)
    return Feed(replace(SPEC), TinyOptions(), changed, folder, seed=3, width=SIZE, height=SIZE, depth_stride=4)


def write_samples(
    folder: Path,
    *,
    sequences: int = 3,
    frames: int = 8,
    video: bool = True,
    identity: int = 0,
    named: bool = True,
    size: tuple[int, int] = (SIZE, 48),
    dataset: str = "tiny",
) -> Path:
    """A shard of `sequences` x `frames` samples, three boxes each: row groups of some four rows; another `identity` shuffles all ids."""
    changed = {"dataset": dataset} | ({} if named else {"identities": [-1, -1, -1]})
    (folder / dataset).mkdir(parents=True, exist_ok=True)
    with SampleWriter(folder / dataset / "s-00000.arrow", row_group_bytes=12_000, facts={"width": SIZE, "height": SIZE}) as writer:
        for sequence in range(sequences):
            for frame in range(1, frames + 1):
                writer.add(_row(sequence, frame, video, identity, size) | changed)
    return folder


def _row(sequence: int, frame: int, video: bool, identity: int, size: tuple[int, int]) -> dict[str, Any]:
    random = np.random.default_rng([sequence, frame])
    width, height = size
    image = cv2.resize(random.integers(0, 256, (12, 16, 3), np.uint8), size, interpolation=cv2.INTER_CUBIC)
    left, top = random.uniform(0, width / 2, 3), random.uniform(0, height / 2, 3)
    boxes = np.stack([left, top, left + 14, top + 20], axis=1)
    for number, (x, y, right, bottom) in enumerate(boxes.astype(int)):
        image[y:bottom, x:right] = (40 * number, 90, 200)
    depth, scale = depth_codec.encode(np.tile(np.linspace(1, 9, width // 4, dtype=np.float32), (height // 4, 1)))
    return {
        "dataset": "tiny",
        "sequence": f"s{sequence}",
        "frame": frame,
        "video": video,
        "width": width,
        "height": height,
        "image": encode_jpeg(image, 95),
        "boxes": boxes.astype(np.float32).tolist(),
        "identities": (np.random.default_rng([identity, sequence, frame]).permutation(3) + 1 + identity).tolist(),
        "classes": [1, 1, 1],
        "visibilities": [1.0, 1.0, 1.0],
        "confidences": [1.0, 1.0, 1.0],
        "ignores": [False, False, False],
        "depth": depth,
        "depth_scale": scale,
        "object_depths": [1.0, 1.0, 1.0],
    }
