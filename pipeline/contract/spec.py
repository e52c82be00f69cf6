"""What a model tells the rest of the system: the contract behind models/README.md.

Loader, training loop, inference and scoring know a model only through these types. Boxes are xyxy in pixels, float32,
not clipped to the image (amodal). Frames are counted from 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

if TYPE_CHECKING:
    from torch import Tensor, nn

Reads = Literal["still", "pair", "clip"]


@dataclass(frozen=True)
class TrainingFrame:
    """One augmented frame of a training clip, at network input size.

    Attributes:
        image: (H, W, 3) uint8, RGB.
        boxes: (N, 4) float32, xyxy pixels of `image`, amodal (may leave the image).
        identities: (N,) int64; -1 everywhere unless `ModelSpec.uses_identities`, else numbers from 0 over the whole sample set,
            the same for the same person in one sequence and for the same box of one still; -1 where unknown.
        ignore: (N,) bool, boxes that are neither object nor background.
        depth: (H/s, W/s) float32, grows with distance, 0 where unknown; None when samples carry no depth, or unless `ModelSpec.uses_depth`.
    """

    image: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    identities: NDArray[np.int64]
    ignore: NDArray[np.bool_]
    depth: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class TrainingClip:
    """The frames of one training sample.

    Attributes:
        frames: 1 (still), 2 (pair: the current frame, then its partner) or more (clip, in time order).
        same_scene: False for a negative pair, whose frames come from different scenes.
        video: whether the frames come from a video (False: augmentations of one still).
        seed: words for `numpy.random.default_rng`, a function of (run, epoch, sample), for what targets draw at random.
    """

    frames: tuple[TrainingFrame, ...]
    same_scene: bool = True
    video: bool = False
    seed: tuple[int, ...] = (0,)


class Batch(NamedTuple):
    """A collated batch of B clips of F frames.

    Attributes:
        images: (B, F, 3, H, W) uint8.
        targets: tensors made by the model's `make_targets`, each stacked to (B, ...).
        same_scene: (B,) bool.
    """

    images: Tensor
    targets: dict[str, Tensor]
    same_scene: Tensor


class Losses(NamedTuple):
    """`total` is what is minimised (scalar tensor); `terms` are detached scalars for the log."""

    total: Tensor
    terms: dict[str, Tensor]


@dataclass(frozen=True)
class Detections:
    """What a network saw in one frame. A model may subclass it to carry more to its own tracker: further float32 arrays of shape (M, ...),
    the same trailing shape in every frame, which are kept in files like these three.

    Attributes:
        boxes: (N, 4) float32, xyxy pixels.
        scores: (N,) float32 in [0, 1], descending.
        embeddings: (N, D) float32, unit length; D is 0 for a model without re-identification.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    embeddings: NDArray[np.float32]

    def moved(self, scale: float, left: float, top: float) -> Detections:
        """Map from network input to image pixels: image = (input - (left, top)) / scale."""
        shift = np.array([left, top, left, top], np.float32)
        return replace(self, boxes=((self.boxes - shift) / np.float32(scale)).astype(np.float32))

    def select(self, index: NDArray[Any]) -> Self:
        """Keep the detections at `index` (indices or mask), in that order."""
        return replace(self, boxes=self.boxes[index], scores=self.scores[index], embeddings=self.embeddings[index])

    def above(self, score: float) -> Self:
        """Keep what scores at least `score`; a subclass cuts what has scores of its own as well."""
        return self.select(np.flatnonzero(self.scores >= score))


@dataclass(frozen=True)
class Tracks:
    """What a tracker says about one frame.

    Attributes:
        boxes: (M, 4) float32, xyxy image pixels.
        identities: (M,) int64, from 1, unique in the frame, owned by the tracker instance.
        scores: (M,) float32.
        recovered: (M,) bool, True where no detection supports the box (a refound object).
    """

    boxes: NDArray[np.float32]
    identities: NDArray[np.int64]
    scores: NDArray[np.float32]
    recovered: NDArray[np.bool_]


class Tracker(Protocol):
    """Memory between frames. One instance per sequence; identities start at 1 in each."""

    def update(self, detections: Detections, public: NDArray[np.float32] | None = None) -> Tracks:
        """Advance by one frame.

        Args:
            detections: this frame's detections in image pixels.
            public: (P, 4) float32 xyxy boxes of a public detector: only detections near one may start a track
                (CenterTrack's rule). None for private detections.
        """
        ...


def _no_names(options: BaseModel) -> tuple[str, ...]:
    return ()


def _nothing(options: BaseModel) -> None:
    return None


def _as_they_are(targets: dict[str, Tensor]) -> dict[str, Tensor]:
    return targets


def _always(options: BaseModel) -> bool:
    return True


@dataclass(frozen=True)
class ModelSpec:
    """Everything the shared machinery needs of a model; one constant `SPEC` in `models/<name>/spec.py`.

    Attributes:
        name: the word used in params.yaml and the registry.
        options: pydantic class of the `model` section without `name` (fields network, loss, tracker).
        reads: what one training sample is.
        clip_frames: frames in a training sample.
        uses_identities: options -> whether training may see identity labels.
        uses_depth: options -> whether `make_targets` reads depth; where it does not, none is decoded.
        build_network: options -> module; forward takes (N, 3, H, W) float RGB in [0, 1], returns a NamedTuple of tensors.
        build_task: (network, options, id_weight, identities) -> module owning the network as `.network` and any learnable loss
            weights; `identities` is how many different ones the sample set holds (0 for a model that may not see them); forward takes
            a `Batch` on the device and returns `Losses`.
        make_targets: (clip, options) -> arrays of fixed shape for one sample; runs in loader processes.
        trim: targets of a batch, tensors (B, ...) by name -> the same without padding that no sample of it needs; before they are copied
            to a device, so that none has to be waited for.
        decode: (outputs, options) -> Detections per image, in network input pixels, best first.
        describe: (outputs, boxes per image, scores per image, options) -> Detections per image at given boxes (network input pixels),
            in their order: what the network says about boxes of another detector, or of the ground truth.
        build_tracker: (options, frame_rate, width, height) -> a fresh Tracker.
        detections: the class that `decode` and `describe` return.
        decodes_with: options -> names of the tracker's options that `decode` and `remember` read; others change no detection.
        remember: options -> None, or, for a network that looks back, a function (image, detections) -> Tensor (1, M, H, W): what it is
            given as second argument with the next frame of a sequence, from this frame's (1, 3, H, W) float image and its detections in
            network input pixels. Without memory (the first frame) its forward takes the images alone.
        rehearse: options -> None, called once before a process tracks: what its tracker does once, such as compiling, is done here and
            counts as nobody's time.
        rehearse_training: options -> None, the same of what a task's first step does once; called at the end of an installation.
    """

    name: str
    options: type[BaseModel]
    reads: Reads
    clip_frames: int
    uses_identities: Any = field(repr=False)
    build_network: Any = field(repr=False)
    build_task: Any = field(repr=False)
    make_targets: Any = field(repr=False)
    decode: Any = field(repr=False)
    describe: Any = field(repr=False)
    build_tracker: Any = field(repr=False)
    trim: Any = field(default=_as_they_are, repr=False)
    detections: type[Detections] = Detections
    decodes_with: Any = field(default=_no_names, repr=False)
    remember: Any = field(default=_nothing, repr=False)
    rehearse: Any = field(default=_nothing, repr=False)
    rehearse_training: Any = field(default=_nothing, repr=False)
    uses_depth: Any = field(default=_always, repr=False)


def count_parameters(network: nn.Module) -> int:
    """Number of trainable scalars."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def to_float(images: Tensor, *, channels_last: bool = True) -> Tensor:
    """(N, 3, H, W) uint8 -> float32 in [0, 1]; no mean or deviation is subtracted (FairMOT's convention)."""
    import torch

    floats = images.to(torch.float32).div_(255.0)
    return floats.contiguous(memory_format=torch.channels_last) if channels_last else floats
