"""Training targets of one sample, made in loader processes with numpy: the true boxes, padded to a fixed number.

Arrays have a shape that depends on options alone, so that samples stack; `trim` then cuts off slots that a whole batch leaves empty. With
K = max_objects and F frames:

    boxes (F, K, 4) float32             xyxy pixels of the image; objects come first, padding is 0
    valid (F, K) bool
    classes (F, K) int64                index into the samples' list of classes, padding 0
    identities (F, K) int64             the object's number, -1 unknown and padding              (if training may see it)
    masks (F, K, 56, 56) uint8          each object's mask over its own box                      (with the mask head)
    ignored (F, K, 4) float32           regions where absence teaches nothing
    ignored_valid (F, K) bool
    seed () int64                       what the task draws follows from it

Which regions are samples is decided in the task, since the network proposes them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from models.dense.targets import learnt_rows
from models.qdtrack.options import QdtrackOptions, uses_identities, uses_masks
from models.regions.masks import inside_boxes
from pipeline.contract.clips import TrainingClip, TrainingFrame

MASK_GRID = 56  # cells along a side of an object's mask: twice what the mask head predicts
SLOTS = {  # what says which slots are filled, from the first on -> targets of the same slots
    "valid": ("boxes", "classes", "identities", "masks"),
    "ignored_valid": ("ignored",),
}


def make_targets(clip: TrainingClip, options: QdtrackOptions) -> dict[str, NDArray[Any]]:
    """Targets of all frames of a clip, stacked along the first axis (see the module's text)."""
    frames = [frame_targets(frame, options) for frame in clip.frames]
    targets = {name: np.stack([frame[name] for frame in frames]) for name in frames[0]}
    return targets | {"seed": np.array(np.random.default_rng(clip.seed).integers(2**62), np.int64)}


def trim(targets: dict[str, Tensor]) -> dict[str, Tensor]:
    """Targets of a batch (B, ...) without the slots that none of its frames fills; at least one slot stays."""
    cut = dict(targets)
    for valid, aligned in SLOTS.items():
        used = max(1, int(targets[valid].flatten(0, -2).any(0).sum()))
        axis = targets[valid].ndim - 1
        cut |= {name: targets[name].narrow(axis, 0, used).contiguous() for name in (valid, *aligned) if name in targets}
    return cut


def frame_targets(frame: TrainingFrame, options: QdtrackOptions) -> dict[str, NDArray[Any]]:
    """Targets of one frame, without the first axis.

    Raises:
        ValueError: masks are to be learnt, and the frame has none; or a class is not among those that the network tells apart.
    """
    slots = options.network.max_objects
    rows = learnt_rows(frame, slots)
    classes = frame.classes
    if len(rows) and classes[rows].max() >= options.network.classes:
        raise ValueError(f"class {classes[rows].max()} of an object, but model.network.classes is {options.network.classes}")
    targets = {
        "boxes": _padded(frame.boxes[rows].astype(np.float32), slots),
        "valid": np.arange(slots) < len(rows),
        "classes": _padded(classes[rows], slots),
    }
    if uses_identities(options):
        targets["identities"] = np.full(slots, -1, np.int64)
        targets["identities"][: len(rows)] = frame.identities[rows]
    if uses_masks(options):
        targets["masks"] = _padded(_grids(frame, rows), slots)
    ignored = ignored_boxes(frame, rows)[:slots]
    return targets | {"ignored": _padded(ignored, slots), "ignored_valid": np.arange(slots) < len(ignored)}


def ignored_boxes(frame: TrainingFrame, learnt: NDArray[np.int64]) -> NDArray[np.float32]:
    """(I, 4) boxes where absence teaches nothing, largest first: the ignored ones, and objects in the image that are not learnt."""
    height, width = frame.image.shape[:2]
    others = np.setdiff1d(np.arange(len(frame.boxes)), learnt)
    boxes = frame.boxes[others].astype(np.float32)
    sides = boxes[:, 2:] - boxes[:, :2]
    touching = (boxes[:, 2:] > 0).all(1) & (boxes[:, 0] < width) & (boxes[:, 1] < height) & (sides > 0).all(1)
    order = np.argsort(-np.prod(sides[touching], axis=1), kind="stable")
    return boxes[touching][order]


def _grids(frame: TrainingFrame, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    if frame.masks is None:
        raise ValueError("masks are to be learnt (model.network.mask_head), but the samples hold none")
    return inside_boxes(frame.masks[rows], frame.boxes[rows], MASK_GRID)


def _padded(values: NDArray[Any], slots: int) -> NDArray[Any]:
    padded = np.zeros((slots, *values.shape[1:]), values.dtype)
    padded[: len(values)] = values
    return padded
