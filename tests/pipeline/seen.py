"""A network that needs no training: it finds red rectangles, so that every box on the way can be known beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel
from torch import Tensor, nn

from pipeline.contract.detections import Detections
from pipeline.contract.spec import Association, Detection, ModelSpec, System
from pipeline.contract.tracks import Tracks
from pipeline.tracking.detector import Detector

RED = (255, 0, 0)


class Options(BaseModel):
    """Nothing to choose."""


class Output(NamedTuple):
    """(N, 1, H, W): how red each pixel is."""

    red: Tensor


class RedNetwork(nn.Module):
    """Redness of each pixel."""

    def forward(self, images: Tensor) -> Output:
        return Output((images[:, :1] - images[:, 1:].amax(1, keepdim=True)).clamp(0, 1))


def decode(network: nn.Module, outputs: Output, options: Options) -> list[Detections]:
    """Boxes of the red areas, the largest first."""
    return [_boxes(red[0].numpy()) for red in outputs.red]


def describe(
    network: nn.Module,
    outputs: Output,
    boxes: Sequence[NDArray[np.float32]],
    scores: Sequence[NDArray[np.float32]],
    classes: Sequence[NDArray[np.int64]],
    options: Options,
) -> list[Detections]:
    """A unit vector that tells how red the box's centre is."""
    found = []
    for red, here, given in zip(outputs.red, boxes, scores, strict=True):
        x, y = ((here[:, [0, 1]] + here[:, [2, 3]]) / 2).astype(int).T
        value = red[0].numpy()[y, x]
        found.append(Detections(here, given, np.stack([value, 1 - value], 1).astype(np.float32)))
    return found


def _boxes(red: NDArray[np.float32]) -> Detections:
    count, _, stats, _ = cv2.connectedComponentsWithStats((red > 0.5).astype(np.uint8))
    x, y, w, h, area = stats[1:count].T
    order = np.argsort(-area, kind="stable")
    boxes = np.stack([x, y, x + w, y + h], 1).astype(np.float32)[order]
    return Detections(boxes, np.linspace(0.9, 0.5, len(boxes), dtype=np.float32), np.ones((len(boxes), 1), np.float32))


class CountingTracker:
    """Gives detections identities by rank, and remembers what it was told each frame."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, int | None]] = []

    def update(self, detections: Detections, public: NDArray[np.float32] | None = None) -> Tracks:
        self.calls.append((len(detections.boxes), None if public is None else len(public)))
        count = len(detections.boxes)
        return Tracks(detections.boxes, np.arange(1, count + 1), detections.scores, np.where(np.arange(count) == 1, -1, np.arange(count)))


def spec(trackers: list[CountingTracker] | None = None) -> ModelSpec:
    """The red network as a model; trackers it builds are put into the list."""

    def build_tracker(*_: Any) -> CountingTracker:
        tracker = CountingTracker()
        if trackers is not None:
            trackers.append(tracker)
        return tracker

    return System("red", Options, lambda _: RedNetwork(), Detection(decode, describe), Association(build_tracker))


def detector(width: int, height: int, trackers: list[CountingTracker] | None = None) -> Detector:
    """The red network, ready to look."""
    return Detector(spec(trackers), Options(), RedNetwork(), width, height, torch.device("cpu"))


def picture(width: int, height: int, *boxes: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """A grey (height, width, 3) picture with red rectangles at xyxy pixels."""
    image = np.full((height, width, 3), 90, np.uint8)
    for x1, y1, x2, y2 in boxes:
        image[y1:y2, x1:x2] = RED
    return image
