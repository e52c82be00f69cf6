"""Depth by any Hugging Face depth-estimation model (Depth Anything, DPT, GLPN, ...), named or in a local folder.

`transformers` is optional: it is imported when this backend is chosen. Images go through the model's own processor (its PIL variant: the
other needs torchvision, and two machines should agree).
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from models.depth import FrameDepth, Labels, object_depths
from models.depth.folders import Folder
from pipeline.depthmap import LARGEST_CODE, map_size
from pipeline.errors import UserError
from pipeline.frames import Frame, decode_jpeg, frame_facts, read_frames
from pipeline.params import LabelDepth

FARTHEST = 100.0  # inverse teachers: the horizon lies this many times as far as the nearest pixel
_COLUMNS = ["dataset", "sequence", "frame", "width", "height", "image", "boxes"]


@dataclass(frozen=True)
class DepthModel:
    """The backend.

    Attributes:
        model: name on the hub, or a local folder.
        size: longest side of the maps, pixels.
        batch_size: images a forward pass.
        inverse: the model says 1 / depth (up to a factor), as Depth Anything's relative models do.
    """

    model: str
    size: int
    batch_size: int
    inverse: bool

    def label(self, frames: Path) -> Labels:
        """Run the model over one frame file; the maps of a video share one scale, each still has its own.

        Raises:
            UserError: the model cannot be loaded, or an image not be decoded.
        """
        still = frame_facts(frames)["kind"] == "stills"
        return Labels(self._stills(frames) if still else self._video(frames), {"model": self.model})

    def _stills(self, frames: Path) -> Iterator[FrameDepth]:
        for row, raw in self._outputs(frames):
            yield self._finish(row, raw, float(raw.max()))

    def _video(self, frames: Path) -> Iterator[FrameDepth]:
        """Two passes, raw maps waiting on disk between them: the largest output of the whole video sets its scale."""
        rows: list[Frame] = []
        with tempfile.TemporaryFile() as spool:
            largest = 0.0
            for row, raw in self._outputs(frames):
                rows.append(row)
                spool.write(raw.tobytes())
                largest = max(largest, float(raw.max()))
            spool.seek(0)
            for row in rows:
                columns, lines = map_size(row.width, row.height, self.size)
                raw = np.frombuffer(spool.read(4 * columns * lines), np.float32).reshape(lines, columns)
                yield self._finish(row, raw, largest)

    def _finish(self, row: Frame, raw: NDArray[np.float32], largest: float) -> FrameDepth:
        if largest <= 0:
            return FrameDepth(np.zeros_like(raw), np.zeros(len(row.objects), np.float32), 1.0)
        depth = invert(raw, largest) if self.inverse else np.maximum(raw, 0)
        scale = (FARTHEST if self.inverse else largest) / LARGEST_CODE
        return FrameDepth(depth, object_depths(depth, row.objects.boxes, row.width, row.height), scale)

    def _outputs(self, frames: Path) -> Iterator[tuple[Frame, NDArray[np.float32]]]:
        """Each row (without its image) and the model's map of it, (h, w) float32 at map size."""
        batch: list[Frame] = []
        for row in read_frames(frames, _COLUMNS):
            # images of one batch must have one shape; in a video all do
            if batch and (len(batch) == self.batch_size or (row.width, row.height) != (batch[0].width, batch[0].height)):
                yield from self._forward(batch, frames)
                batch = []
            batch.append(row)
        if batch:
            yield from self._forward(batch, frames)

    def _forward(self, batch: list[Frame], frames: Path) -> Iterator[tuple[Frame, NDArray[np.float32]]]:
        images = [decode_jpeg(row.image, f"{frames}: frame {row.frame}") for row in batch]
        for row, raw in zip(batch, predict(self.model, images), strict=True):
            size = map_size(row.width, row.height, self.size)
            yield _without_image(row), cv2.resize(raw, size, interpolation=cv2.INTER_AREA).astype(np.float32)


def build(params: LabelDepth, folders: dict[str, Folder]) -> DepthModel:
    """Make the backend from its parameters.

    Raises:
        UserError: `transformers` is not installed, or no model is named.
    """
    _library()
    if not params.model:
        raise UserError(
            "label_depth.model: empty; name a model or a local folder\nnext: for example depth-anything/Depth-Anything-V2-Small-hf"
        )
    return DepthModel(model=params.model, size=params.map_size, batch_size=params.batch_size, inverse=params.inverse)


def invert(raw: NDArray[np.float32], largest: float) -> NDArray[np.float32]:
    """Inverse depth to depth: the largest output becomes 1, outputs near or below 0 become FARTHEST."""
    return np.asarray(1 / np.maximum(raw / np.float32(largest), np.float32(1 / FARTHEST)), np.float32)


def predict(model: str, images: list[NDArray[np.uint8]]) -> list[NDArray[np.float32]]:
    """What the model says of images of one shape, at its own resolution: (h, w) float32 each."""
    processor, network = loaded(model)
    pixels = processor(images=images, return_tensors="pt")["pixel_values"].to(device())
    with torch.inference_mode():  # in full precision: labels are made once, and half of it would leave 8 bits of 16
        output = network(pixel_values=pixels).predicted_depth
    maps = output.float().reshape(len(images), *output.shape[-2:]).cpu().numpy()
    return [np.nan_to_num(item, nan=0.0, posinf=0.0, neginf=0.0) for item in maps]


@functools.lru_cache(maxsize=1)
def loaded(model: str) -> tuple[Any, Any]:
    """Processor and network, on the device, kept for the next sequence of this process.

    Raises:
        UserError: it cannot be found or is no depth-estimation model.
    """
    library = _library()
    try:
        processor = library.AutoImageProcessor.from_pretrained(model, backend="pil")
        network = library.AutoModelForDepthEstimation.from_pretrained(model)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"label_depth.model: {model} cannot be loaded ({reason})\n"
            "next: name a depth-estimation model, or a folder that holds one with its image processor"
        ) from None
    return processor, network.eval().to(device())


def device() -> torch.device:
    """The GPU that Ray gave this process, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _library() -> Any:
    try:
        import transformers
    except ImportError:
        raise UserError(
            "label_depth.backend: transformers is not installed\nnext: pip install transformers, or set the backend to ground_plane"
        ) from None
    return transformers


def _without_image(row: Frame) -> Frame:
    return Frame(row.dataset, row.sequence, row.frame, row.time, row.width, row.height, objects=row.objects)
