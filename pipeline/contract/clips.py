"""What a training sample is and holds, from the frames that a loader augments to the losses of a step.

Boxes are xyxy in pixels, float32, not clipped to the image (amodal). Frames are counted from 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

Kind = Literal["still", "pair", "clip"]
Ends = Literal["shift", "repeat", "refuse"]
Views = Literal["perturbed", "shared", "independent"]


@dataclass(frozen=True)
class Samples:
    """What one training sample of a stage is.

    Attributes:
        kind: a `still` (one frame), a `pair` (the current frame first, then its partner) or a `clip` (more frames, in time order).
        frames: how many frames it has: 1, 2, or as many as a clip has.
        steps: the least and the largest distance in frames. In a clip it is the distance between neighbouring frames: one step is drawn per
            clip, and counts the frames that the sequence holds, whatever their numbers. In a pair the partner's frame number differs by at
            most the largest, on either side; the least has no effect.
        ends: what a clip does where its sequence is too short for the drawn step: `shift` takes the largest step that fits, and where none
            does, moves the start back, so that all frames differ (a sequence shorter than a clip repeats its last frame); `repeat`
            repeats the last frame wherever the sequence ends; `refuse` is `shift`, and a sequence shorter than a clip, or than a group,
            is a user's mistake.
        views: how the frames of one scene (of a sample, or of a group) are augmented: the first frame's draw varied a little
            (`perturbed`), the very same for all, colours included (`shared`), or each by itself (`independent`).
        common_identity: whether the frames of a pair should show a common identity; a partner without one is not drawn while there is
            another. Needs identities.
        negatives_per_pair: how many pairs of frames from different scenes are drawn for each pair from one scene, on average.
        group: how many consecutive frames of a sequence, each a sample of kind `still`, follow each other in a batch; for a still, how
            many views of it do. 1: samples are shuffled one by one. `TrainingSettings.group` is what the user asks for.

    Raises:
        ValueError: the numbers do not go with the kind.
    """

    kind: Kind
    frames: int
    steps: tuple[int, int] = (1, 1)
    ends: Ends = "shift"
    views: Views = "perturbed"
    common_identity: bool = False
    negatives_per_pair: float = 0.0
    group: int = 1

    def __post_init__(self) -> None:
        if self.frames != {"still": 1, "pair": 2}.get(self.kind, max(self.frames, 1)):
            raise ValueError(f"a {self.kind} has no {self.frames} frames")
        if self.group != 1 and (self.group < 1 or self.kind != "still"):
            raise ValueError(f"a group is made of stills, at least one, not of {self.group} samples of kind {self.kind}")
        if not 0 < self.steps[0] <= self.steps[1]:
            raise ValueError(f"steps {self.steps} do not ascend from 1")


@dataclass(frozen=True)
class Needs:
    """What training reads of a sample besides images, boxes, classes and ignored regions; nothing else is decoded.

    Attributes:
        identities: the identity numbers of the boxes.
        depth: depth maps.
        masks: a mask for each object.
        keypoints: the joints of each object.
    """

    identities: bool = False
    depth: bool = False
    masks: bool = False
    keypoints: bool = False


@dataclass(frozen=True)
class TrainingFrame:
    """One augmented frame of a training sample, at network input size.

    Attributes:
        image: (H, W, 3) uint8, RGB.
        boxes: (N, 4) float32, xyxy pixels of `image`, amodal (may leave the image).
        identities: (N,) int64; -1 everywhere unless `Needs.identities`, else numbers from 0 over the whole sample set, the same for the
            same object in one sequence and for the same box of one still; -1 where unknown.
        ignore: (N,) bool, boxes that are neither object nor background.
        depth: (H/s, W/s) float32, grows with distance, 0 where unknown; None when samples carry no depth, or unless `Needs.depth`.
        classes: (N,) int64, index into `pack_samples.classes`; of an ignored box, 0.
        masks: (N, H, W) uint8, 1 inside; None unless `Needs.masks` and the samples carry them.
        keypoints: (N, K, 3) float32: x and y in pixels of `image`, and whether the joint is labelled (above 0); None unless
            `Needs.keypoints` and the samples carry them.
    """

    image: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    identities: NDArray[np.int64]
    ignore: NDArray[np.bool_]
    depth: NDArray[np.float32] | None = None
    classes: NDArray[np.int64] = None  # type: ignore[assignment]  # made in __post_init__: every object of the only class
    masks: NDArray[np.uint8] | None = None
    keypoints: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        if self.classes is None:
            object.__setattr__(self, "classes", np.zeros(len(self.boxes), np.int64))


@dataclass(frozen=True)
class TrainingClip:
    """The frames of one training sample.

    Attributes:
        frames: 1 (still), 2 (pair: the current frame, then its partner) or more (clip, in time order).
        same_scene: False for a negative pair, whose frames come from different scenes.
        video: whether the frames come from a video (False: augmentations of one still).
        seed: words for `numpy.random.default_rng`, a function of (run, epoch, sample), for what targets draw at random.
        repeated: for each frame, whether it repeats the last one because its sequence has no more, and is to be masked; never so for the
            second view of a still, or of a frame that is its own partner.
    """

    frames: tuple[TrainingFrame, ...]
    same_scene: bool = True
    video: bool = False
    seed: tuple[int, ...] = (0,)
    repeated: tuple[bool, ...] = ()

    def __post_init__(self) -> None:
        if not self.repeated:
            object.__setattr__(self, "repeated", (False,) * len(self.frames))


class Batch(NamedTuple):
    """A collated batch of B samples of F frames.

    Attributes:
        images: (B, F, 3, H, W) uint8.
        targets: tensors made by the system's `make_targets`, each stacked to (B, ...).
        same_scene: (B,) bool.
    """

    images: Tensor
    targets: dict[str, Tensor]
    same_scene: Tensor


class Losses(NamedTuple):
    """`total` is what is minimised (scalar tensor); `terms` are detached scalars for the log."""

    total: Tensor
    terms: dict[str, Tensor]


def to_float(images: Tensor, *, channels_last: bool = True) -> Tensor:
    """(N, 3, H, W) uint8 -> (N, 3, H, W) float32 in [0, 1].

    Values are divided by 255; no mean is subtracted and no deviation divided by (FairMOT's convention).
    """
    import torch

    floats = images.to(torch.float32).div_(255.0)
    return floats.contiguous(memory_format=torch.channels_last) if channels_last else floats
