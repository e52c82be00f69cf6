"""A system of two classes: a heat map for each of `pack_samples.classes`, box sides beside it, a tracker that joins boxes of one class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel
from torch import Tensor, nn
from torch.nn import functional

from pipeline.contract.clips import Batch, Losses, Samples, TrainingClip, to_float
from pipeline.contract.detections import Detections
from pipeline.contract.spec import Association, Detection, System, Training
from pipeline.contract.tracks import Tracks, Video
from pipeline.numerics.boxes import iou
from pipeline.params.sections.common import NoOptions

STRIDE, FOUND, JOINED = 8, 0.5, 0.3


class Options(BaseModel):
    """How many classes there are, and nothing of the tracker."""

    classes: int = 2
    tracker: dict[str, Any] = {}


class Output(NamedTuple):
    """(N, C, h, w) logits of centres, (N, 2, h, w) sides in cells."""

    heat: Tensor
    sides: Tensor


class Network(nn.Module):
    """Three convolutions and two heads."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        layers = ((3, 16, 4), (16, 24, 2), (24, 24, 1), (24, 24, 1))  # channels before and after, stride
        self.body = nn.Sequential(*(nn.Sequential(nn.Conv2d(a, b, 5, s, 2), nn.BatchNorm2d(b), nn.ReLU()) for a, b, s in layers))
        self.heat, self.sides = nn.Conv2d(24, options.classes, 1), nn.Conv2d(24, 2, 1)

    def forward(self, images: Tensor) -> Output:
        features = self.body(images)
        return Output(self.heat(features), functional.softplus(self.sides(features)))


class Task(nn.Module):
    """Weighted cross entropy of centres, absolute error of sides."""

    def __init__(self, network: nn.Module, options: Options, settings: Any, identities: int) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: Batch) -> Losses:
        output, heat = self.network(to_float(batch.images[:, 0])), batch.targets["heat"]
        centres = functional.binary_cross_entropy_with_logits(output.heat, heat, pos_weight=torch.tensor(20.0))
        there = heat.amax(1, keepdim=True)
        sides = ((output.sides - batch.targets["sides"]).abs() * there).sum() / there.sum().clamp(1)
        return Losses(10 * centres + 0.1 * sides, {"centres": centres.detach(), "sides": sides.detach()})


def make_targets(clip: TrainingClip, options: Options) -> dict[str, NDArray[Any]]:
    """Maps of the frame: (C, h, w) where the centres of each class are, (2, h, w) sides in cells."""
    frame = clip.frames[0]
    rows, columns = frame.image.shape[0] // STRIDE, frame.image.shape[1] // STRIDE
    heat, sides = np.zeros((options.classes, rows, columns), np.float32), np.zeros((2, rows, columns), np.float32)
    for box, kind, ignored in zip(frame.boxes / STRIDE, frame.classes, frame.ignore, strict=True):
        x, y = ((box[:2] + box[2:]) / 2).astype(int)
        if 0 <= x < columns and 0 <= y < rows and not ignored:
            heat[kind, y, x], sides[:, y, x] = 1, box[2:] - box[:2]
    return {"heat": heat, "sides": sides}


def decode(network: nn.Module, outputs: Output, options: Options) -> list[Detections]:
    """The peaks of each class."""
    heat = outputs.heat.float().sigmoid()
    peaks = torch.where(functional.max_pool2d(heat, 5, 1, 2) == heat, heat, 0).numpy()
    return [_detections(*found) for found in zip(peaks, outputs.sides.float().numpy(), strict=True)]


def _detections(peaks: NDArray[np.float32], sides: NDArray[np.float32]) -> Detections:
    kind, y, x = np.nonzero(peaks > FOUND)
    order = np.argsort(-peaks[kind, y, x], kind="stable")[:20]
    kind, y, x = kind[order], y[order], x[order]
    centre, half = np.stack([x, y], 1) + 0.5, sides[:, y, x].T / 2
    boxes = (STRIDE * np.concatenate([centre - half, centre + half], 1)).astype(np.float32)
    return Detections(boxes, peaks[kind, y, x], np.zeros((len(kind), 0), np.float32), classes=kind)


def describe(network: nn.Module, outputs: Output, boxes: Any, scores: Any, classes: Any, options: Options) -> Sequence[Detections]:
    """Given boxes as they are."""
    return [
        Detections(box, score, np.zeros((len(box), 0), np.float32), classes=kind)
        for box, score, kind in zip(boxes, scores, classes, strict=True)
    ]


class GreedyTracker:
    """Joins each box to the free track of its class that it overlaps most."""

    def __init__(self, options: Options, video: Video) -> None:
        self.boxes, self.classes = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)

    def update(self, detections: Detections, public: NDArray[np.float32] | None = None) -> Tracks:
        overlap = iou(detections.boxes, self.boxes) * (detections.classes[:, None] == self.classes)
        identities = np.zeros(len(detections.boxes), np.int64)
        for index in range(len(identities)):
            best = int(overlap[index].argmax()) if len(self.boxes) else -1
            if best >= 0 and overlap[index, best] > JOINED:
                overlap[:, best], identities[index] = 0, best + 1
                self.boxes[best] = detections.boxes[index]
            else:
                self.boxes, self.classes = (
                    np.vstack([self.boxes, detections.boxes[index]]),
                    np.append(self.classes, detections.classes[index]),
                )
                overlap, identities[index] = np.pad(overlap, ((0, 0), (0, 1))), len(self.boxes)
        return Tracks(detections.boxes, identities, detections.scores, np.arange(len(identities)), detections.classes)


def stills(options: Options, settings: Any, stage: str) -> Samples:
    """One frame a sample."""
    return Samples("still", 1)


SPEC = System(
    name="two_classes",
    options=Options,
    build_network=Network,
    detection=Detection(decode=decode, describe=describe),
    association=Association(build_tracker=GreedyTracker),
    training=Training(samples=stills, build_task=Task, make_targets=make_targets, options=NoOptions),
)
