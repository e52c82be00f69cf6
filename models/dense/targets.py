"""Training targets of detectors of centre points, made in loader processes with numpy: heat maps and what to regress at their peaks.

All arrays have a shape that depends only on the options and the image size,
so that samples stack; `trim` then cuts off slots that a whole batch leaves empty. With h = H/4, w = W/4, K = max_objects, F frames:

    heatmap (F, 1, h, w) float32            1 at object centres, Gaussian around them
    background (F, 1, h, w) bool            False inside ignored boxes, where nothing is learnt from absence
    object_cells (F, K) int64               flat cell of each object's centre; objects come first, padding is 0
    object_valid (F, K) bool
    object_identities (F, K) int64          the person's number, -1 unknown and padding            (if asked for)
    size (F, K, 4) float32                  distances from centre to left, top, right, bottom, in map cells
    offset (F, K, 2) float32                centre minus its cell, in map cells
    occlusion (F, 1, h, w) float32          as heatmap, of occlusion centres                       (with the occlusion heads)
    occlusion_cells (F, 4K) int64, occlusion_valid (F, 4K) bool, occlusion_offset (F, 4K, 2)       (with the occlusion heads)
    depth (F, H/8, W/8) float32             depth label, 0 unknown                                 (with the depth head)
    foreground (F, H/8, W/8) bool           inside a box                                           (with the depth head)
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from models.dense.options import DEPTH_STRIDE, STRIDE, CentreOptions
from models.occlusion.labels import occluded_regions
from pipeline.contract.clips import TrainingClip, TrainingFrame

MIN_OVERLAP = 0.7
SLOTS = {  # what says which slots are filled, from the first on -> targets of the same slots
    "object_valid": ("object_cells", "object_identities", "size", "offset", "displacement", "displacement_valid", "boxes"),
    "occlusion_valid": ("occlusion_cells", "occlusion_offset"),
}
Floats = NDArray[np.floating[Any]]


def clip_targets(clip: TrainingClip, options: CentreOptions, *, identities: bool = False) -> dict[str, NDArray[Any]]:
    """Targets of all frames of a clip, stacked along the first axis (see the module's text).

    Args:
        clip: F frames.
        options: of network and loss.
        identities: whether who is who is among the targets.
    """
    frames = [frame_targets(frame, options, identities=identities) for frame in clip.frames]
    return {name: np.stack([frame[name] for frame in frames]) for name in frames[0]}


def trim(targets: dict[str, Tensor]) -> dict[str, Tensor]:
    """Targets of a batch (B, ...) without the slots that none of its frames fills; at least one slot stays."""
    cut = dict(targets)
    for valid, aligned in SLOTS.items():
        if valid in targets:
            used = max(1, int(targets[valid].flatten(0, -2).any(0).sum()))
            axis = targets[valid].ndim - 1
            cut |= {name: targets[name].narrow(axis, 0, used).contiguous() for name in (valid, *aligned) if name in targets}
    return cut


def gaussian_radius(heights: NDArray[Any], widths: NDArray[Any], min_overlap: float = MIN_OVERLAP) -> NDArray[np.float64]:
    """How far a corner may move before the overlap with the box falls below `min_overlap` (CornerNet).

    Reproduces CenterNet's published rule, in which two of the three quadratic roots are divided by 2 instead of 2a, because
    the papers' figures rest on it.

    Args:
        heights: (N,) box heights.
        widths: (N,) box widths.
        min_overlap: intersection over union to keep.

    Returns:
        (N,) radii in the same unit.
    """
    h, w = np.asarray(heights, np.float64), np.asarray(widths, np.float64)
    coefficients = (
        (1.0, h + w, w * h * (1 - min_overlap) / (1 + min_overlap)),
        (4.0, 2 * (h + w), (1 - min_overlap) * w * h),
        (4 * min_overlap, -2 * min_overlap * (h + w), (min_overlap - 1) * w * h),
    )
    return np.min([(b + np.sqrt(b * b - 4 * a * c)) / 2 for a, b, c in coefficients], axis=0)


def frame_targets(frame: TrainingFrame, options: CentreOptions, *, identities: bool = False) -> dict[str, NDArray[Any]]:
    """Targets of one frame, without the first axis."""
    height, width = frame.image.shape[:2]
    boxes = learnt_boxes(frame, options.network.max_objects)
    targets = centre_targets(frame, options.network.max_objects, identities=identities)
    if options.network.occlusion:
        regions = occluded_regions(boxes / STRIDE, options.loss.occlusion_threshold)
        targets |= _occlusion_targets(regions, height // STRIDE, width // STRIDE, 4 * options.network.max_objects)
    if options.network.depth_head:
        targets["depth"] = _depth_target(frame, height // DEPTH_STRIDE, width // DEPTH_STRIDE)
        targets["foreground"] = inside(boxes, DEPTH_STRIDE, height, width)
    return targets


def centre_targets(frame: TrainingFrame, limit: int, *, identities: bool = False) -> dict[str, NDArray[Any]]:
    """What `frame_targets` says of objects alone, without occlusions and depth, with `limit` slots."""
    height, width = frame.image.shape[:2]
    boxes = learnt_boxes(frame, limit)
    targets = _object_targets(boxes / STRIDE, height // STRIDE, width // STRIDE, limit)
    if identities:
        targets["object_identities"] = np.full(limit, -1, np.int64)
        targets["object_identities"][: len(boxes)] = frame.identities[learnt_rows(frame, limit)]
    return targets | {"background": ~inside(frame.boxes[frame.ignore], STRIDE, height, width)[None]}


def learnt_boxes(frame: TrainingFrame, limit: int) -> Floats:
    """Boxes (N, 4) float32, xyxy pixels, of the objects that training uses; see `learnt_rows`."""
    return frame.boxes[learnt_rows(frame, limit)].astype(np.float32)


def learnt_rows(frame: TrainingFrame, limit: int) -> NDArray[np.int64]:
    """Rows (N,) of the boxes that training uses: not ignored, not empty, centre inside the image; the `limit` largest if there are more."""
    height, width = frame.image.shape[:2]
    x, y = frame.boxes[:, 0::2].mean(1), frame.boxes[:, 1::2].mean(1)
    sides = frame.boxes[:, 2:] - frame.boxes[:, :2]
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    rows = np.flatnonzero(inside & ~frame.ignore & (sides > 0).all(1))
    largest = np.argsort(-np.prod(sides[rows], axis=1), kind="stable")[:limit]
    return rows[np.sort(largest)]


def _object_targets(boxes: Floats, height: int, width: int, slots: int) -> dict[str, NDArray[Any]]:
    """Targets of boxes in map cells."""
    heatmap, cells, valid, offset, centres = _points(boxes, height, width, slots)
    size = np.zeros((slots, 4), np.float32)
    size[: len(boxes), :2] = centres - boxes[:, :2]
    size[: len(boxes), 2:] = boxes[:, 2:] - centres
    return {"heatmap": heatmap, "object_cells": cells, "object_valid": valid, "size": size, "offset": offset}


def _occlusion_targets(regions: Floats, height: int, width: int, slots: int) -> dict[str, NDArray[Any]]:
    """Targets of overlaps in map cells, clipped to the map."""
    clipped = np.clip(regions, 0, np.array([width, height, width, height], np.float32))
    clipped = clipped[(clipped[:, 2:] > clipped[:, :2]).all(1)][:slots]
    heatmap, cells, valid, offset, _ = _points(clipped, height, width, slots)
    return {"occlusion": heatmap, "occlusion_cells": cells, "occlusion_valid": valid, "occlusion_offset": offset}


def _points(boxes: Floats, height: int, width: int, slots: int) -> tuple[Floats, NDArray[np.int64], NDArray[np.bool_], Floats, Floats]:
    """Heat map, cells, validity and offsets of the centres of boxes in map cells, and the centres."""
    count = len(boxes)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    # a centre may round up onto the map's far edge in float32
    grid = np.minimum(centres.astype(np.int64), [width - 1, height - 1])
    sides = np.ceil(boxes[:, 2:] - boxes[:, :2])
    radii = np.maximum(gaussian_radius(sides[:, 1], sides[:, 0]).astype(np.int64), 0)
    heatmap = np.zeros((1, height, width), np.float32)
    for (x, y), radius in zip(grid.tolist(), radii.tolist(), strict=True):
        draw(heatmap[0], x, y, radius)
    cells, valid = np.zeros(slots, np.int64), np.zeros(slots, np.bool_)
    offset = np.zeros((slots, 2), np.float32)
    cells[:count] = grid[:, 1] * width + grid[:, 0]
    valid[:count] = True
    offset[:count] = centres - grid
    return heatmap, cells, valid, offset, centres


def draw(heatmap: Floats, x: int, y: int, radius: int) -> None:
    """Raise the map to a Gaussian of the given radius around a cell (Eq. 10)."""
    left, top = max(x - radius, 0), max(y - radius, 0)
    window = heatmap[top : y + radius + 1, left : x + radius + 1]
    kernel = _kernel(radius)[top - y + radius :, left - x + radius :]
    np.maximum(window, kernel[: window.shape[0], : window.shape[1]], out=window)


@lru_cache(maxsize=256)
def _kernel(radius: int) -> Floats:
    """(2r + 1, 2r + 1) Gaussian of sigma (2r + 1) / 6, 1 in the middle."""
    steps = np.arange(-radius, radius + 1)
    sigma = (2 * radius + 1) / 6
    return np.exp(-(steps[:, None] ** 2 + steps**2) / (2 * sigma**2)).astype(np.float32)


def inside(boxes: Floats, stride: int, height: int, width: int) -> NDArray[np.bool_]:
    """(height/stride, width/stride) bool: cells that a box touches.

    Args:
        boxes: (N, 4) xyxy pixels of the image.
        stride: pixels per cell.
        height: of the image in pixels.
        width: of the image in pixels.
    """
    mask = np.zeros((height // stride, width // stride), np.bool_)
    low = np.floor(np.clip(boxes[:, :2], 0, None) / stride).astype(int)
    high = np.ceil(np.clip(boxes[:, 2:], 0, None) / stride).astype(int)
    for (left, top), (right, bottom) in zip(low.tolist(), high.tolist(), strict=True):
        mask[top:bottom, left:right] = True
    return mask


def _depth_target(frame: TrainingFrame, height: int, width: int) -> Floats:
    """Depth label at stride 8, by nearest neighbour so that unknown (0) and known depths never mix."""
    if frame.depth is None:
        return np.zeros((height, width), np.float32)
    if frame.depth.shape == (height, width):
        return frame.depth.astype(np.float32)
    import cv2  # here, so that only those who read depth need OpenCV

    return cv2.resize(frame.depth.astype(np.float32), (width, height), interpolation=cv2.INTER_NEAREST).astype(np.float32)
