"""Masks and joints at the size of a sample's image."""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.files.frames import Objects
from pipeline.files.run_lengths import decode_mask, encode_mask

Size = tuple[int, int]  # width and height, pixels


def scaled_masks(objects: Objects, before: Size, after: Size) -> list[str | None]:
    """Run lengths of the objects' masks in an image made smaller; a pixel belongs to a mask where at least half of it does."""
    masks: list[str | None] = [None] * len(objects) if objects.masks is None else objects.masks.tolist()
    return masks if before == after else [None if mask is None else _scaled(mask, before, after) for mask in masks]


def scaled_joints(objects: Objects, before: Size, after: Size, count: int) -> list[list[float]]:
    """x, y and mark of each joint, one after the other, in an image made smaller; zeros where there is no joint.

    Args:
        objects: the annotation.
        before: size of the frame.
        after: size of the sample's image.
        count: how many joints the shard has for each object.
    """
    if objects.keypoints is None:
        return np.zeros((len(objects), 3 * count), np.float32).tolist()
    factors = np.array([after[0] / before[0], after[1] / before[1], 1.0], np.float32)
    found: list[list[float]] = (objects.keypoints * factors).reshape(len(objects), 3 * count).tolist()
    return found


def _scaled(mask: str, before: Size, after: Size) -> str:
    pixels = decode_mask(mask, before[1], before[0]).astype(np.uint8) * 255
    return encode_mask(cv2.resize(pixels, after, interpolation=cv2.INTER_AREA) >= 128)
