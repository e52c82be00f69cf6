"""Depth by Video Depth Anything (arXiv 2501.12375), whose published checkpoints are files of one state dict.

`label_depth.model` names the file (video_depth_anything_vits.pth and the like, or the same tensors as safetensors); the metric checkpoints
have the same layout and need `inverse: false`. The network sees a window of frames at once. As published, a window begins with ten frames
seen before: the first of all, one of the middle of the window before, and its last eight.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from models.teachers.video_depth_anything.motion import FRAMES
from models.teachers.video_depth_anything.network import VARIANTS, VideoDepth
from models.teachers.video_depth_anything.pixels import normalised
from pipeline.artifacts.store import Place
from pipeline.errors import UserError
from pipeline.files import model_folder
from pipeline.files.frames import Frame, frame_facts
from pipeline.files.model_folder import LoadReport
from pipeline.labelling import sequences
from pipeline.labelling.alignment import Map
from pipeline.labelling.backend import Clock, Labels
from pipeline.labelling.batches import Passes, once
from pipeline.labelling.folders import Folder
from pipeline.labelling.prefetch import ahead
from pipeline.labelling.sequences import device
from pipeline.labelling.windows import Drift, Plan, joined
from pipeline.params.sections.data import LabelDepth

KEYS = 2  # older frames in the overlap
REPORT = "checkpoint.txt"


class Prepared(NamedTuple):
    """A frame for the network.

    Attributes:
        row: of the frame file, without image and objects.
        pixels: (3, H, W) float32, normalised.
    """

    row: Frame
    pixels: torch.Tensor


@dataclass(frozen=True)
class VideoModel:
    """The backend.

    Attributes:
        model: path of the checkpoint.
        encoder: key of `VARIANTS`.
        min_loaded: least share of the network's tensors that the checkpoint must fill.
        size: longest side of the maps, pixels.
        input_size: shorter side of what the network sees, pixels.
        batch_size: frames that pass the encoder at once, fewer where memory does not hold them.
        inverse: whether the network predicts 1 / depth.
        plan: windows in which the maps of a video are brought to one scale and shift.
        decode_ahead: frames that are decoded before the network needs them.
    """

    model: str
    encoder: str
    min_loaded: float
    size: int
    input_size: int
    batch_size: int
    inverse: bool
    plan: Plan
    decode_ahead: int

    def pictures(self, frames: Place) -> list[Place]:
        """It reads no depth pictures: an empty list."""
        return []

    def check(self) -> dict[str, str]:
        """Compare the checkpoint with the network; the report names every tensor.

        Raises:
            UserError: the checkpoint cannot be read, or fills too little of the network.
        """
        with torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns that nothing is copied to the meta device; only names and shapes matter here
            return {REPORT: described(model_folder.load(VideoDepth(VARIANTS[self.encoder]), Path(self.model), self.min_loaded))}

    def label(self, frames: Place) -> Labels:
        """Run the network over one frame file; the maps of a video share one scale, each still is a window of its own.

        Raises:
            UserError: the checkpoint cannot be loaded, or an image not be decoded.
        """
        facts, clock, ending = {"model": Path(self.model).name, "encoder": self.encoder}, Clock(), dict[str, Any]()
        still = frame_facts(frames)["kind"] == "stills"
        network, passes = loaded(self.model, self.encoder, self.min_loaded, self.batch_size)
        items = ahead(self._prepared(frames, still=still), self.decode_ahead)
        if still:
            maps = (self._look(network, passes, [item], clock)[0] for item in items)
            return Labels(sequences.stills(frames, maps, inverse=self.inverse), facts, clock=clock)
        drift = Drift()
        alike = (item for _, item in joined(items, lambda window: self._look(network, passes, window, clock), self.plan, drift))
        return Labels(sequences.video(frames, alike, inverse=self.inverse, drift=drift, ending=ending), facts, ending, clock)

    def _prepared(self, frames: Place, *, still: bool) -> Iterator[Prepared]:
        for row, image in sequences.images(frames, still=still):
            yield Prepared(row, torch.from_numpy(normalised(image, self.input_size)))

    def _look(self, network: VideoDepth, passes: Passes, window: list[Prepared], clock: Clock) -> list[Map]:
        """Maps of a window at map size; a short one is filled up with its last frame, as the network was published to be used."""
        short = self.plan.window - len(window) if len(window) > 1 else 0
        pixels = torch.stack([item.pixels for item in window + window[-1:] * short])
        raw = passes.run(lambda size: forward(network, pixels, size), clock)[: len(window)]
        return [sequences.shrunk(item, prepared.row, self.size) for item, prepared in zip(raw, window, strict=True)]


def build(params: LabelDepth, folders: dict[str, Folder]) -> VideoModel:
    """Make the backend from its parameters.

    Raises:
        UserError: windows are longer than the network knows, or their overlap too short for its older frames.
    """
    if params.window > FRAMES or params.overlap <= KEYS:
        raise UserError(
            f"label_depth: window {params.window} and overlap {params.overlap}; video_depth_anything needs a window of at most {FRAMES} "
            f"and an overlap above {KEYS}\nnext: the published network was trained with window 32 and overlap 10"
        )
    return VideoModel(
        model=params.model,
        encoder=params.encoder,
        min_loaded=params.min_loaded,
        size=params.map_size,
        input_size=params.input_size,
        batch_size=params.batch_size,
        inverse=params.inverse,
        plan=Plan(params.window, params.overlap, KEYS),
        decode_ahead=params.decode_ahead,
    )


def forward(network: VideoDepth, pixels: torch.Tensor, size: int) -> Map:
    """The network's maps of a window, (T, H, W) float32, from pixels (T, 3, H, W); `size` frames pass the encoder at once."""
    with torch.inference_mode():
        return np.asarray(network(pixels.to(device()), size).cpu().numpy())


@once
def loaded(model: str, encoder: str, min_loaded: float, batch_size: int) -> tuple[VideoDepth, Passes]:
    """The network, on the device, and its passes, kept for the next sequence of this process.

    Tensors that the checkpoint lacks are random, from a fixed seed.

    Raises:
        UserError: the checkpoint cannot be read or fills too little of the network, as `model_folder.load` says.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = VideoDepth(VARIANTS[encoder])
    model_folder.load(network, Path(model), min_loaded)
    return network.eval().to(device()), Passes(batch_size)


def described(report: LoadReport) -> str:
    """One line per tensor: what became of it, its name, and the shapes where they differ."""
    lines = [f"loaded      {name}" for name in report.loaded] + [f"missing     {name}" for name in report.missing]
    lines += [f"mismatched  {name}: {list(ours)} here, {list(theirs)} in the file" for name, ours, theirs in report.mismatched]
    lines += [f"unexpected  {name}" for name in report.unexpected]
    return "\n".join([str(report).splitlines()[0], *lines]) + "\n"
