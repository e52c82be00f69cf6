"""Detections of a frame as observations of an association, whatever their form."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.association.point_sets import PointSets, from_objects
from models.unitrack import mask_objects, pose_objects
from models.unitrack.mask_objects import LIMITS
from models.unitrack.tracker import Observations
from pipeline.numerics.boxes import iou

TWICE = 0.7  # overlap of two masks' boxes from which the later one is dropped


def of_boxes(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    categories: NDArray[np.int64],
    looks: NDArray[np.float16],
    *,
    one_size: bool = False,
) -> Observations:
    """Observations of boxes from what was kept of them.

    Args:
        boxes: (N, 4) xyxy pixels.
        scores: (N,).
        categories: (N,).
        looks: (N, S, C) of `box_looks.box_looks`.
        one_size: whether points that are zero vectors, such as those outside the image, are kept, as global features need as many
            points of every object; otherwise they are left out.
    """
    points = torch.from_numpy(looks.astype(np.float32))
    objects = [rows if one_size and bool(rows.any()) else rows[rows.any(1)] for rows in points]
    return Observations(boxes, scores, categories, from_objects(objects, points.shape[2]))


def of_masks(
    features: Tensor,
    masks: Tensor,
    scores: NDArray[np.float32],
    categories: NDArray[np.int64],
    *,
    task: str = "mots",
    centre: bool = False,
) -> Observations:
    """Observations of the masks of a frame.

    An empty mask has a box without size, by which the tracker leaves it out and counts it; so has one whose box overlaps that of an
    earlier mask by more than .7.

    Args:
        features: (C, h, w) map of the frame.
        masks: (N, H, W) bool.
        scores: (N,).
        categories: (N,).
        task: key of `LIMITS`, by which large masks are read at fewer points.
        centre: whether a mask is its centre of mass alone.
    """
    stride = masks.shape[2] / features.shape[2]
    found = [mask_objects.mask_box(mask, stride) for mask in masks]
    boxes = np.array([np.zeros(4) if box is None else box.cpu().numpy() for box in found], np.float32).reshape(-1, 4)
    boxes[_repeated(boxes)] = 0.0
    read = mask_objects.centre_point if centre else None
    objects = [read(features, mask) if read else mask_objects.mask_points(features, mask, LIMITS[task]) for mask in masks]
    return Observations(boxes, scores, categories, _looks(objects, features))


def of_poses(features: Tensor, poses: NDArray[np.floating], scores: NDArray[np.float32], image_size: tuple[int, int]) -> Observations:
    """Observations of the poses of a frame; a pose without joints has a box without size.

    Args:
        features: (C, h, w) map of the frame.
        poses: (N, 15, 2) x and y in pixels, NaN where not known.
        scores: (N,).
        image_size: height and width.
    """
    found = [pose_objects.pose_box(pose) for pose in poses]
    boxes = np.array([np.zeros(4) if box is None else box for box in found], np.float32).reshape(-1, 4)
    shapes = [torch.from_numpy(pose_objects.pose_mask(pose, image_size)).to(features.device) for pose in poses]
    objects = [mask_objects.mask_points(features, mask, LIMITS["pose"]) for mask in shapes]
    return Observations(boxes, scores, np.zeros(len(poses), np.int64), _looks(objects, features))


def _looks(objects: Sequence[Tensor], features: Tensor) -> PointSets:
    return from_objects([points.float().cpu() for points in objects], features.shape[0])


def _repeated(boxes: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(N,) whether an earlier box that stays overlaps this one by more than `TWICE`."""
    close, dropped = iou(boxes, boxes) > TWICE, np.zeros(len(boxes), np.bool_)
    for number in range(len(boxes)):
        dropped[number] = bool((close[:number, number] & ~dropped[:number]).any())
    return dropped
