"""Depth by any Hugging Face depth-estimation model (Depth Anything, DPT, GLPN, ...), named or in a local folder.

`transformers` is optional: it is imported when this backend is chosen. Images go through the model's own processor (its PIL variant: the
other needs torchvision, and two machines should agree). The model sees one image at a time; `alignment.level` and `windows.joined` make the
maps of a video agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.artifacts.store import Place
from pipeline.errors import UserError
from pipeline.files.frames import Frame, frame_facts
from pipeline.labelling import sequences
from pipeline.labelling.alignment import Map, level
from pipeline.labelling.backend import Clock, Labels
from pipeline.labelling.batches import Passes, once
from pipeline.labelling.folders import Folder
from pipeline.labelling.prefetch import ahead
from pipeline.labelling.sequences import device
from pipeline.labelling.windows import Drift, Plan, joined
from pipeline.params.sections.data import LabelDepth


@dataclass(frozen=True)
class DepthModel:
    """The backend.

    Attributes:
        model: name on the hub, or a local folder.
        size: longest side of the maps, pixels.
        batch_size: images per forward pass, fewer where memory does not hold them.
        inverse: whether the model predicts 1 / depth (up to a factor), as Depth Anything's relative models do.
        plan: windows in which the maps of a video are brought to one scale and shift.
        decode_ahead: frames that are decoded before the model needs them, in whole batches, at least one.
    """

    model: str
    size: int
    batch_size: int
    inverse: bool
    plan: Plan
    decode_ahead: int

    def pictures(self, frames: Place) -> list[Place]:
        """It reads no depth pictures: an empty list."""
        return []

    def check(self) -> dict[str, str]:
        """There is nothing to report, an empty dict; what `build` checks is enough."""
        return {}

    def label(self, frames: Place) -> Labels:
        """Run the model over one frame file; the maps of a video share one scale, each still has its own.

        Raises:
            UserError: the model cannot be loaded, or an image not be decoded.
        """
        facts, clock, ending = {"model": self.model}, Clock(), dict[str, Any]()
        still = frame_facts(frames)["kind"] == "stills"
        maps = self._maps(frames, clock, still=still)
        if still:
            return Labels(sequences.stills(frames, maps, inverse=self.inverse), facts, clock=clock)
        drift = Drift()
        alike = (item for _, item in joined(maps, level, self.plan, drift))
        return Labels(sequences.video(frames, alike, inverse=self.inverse, drift=drift, ending=ending), facts, ending, clock)

    def _maps(self, frames: Place, clock: Clock, *, still: bool) -> Iterator[Map]:
        """The model's map of each row, (h, w) float32 at map size."""
        processor, network, passes = loaded(self.model, self.batch_size)
        prepared = ((batch, prepare(processor, images)) for batch, images in self._batches(frames, still=still))
        for batch, pixels in ahead(prepared, self.decode_ahead // self.batch_size):
            raw = passes.run(lambda size, pixels=pixels: np.concatenate([forward(network, part) for part in pixels.split(size)]), clock)
            for row, item in zip(batch, raw, strict=True):
                yield sequences.shrunk(item, row, self.size)

    def _batches(self, frames: Place, *, still: bool) -> Iterator[tuple[list[Frame], list[NDArray[np.uint8]]]]:
        """Rows and images, one batch at a time; all images of a batch have one shape."""
        rows: list[Frame] = []
        images: list[NDArray[np.uint8]] = []
        for row, image in sequences.images(frames, still=still):
            if rows and (len(rows) == self.batch_size or image.shape != images[0].shape):
                yield rows, images
                rows, images = [], []
            rows.append(row)
            images.append(image)
        if rows:
            yield rows, images


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
    return DepthModel(
        model=params.model,
        size=params.map_size,
        batch_size=params.batch_size,
        inverse=params.inverse,
        plan=Plan(params.window, params.overlap),
        decode_ahead=params.decode_ahead,
    )


def prepare(processor: Any, images: list[NDArray[np.uint8]]) -> torch.Tensor:
    """Images of one shape, (H, W, 3) uint8, as the model's input."""
    pixels: torch.Tensor = processor(images=images, return_tensors="pt")["pixel_values"]
    return pixels


def forward(network: Any, pixels: torch.Tensor) -> Map:
    """The model's maps of a batch, at its own resolution: (B, h, w) float32."""
    with torch.inference_mode():  # in full precision: labels are made once, and half precision would leave 8 of the 16 bits of a label
        output = network(pixel_values=pixels.to(device())).predicted_depth
    return np.asarray(output.float().reshape(len(pixels), *output.shape[-2:]).cpu().numpy())


@once
def loaded(model: str, batch_size: int) -> tuple[Any, Any, Passes]:
    """Processor, network on the device, and its passes, kept for the next sequence of this process.

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
    return processor, network.eval().to(device()), Passes(batch_size)


def _library() -> Any:
    try:
        import transformers
    except ImportError:
        raise UserError(
            "label_depth.backend: transformers is not installed\nnext: pip install transformers, or set the backend to ground_plane"
        ) from None
    return transformers
