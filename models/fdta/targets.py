"""Training targets of one clip, made in loader processes with numpy.

Objects are listed frame by frame; `people` says which of the clip's N people each is, so that whoever appears in several frames has one
column in all that concerns trajectories. All arrays have a shape that follows from the options, the number of frames and the image size.
With T frames, K = max_objects objects per frame, N = max_objects people per clip and G groups:

    boxes (T, K, 4) float32            centre x, centre y, width, height in [0, 1], clipped to the image
    valid (T, K) bool                  objects come first, padding is 0
    people (T, K) int64                the person's column, -1 unknown and padding
    gradients (T,) bool                frames that are run with gradients, as many in every clip
    depth (T, H/8, W/8) float32        depth in the space that is learnt, 0 unknown    (with the spatial adapter)
    foreground (T, H/8, W/8) bool      inside a box                                    (with the spatial adapter)
    heatmap, sides, offset, cells      as models/dense/targets.py says                 (with queries: centres)

and, for clips of more than one frame,

    labels (G, N) int64                each person's label in [0, V), a fresh draw in each group; -1: nobody, or nobody that has one
    past (G, T, N) int64               whose observation stands for the person in the past: mostly its own; -1: none
    answers (G, T, N) int64            what the ID decoder should say of the person: its label, V for a newborn, -1: not asked
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from models.dense.targets import draw, gaussian_radius
from models.fdta.identity_groups import draw_groups
from models.fdta.options import HEAT_STRIDES, FdtaOptions, NetworkOptions
from pipeline.contract.clips import TrainingClip, TrainingFrame

DEPTH_STRIDE = 8
INVERSE_SCALE = 255.0  # what the nearest depth is in inverse space
SLOTS = {  # target -> what fills its slots, from the first on, and the axis of the slots in a batch
    **dict.fromkeys(("boxes", "valid", "people", "cells", "sides", "offset"), ("valid", 2)),
    **dict.fromkeys(("past", "answers"), ("people", 3)),
    "labels": ("people", 2),
}
Arrays = dict[str, NDArray[Any]]


def make_targets(clip: TrainingClip, options: FdtaOptions) -> Arrays:
    """Targets of a clip (see the module's text).

    Raises:
        ValueError: the clip has more frames than the time table.
    """
    network, frames = options.network, len(clip.frames)
    if frames > network.frames:
        raise ValueError(f"a clip of {frames} frames for a time table of {network.frames}")
    random = np.random.default_rng(clip.seed)
    rows = [learnt_rows(frame, network.max_objects) for frame in clip.frames]
    targets = _stacked([_objects(frame, kept, network) for frame, kept in zip(clip.frames, rows, strict=True)])
    targets["people"] = _people([frame.identities[kept] for frame, kept in zip(clip.frames, rows, strict=True)], network.max_objects)
    if frames > 1:
        targets |= draw_groups(_presence(targets["people"], network.max_objects), options, random)
    targets["gradients"] = _gradients(frames, options, random)  # last, so that labels do not depend on how many there are
    if network.uses_depth:
        targets |= _stacked([_depth(frame, kept, options) for frame, kept in zip(clip.frames, rows, strict=True)])
    return targets


def trim(targets: dict[str, Tensor]) -> dict[str, Tensor]:
    """Targets of a batch (B, ...) without objects and people that no clip of it has; at least one of each stays."""
    cut = dict(targets)
    used = {"valid": int(targets["valid"].flatten(0, -2).any(0).sum()), "people": int(targets["people"].max()) + 1}
    for name, (kind, axis) in SLOTS.items():
        if name in targets:
            cut[name] = targets[name].narrow(axis, 0, max(1, used[kind])).contiguous()
    return cut


def learnt_rows(frame: TrainingFrame, limit: int) -> NDArray[np.int64]:
    """Rows of the boxes that training uses: not ignored, not empty once clipped to the image; the `limit` largest if there are more."""
    boxes = clipped(frame.boxes, frame.image)
    sides = boxes[:, 2:] - boxes[:, :2]
    rows = np.flatnonzero(~frame.ignore & (sides > 0).all(1))
    largest = np.argsort(-sides[rows].prod(1), kind="stable")[:limit]
    return rows[np.sort(largest)]


def clipped(boxes: NDArray[np.float32], image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(N, 4) xyxy pixels cut at the borders of the image."""
    height, width = image.shape[:2]
    return np.clip(boxes, 0, np.array([width, height, width, height], np.float32)).astype(np.float32)


def _objects(frame: TrainingFrame, rows: NDArray[np.int64], network: NetworkOptions) -> Arrays:
    height, width = frame.image.shape[:2]
    corners = clipped(frame.boxes[rows], frame.image)
    boxes, valid = np.zeros((network.max_objects, 4), np.float32), np.zeros(network.max_objects, np.bool_)
    boxes[: len(rows), :2], boxes[: len(rows), 2:] = (corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]
    boxes /= np.array([width, height, width, height], np.float32)
    valid[: len(rows)] = True
    found: Arrays = {"boxes": boxes, "valid": valid}
    if network.queries == "centres":
        found |= _heat(corners, frame, HEAT_STRIDES[network.backbone], network.max_objects)
    return found


def _people(identities: list[NDArray[np.int64]], slots: int) -> NDArray[np.int64]:
    """(T, K) columns of the people, in the order of their first frame; who finds no column is -1, a detection without identity.

    The second of two boxes of one person in a frame is -1 as well.
    """
    columns: dict[int, int] = {}
    found = np.full((len(identities), slots), -1, np.int64)
    for row, frame in enumerate(identities):
        taken: set[int] = set()
        for place, identity in enumerate(frame.tolist()):
            if identity < 0 or identity in taken or (identity not in columns and len(columns) == slots):
                continue
            taken.add(identity)
            found[row, place] = columns.setdefault(identity, len(columns))
    return found


def _presence(people: NDArray[np.int64], slots: int) -> NDArray[np.bool_]:
    """(T, N) bool: who is seen when."""
    frames, places = np.nonzero(people >= 0)
    present = np.zeros((len(people), slots), np.bool_)
    present[frames, people[frames, places]] = True
    return present


def _gradients(frames: int, options: FdtaOptions, random: np.random.Generator) -> NDArray[np.bool_]:
    """Which frames are run with gradients; all of a still's."""
    chosen = np.zeros(frames, np.bool_)
    count = 1 if frames == 1 else min(options.loss.gradient_frames, frames)
    chosen[random.choice(frames, count, replace=False)] = True
    return chosen


def _heat(corners: NDArray[np.float32], frame: TrainingFrame, stride: int, slots: int) -> Arrays:
    """Where queries should start: peaks at the centres of the clipped boxes, and their sides in map cells."""
    height, width = (side // stride for side in frame.image.shape[:2])
    boxes = corners / stride
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    grid = np.minimum(centres.astype(np.int64), [width - 1, height - 1])
    lengths = np.ceil(boxes[:, 2:] - boxes[:, :2])
    radii = np.maximum(gaussian_radius(lengths[:, 1], lengths[:, 0]).astype(np.int64), 0)
    heatmap = np.zeros((1, height, width), np.float32)
    for (x, y), radius in zip(grid.tolist(), radii.tolist(), strict=True):
        draw(heatmap[0], x, y, radius)
    cells, sides, offset = np.zeros(slots, np.int64), np.zeros((slots, 4), np.float32), np.zeros((slots, 2), np.float32)
    count = len(corners)
    cells[:count] = grid[:, 1] * width + grid[:, 0]
    sides[:count, :2], sides[:count, 2:] = centres - boxes[:, :2], boxes[:, 2:] - centres
    offset[:count] = centres - grid
    background = ~_inside(clipped(frame.boxes[frame.ignore], frame.image), stride, height, width)[None]
    return {"heatmap": heatmap, "background": background, "cells": cells, "sides": sides, "offset": offset}


def _depth(frame: TrainingFrame, rows: NDArray[np.int64], options: FdtaOptions) -> Arrays:
    height, width = (side // DEPTH_STRIDE for side in frame.image.shape[:2])
    stored = np.zeros((height, width), np.float32) if frame.depth is None else frame.depth.astype(np.float32)
    if stored.shape != (height, width):
        import cv2  # here, so that only those who resize depth need OpenCV

        # where 0 is unknown, interpolation between it and a known depth would make a depth that is neither
        way = cv2.INTER_LINEAR if options.loss.depth_zero == "background" else cv2.INTER_NEAREST
        stored = cv2.resize(stored, (width, height), interpolation=way).astype(np.float32)
    inside = _inside(clipped(frame.boxes[rows], frame.image), DEPTH_STRIDE, height, width)
    return {"depth": learnt_depth(stored, options.network), "foreground": inside}


def learnt_depth(stored: NDArray[np.float32], network: NetworkOptions) -> NDArray[np.float32]:
    """Depth in the space that bins divide; 0 stays 0. Inverse space is 255 at `depth_near` and less further away."""
    if network.depth_space == "stored":
        return stored
    near = np.float32(INVERSE_SCALE * network.depth_near)
    return np.minimum(np.divide(near, stored, out=np.zeros_like(stored), where=stored > 0), np.float32(INVERSE_SCALE))


def _inside(boxes: NDArray[np.float32], stride: int, height: int, width: int) -> NDArray[np.bool_]:
    """(height, width) bool: cells that a box touches, from the floor of its near to the ceiling of its far corner."""
    mask = np.zeros((height, width), np.bool_)
    low, high = np.floor(boxes[:, :2] / stride).astype(int), np.ceil(boxes[:, 2:] / stride).astype(int)
    for (left, top), (right, bottom) in zip(low.tolist(), high.tolist(), strict=True):
        mask[top:bottom, left:right] = True
    return mask


def _stacked(frames: list[Arrays]) -> Arrays:
    return {name: np.stack([frame[name] for frame in frames]) for name in frames[0]}
