"""What all teacher networks share: frames in, decoded ahead; a teacher's maps out, as depth of one scale per sequence."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.artifacts.store import Place
from pipeline.errors import UserError
from pipeline.files.depth_codec import LARGEST_CODE, map_size
from pipeline.files.frames import Frame, decode_jpeg, read_frames
from pipeline.labelling.alignment import Map
from pipeline.labelling.backend import FrameDepth, object_depths
from pipeline.labelling.windows import Drift

FARTHEST = 100.0  # inverse teachers: the horizon lies this many times as far as the nearest pixel
_IMAGES = ["dataset", "sequence", "frame", "width", "height", "image"]
_BOXES = ["dataset", "sequence", "frame", "width", "height", "boxes"]
_PIXEL = np.dtype(np.float32)


def images(frames: Place, *, still: bool) -> Iterator[tuple[Frame, NDArray[np.uint8]]]:
    """Rows of a frame file (without their JPEG bytes) and their images, (H, W, 3) uint8.

    Raises:
        UserError: an image cannot be decoded, or the frames of a video differ in size.
    """
    size = None
    for row in read_frames(frames, _IMAGES):
        size = size or (row.width, row.height)
        if not still and size != (row.width, row.height):
            raise UserError(
                f"{frames}: frame {row.frame} is {row.width}x{row.height}, those before are {size[0]}x{size[1]}\n"
                "next: a teacher needs one size a video; split the sequence there"
            )
        yield replace(row, image=b""), decode_jpeg(row.image, f"{frames}: frame {row.frame}")


def shrunk(raw: Map, row: Frame, longest: int) -> Map:
    """A teacher's (h, w) float32 map, resized so that its longer side has `longest` pixels.

    Each pixel is the average of what it covers; what is not finite becomes 0 first.
    """
    finite = np.nan_to_num(raw, nan=0.0, posinf=0.0, neginf=0.0)
    return np.asarray(cv2.resize(finite, map_size(row.width, row.height, longest), interpolation=cv2.INTER_AREA), np.float32)


def stills(frames: Place, maps: Iterable[Map], *, inverse: bool) -> Iterator[FrameDepth]:
    """Labels of stills from a teacher's maps, (h, w) float32 each; every still is a scene of its own, with its own scale."""
    for row, raw in zip(read_frames(frames, _BOXES), maps, strict=True):
        yield _finish(row, raw, float(raw.max()), inverse=inverse)


def video(frames: Place, maps: Iterable[Map], *, inverse: bool, drift: Drift, ending: dict[str, Any]) -> Iterator[FrameDepth]:
    """Labels of a video, all in one scale: the largest output of the whole of it, known only at its end.

    So maps wait on disk, not in memory, for a second pass.

    Args:
        frames: the frame file.
        maps: the teacher's, (h, w) float32 at map size, one a row.
        inverse: they say 1 / depth.
        drift: what was aligned while the maps were made.
        ending: gets `scale` (the output that is depth 1 where `inverse`, else the largest), and what `drift` counted.
    """
    with tempfile.TemporaryFile() as spool:
        largest, shape = 0.0, (0, 0)
        for raw in maps:
            spool.write(raw.astype(_PIXEL).tobytes())
            largest, shape = max(largest, float(raw.max())), raw.shape
        ending |= {"scale": largest} | drift.facts()
        spool.seek(0)
        for row in read_frames(frames, _BOXES):
            raw = np.frombuffer(spool.read(_PIXEL.itemsize * shape[0] * shape[1]), _PIXEL).reshape(shape)
            yield _finish(row, raw, largest, inverse=inverse)


def _finish(row: Frame, raw: Map, largest: float, *, inverse: bool) -> FrameDepth:
    if largest <= 0:
        return FrameDepth(np.zeros_like(raw), np.zeros(len(row.objects), np.float32), 1.0)
    depth = invert(raw, largest) if inverse else np.maximum(raw, 0)
    scale = (FARTHEST if inverse else largest) / LARGEST_CODE
    return FrameDepth(depth, object_depths(depth, row.objects.boxes, row.width, row.height), scale)


def invert(raw: Map, largest: float) -> Map:
    """(h, w) inverse depth to (h, w) float32 depth: the output `largest` becomes 1, outputs near or below 0 become FARTHEST."""
    return np.asarray(1 / np.maximum(raw / np.float32(largest), np.float32(1 / FARTHEST)), np.float32)


def device() -> torch.device:
    """The GPU that Ray gave this process, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
