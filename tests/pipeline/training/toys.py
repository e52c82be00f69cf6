"""Three systems that learn in other ways than OUTrack: from clips, from groups, and with parameters of several kinds. None tracks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.contract.clips import Batch, Losses, Needs, Samples, TrainingClip, to_float
from pipeline.contract.spec import Association, Detection, Group, ModelSpec, System, TrainingSettings
from pipeline.contract.spec import Training as TrainingPart
from tests.pipeline.tiny import TinyNetwork, TinyOptions, TinyTraining, unused

LONG = 5  # frames of a clip


class Motion(nn.Module):
    """Predicts how much of each frame of a clip boxes cover, repeated frames left out; an adapter makes what is seen steady."""

    def __init__(self, network: nn.Module, options: TinyOptions, settings: TrainingSettings[TinyTraining], identities: int) -> None:
        super().__init__()
        self.network, self.adapter, self.weight = network, nn.Linear(2, 2), 1.0

    def begin_epoch(self, epoch: int) -> None:
        """The second term joins after the first epoch."""
        self.weight = float(epoch > 0)

    def forward(self, batch: Batch) -> Losses:
        output = self.network(to_float(batch.images.flatten(0, 1)))
        cover = torch.sigmoid(output.heat).mean(dim=(1, 2, 3)).view(batch.images.shape[:2])
        valid = batch.targets["valid"].float()
        detection = ((cover - batch.targets["cover"]).square() * valid).sum() / valid.sum()
        seen: Tensor = self.adapter(output.embedding.mean(dim=(2, 3))).view(*cover.shape, -1)
        steady = (seen - seen.mean(dim=1, keepdim=True)).square().mean()
        total = detection + self.weight * steady
        return Losses(total, {"detection": detection.detach(), "steady": self.weight * steady.detach()})


class Likeness(nn.Module):
    """Frames should look like the people in them; counts the pairs of boxes that a batch holds, and those of one person."""

    def __init__(self, network: nn.Module, options: TinyOptions, settings: TrainingSettings[TinyTraining], identities: int) -> None:
        super().__init__()
        self.network, self.kinds = network, nn.Embedding(max(identities, 1), 2)

    def forward(self, batch: Batch) -> Losses:
        output = self.network(to_float(batch.images.flatten(0, 1)))
        seen, people = output.embedding.mean(dim=(2, 3)), batch.targets["identities"]
        known = people >= 0
        errors = (seen[:, None] - self.kinds(people.clamp(min=0))).square().sum(dim=-1)
        total = (errors * known).sum() / known.sum().clamp(min=1) + output.heat.square().mean()
        owner = torch.arange(len(people))[:, None].expand_as(people)[known]
        named = people[known]
        upper = torch.triu(torch.ones(len(named), len(named), dtype=torch.bool), 1)
        alike = (named[:, None] == named) & upper & (owner[:, None] != owner)
        return Losses(total, {"positive": alike.sum().float(), "pairs": upper.sum().float()})


def clip_targets(clip: TrainingClip, options: TinyOptions) -> dict[str, Any]:
    """Cover and validity of each frame (T,), and whom it shows (T, 4), -1 nobody."""
    height, width = clip.frames[0].image.shape[:2]
    covers, people = [], np.full((len(clip.frames), 4), -1, np.int64)
    for frame, row in zip(clip.frames, people, strict=True):
        sides = np.clip(frame.boxes[:, 2:], 0, [width, height]) - np.clip(frame.boxes[:, :2], 0, [width, height])
        covers.append(float(sides.prod(axis=1).sum()) / (width * height))
        row[: len(frame.identities)] = frame.identities[:4]
    return {"cover": np.array(covers, np.float32), "valid": ~np.array(clip.repeated), "identities": people}


def frame_targets(clip: TrainingClip, options: TinyOptions) -> dict[str, Any]:
    """Whom the only frame shows (4,)."""
    return {"identities": clip_targets(clip, options)["identities"][0]}


def clips(options: TinyOptions, settings: TrainingSettings[TinyTraining], stage: str) -> Samples:
    """Stills first, then clips of one view."""
    if stage == "pretrain":
        return Samples("still", 1)
    return Samples("clip", LONG, (1, 2), ends="refuse", views="shared")


def groups(options: TinyOptions, settings: TrainingSettings[TinyTraining], stage: str) -> Samples:
    """Single frames, of which some follow each other."""
    return Samples("still", 1, group=settings.group)


def sees_identities(options: TinyOptions) -> Needs:
    """Who is who."""
    return Needs(identities=True)


def by_name(name: str, options: TinyOptions) -> Group:
    """The body slowly, the adapter unclipped."""
    return Group(rate=0.1 if name.startswith("network.body") else 1.0, clip=None if name.startswith("adapter") else "all")


def build(options: TinyOptions) -> nn.Module:
    """The tiny network."""
    return TinyNetwork(options.channels)


FROZEN: ModelSpec = System(
    name="frozen",
    options=TinyOptions,
    build_network=build,
    detection=Detection(decode=unused, describe=unused),
    association=Association(build_tracker=unused),
)
CLIPS = replace(FROZEN, name="clips", training=TrainingPart(clips, Motion, clip_targets, TinyTraining, group_of=by_name))
GROUPS = replace(FROZEN, name="groups", training=TrainingPart(groups, Likeness, frame_targets, TinyTraining, needs=sees_identities))
