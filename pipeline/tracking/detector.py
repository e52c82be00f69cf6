"""From pictures to tracks: letterbox, network in batches, decode, tracker frame by frame, and where the time went.

Three batches are in work at a time: one is read and letterboxed in a thread, in another the network looks at the one before, and whoever
asked tracks and writes the one before that. Nothing here knows a model by name.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Literal, NamedTuple, TypeVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel
from torch import Tensor, nn

from pipeline.artifacts.publication import file_digest
from pipeline.artifacts.store import Place
from pipeline.contract.clips import to_float
from pipeline.contract.detections import Detections, NotFiniteError
from pipeline.contract.spec import ModelSpec
from pipeline.contract.tracks import Tracks
from pipeline.errors import UserError
from pipeline.files import model_folder
from pipeline.files.appearance import LearntFrom
from pipeline.numerics.precision import resolved
from pipeline.params.classes import PEDESTRIANS
from pipeline.params.sections.common import Precision
from pipeline.tracking.asked import part_of
from pipeline.tracking.association import LEAST_SCORE, Follower
from pipeline.tracking.external_boxes import Given

BORDER = 127  # grey beside the picture, as in training
DIVERGED = "are NaN or infinite: the network has diverged\nnext: train it again with a lower lr, or track with other weights (track.model)"

Batch = TypeVar("Batch")


class Letterbox(NamedTuple):
    """How a picture lies in the network input: input = picture * scale + (left, top), in pixels."""

    scale: float
    left: float
    top: float

    def to_input(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, 4) xyxy picture pixels to network input pixels; the way back is `Detections.moved`."""
        shift = np.array([self.left, self.top, self.left, self.top], np.float32)
        return (boxes * np.float32(self.scale) + shift).astype(np.float32)


@dataclass(frozen=True)
class Picture:
    """One frame to look at.

    Attributes:
        frame: number from 1; later pictures have higher ones, gaps are possible.
        image: (H, W, 3) uint8, RGB.
        boxes: (N, 4) float32, xyxy pixels: where to read embeddings besides the detections (ground truth, for scoring them).
        classes: (N,) int64, index into `pack_samples.classes` of each of these boxes; None: all are of the only class.
        public: (P, 4) float32, xyxy pixels of a public detector, or None for private detections.
        given: boxes in the place of the network's own, for all pictures of a sequence or for none.
        step: of the tracker at which the picture comes (`FrameClock`), where frames come at a varying rate; None: at its number.
    """

    frame: int
    image: NDArray[np.uint8]
    boxes: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    public: NDArray[np.float32] | None = None
    given: Given | None = None
    classes: NDArray[np.int64] | None = None
    step: int | None = None

    @property
    def due(self) -> int:
        """The tracker's step at which the picture comes."""
        return self.frame if self.step is None else self.step


class Seen(NamedTuple):
    """The output of the network for one picture.

    Attributes:
        picture: that it saw.
        detections: in the picture's pixels.
        embeddings: (N, D) float32, at the picture's `boxes`.
        masks: (N, K, h, w) float32, `Detections.part_masks` at the picture's `boxes`; None for a system without.
    """

    picture: Picture
    detections: Detections
    embeddings: NDArray[np.float32]
    masks: NDArray[np.float32] | None


class Tracked(NamedTuple):
    """A picture with the network's output (as in `Seen`), the tracker's output, and the tracker's counts so far."""

    picture: Picture
    detections: Detections
    embeddings: NDArray[np.float32]
    tracks: Tracks
    counts: dict[str, int]
    masks: NDArray[np.float32] | None = None


class Stopwatch:
    """Seconds spent by name. The parts run beside each other, so they may sum to more than the whole."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {"prepare": 0.0, "network": 0.0, "association": 0.0}

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Add the block's wall time to `name`."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - begun


@dataclass(frozen=True)
class Detector:
    """A trained network with all that looking at a picture needs.

    Attributes:
        spec: the model's contract.
        options: its checked options.
        network: in evaluation mode on `device`.
        width: of the network input, pixels.
        height: of the network input, pixels.
        device: on which the network is.
        precision: of the network (autocast); detections are float32.
        classes: names of what it learnt.
        asked: the part of the network that trackers ask; None for those that ask nothing.
        weights: SHA-256 of the network's file; empty for one that was never published.
        seen: what it learnt from, where its card says so.
    """

    spec: ModelSpec
    options: BaseModel
    network: nn.Module
    width: int
    height: int
    device: torch.device
    precision: Literal["float32", "bfloat16"] = "float32"
    classes: tuple[str, ...] = PEDESTRIANS
    asked: nn.Module | None = None
    weights: str = ""
    seen: LearntFrom | None = None

    def images(self, canvases: list[NDArray[np.uint8]]) -> Tensor:
        """(B, 3, H, W) float in [0, 1] on the device, of letterboxed pictures."""
        return to_float(torch.from_numpy(np.stack(canvases)).to(self.device, non_blocking=True).permute(0, 3, 1, 2))

    def outputs(self, canvases: list[NDArray[np.uint8]], memory: Tensor | None = None) -> Any:
        """Run the network on letterboxed pictures; its NamedTuple of (B, ...) tensors, of its precision: only what is read is converted.

        Args:
            canvases: (H, W, 3) each.
            memory: (B, ...), what `Detection.remember` kept of the pictures before these.
        """
        inputs = (self.images(canvases),) if memory is None else (self.images(canvases), memory)
        with torch.inference_mode(), torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"):
            return self.network(*inputs)

    def look(
        self,
        canvases: list[NDArray[np.uint8]],
        boxes: list[Given],
        given: list[Given] | None = None,
        memory: Tensor | None = None,
    ) -> tuple[Sequence[Detections], Sequence[Detections]]:
        """Run the network on letterboxed pictures and read its output; all boxes are in network input pixels.

        The first result holds the detections of each canvas: the network's own, or its description of `given` boxes where there are any.
        The second holds its description of each canvas's `boxes`.

        `memory` is as `outputs` takes it.
        """
        outputs, part = self.outputs(canvases, memory), self.spec.detection
        with torch.inference_mode():
            if given is None:
                assert part.decode is not None, "who detects nothing is given boxes (`plan.check_detections`)"
                found = part.decode(self.network, outputs, self.options)
            else:
                found = part.describe(self.network, outputs, *_columns(given), self.options)
            if not any(len(item.boxes) for item in boxes):
                return found, [item.above(np.inf) for item in found]
            return found, part.describe(self.network, outputs, *_columns(boxes), self.options)


def load_detector(spec: ModelSpec, options: BaseModel, folder: Place, precision: Precision = "auto") -> Detector:
    """Build a network and fill it with the weights of a published model folder; on a GPU where this process has one.

    Args:
        spec: the model of the folder's card.
        options: its checked options.
        folder: holds weights.safetensors and model.json.
        precision: of the network; auto: bfloat16 where the device multiplies it natively.

    Raises:
        UserError: the folder holds no model, or one of another architecture.
    """
    card = model_folder.load_model(folder)
    network: nn.Module = spec.build_network(options)
    model_folder.load(network, folder / model_folder.WEIGHTS)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    ready = network.to(device=device, memory_format=torch.channels_last).eval().requires_grad_(False)  # type: ignore[call-overload]
    exact, weights = resolved(precision, device.type == "cuda"), file_digest(folder / model_folder.WEIGHTS)
    asked = part_of(ready, spec, options)
    return Detector(spec, options, ready, card.width, card.height, device, exact, card.classes, asked, weights, card.seen)


def letterbox(image: NDArray[np.uint8], width: int, height: int) -> tuple[NDArray[np.uint8], Letterbox]:
    """Fit an (H, W, 3) picture into the network input: aspect kept, centred, grey border.

    The map between the two is exact for every pixel: after shrinking to whole pixels (area averages, no aliasing), what rounding
    left over is corrected by the same warp that centres the picture, as training does.
    """
    rows, columns = image.shape[:2]
    scale = min(width / columns, height / rows)
    box = Letterbox(scale, (width - scale * columns) / 2, (height - scale * rows) / 2)
    size = max(1, round(columns * scale)), max(1, round(rows * scale))
    if scale < 1:
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    x, y = columns * scale / image.shape[1], rows * scale / image.shape[0]
    # OpenCV puts the centre of pixel i at i, not at i + 1/2
    matrix = np.array([[x, 0, box.left + (x - 1) / 2], [0, y, box.top + (y - 1) / 2]])
    grey = (BORDER, BORDER, BORDER)
    canvas = cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=grey)
    return canvas, box  # type: ignore[return-value]


def detect(pictures: Iterable[Picture], detector: Detector, batch_size: int, watch: Stopwatch) -> Iterator[Seen]:
    """Run the network on one sequence's pictures in order, some batches ahead of the caller.

    A network that looks back sees one picture at a time, with its memory of the one before, however many frames lie between them.
    """
    for batch in _ahead(_looks(pictures, detector, batch_size, watch), "network"):
        yield from batch


def track(pictures: Iterable[Picture], detector: Detector, batch_size: int, frame_rate: float, watch: Stopwatch) -> Iterator[Tracked]:
    """Track through one sequence's pictures in time order; they have one size and `frame_rate` frames per second.

    The tracker sees, and `Tracked` holds, the detections that `LEAST_SCORE` leaves. Absent frame numbers are the follower's business.
    """
    association: _Association | None = None
    for seen in detect(pictures, detector, batch_size, watch):
        with watch.measure("association"):
            association = association or _Association(detector, frame_rate, seen.picture)
            tracked = association.step(seen)
        yield tracked


class LiveTracking:
    """`track` for whoever has one picture at a time: each is looked at alone and answered at once, to the same tracks.

    Args:
        detector: the model.
        frame_rate: frames per second.
    """

    def __init__(self, detector: Detector, frame_rate: float) -> None:
        self._detector, self._frame_rate = detector, frame_rate
        self._look = _Look(detector)
        self._association: _Association | None = None

    def step(self, picture: Picture) -> Tracked:
        """Advance to a picture, of the size of those before and with a higher number."""
        [seen] = self._look([_prepared(picture, self._detector)])
        self._association = self._association or _Association(self._detector, self._frame_rate, picture)
        return self._association.step(seen)


class _Association:
    """A follower behind the network; pictures of one size, the first of which is given."""

    def __init__(self, detector: Detector, frame_rate: float, first: Picture) -> None:
        rows, columns = first.image.shape[:2]
        self._follower = Follower(detector.spec, detector.options, frame_rate, columns, rows, detector.asked)

    def step(self, seen: Seen) -> Tracked:
        picture, detections = seen.picture, seen.detections.above(LEAST_SCORE)
        tracks = self._follower.step(picture.due, detections, picture.public)
        return Tracked(picture, detections, seen.embeddings, tracks, self._follower.counts, seen.masks)


def _looks(pictures: Iterable[Picture], detector: Detector, batch_size: int, watch: Stopwatch) -> Iterator[list[Seen]]:
    """Batch by batch what the network says."""
    look = _Look(detector)
    # On a CPU a batch is no faster than its pictures one by one, and rounds otherwise: alone each gives what `LiveTracking` gives.
    alone = look.looks_back or detector.device.type == "cpu"
    for batch in _ahead(_batches(pictures, detector, 1 if alone else batch_size, watch), "prepare"):
        with watch.measure("network"):
            seen = look(batch)
        yield seen


class _Look:
    """What the network says of one batch after the other; one that looks back takes a picture at a time and keeps its memory here."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._memory: Tensor | None = None
        self._remember = detector.spec.detection.remember(detector.options)

    @property
    def looks_back(self) -> bool:
        return self._remember is not None

    def __call__(self, batch: list[_Prepared]) -> list[Seen]:
        boxes, canvases = [_truth(item) for item in batch], [item.canvas for item in batch]
        try:
            found, told = self._detector.look(canvases, boxes, _given(batch), self._memory)
        except NotFiniteError as error:
            raise UserError(f"frame {batch[error.image].picture.frame}: {error.what} {DIVERGED}") from error
        if self._remember is not None:
            self._memory = self._remember(self._detector.images(canvases), found[0])
        return [_seen(*one) for one in zip(batch, found, told, strict=True)]


def _seen(item: _Prepared, detections: Detections, told: Detections) -> Seen:
    """Detections in picture pixels; given boxes are kept to the last bit."""
    seen, given = detections.moved(*item.box), item.picture.given
    return Seen(item.picture, seen if given is None else replace(seen, boxes=given.boxes), told.embeddings, told.part_masks)


class _Prepared(NamedTuple):
    picture: Picture
    canvas: NDArray[np.uint8]
    box: Letterbox


def _prepared(picture: Picture, detector: Detector) -> _Prepared:
    return _Prepared(picture, *letterbox(picture.image, detector.width, detector.height))


def _truth(item: _Prepared) -> Given:
    """The boxes besides the detections, in network input pixels."""
    boxes = item.box.to_input(item.picture.boxes)
    return Given(boxes, np.ones(len(boxes), np.float32), item.picture.classes)


def _given(batch: list[_Prepared]) -> list[Given] | None:
    """The given boxes in network input pixels, where there are any."""
    given = [(item, item.picture.given) for item in batch if item.picture.given is not None]
    return [boxes._replace(boxes=item.box.to_input(boxes.boxes)) for item, boxes in given] or None


def _columns(given: Sequence[Given]) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]], list[NDArray[np.int64]]]:
    """Boxes, scores and classes of several images."""
    return [item.boxes for item in given], [item.scores for item in given], [item.kinds for item in given]


def _batches(pictures: Iterable[Picture], detector: Detector, batch_size: int, watch: Stopwatch) -> Iterator[list[_Prepared]]:
    source = iter(pictures)
    while True:
        with watch.measure("prepare"):
            taken = islice(source, batch_size)
            batch = [_prepared(picture, detector) for picture in taken]
        if not batch:
            return
        yield batch


def _ahead(batches: Iterator[Batch], name: str) -> Iterator[Batch]:
    """The same batches, each made in a thread of that name while the one before is in use."""
    with ThreadPoolExecutor(1, name) as thread:
        waiting: Future[Batch | None] = thread.submit(next, batches, None)
        while (batch := waiting.result()) is not None:
            waiting = thread.submit(next, batches, None)
            yield batch
