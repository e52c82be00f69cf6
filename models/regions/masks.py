"""Masks of objects: kept inside their box for training, and pasted from a region's cells into an image."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional


def inside_boxes(masks: NDArray[np.bool_] | NDArray[np.uint8], boxes: NDArray[np.float32], size: int) -> NDArray[np.uint8]:
    """Each object's mask as a grid over its box, so that arrays have a fixed shape however large the image is.

    Args:
        masks: (N, H, W) bool, or uint8, 1 inside.
        boxes: (N, 4) float32, xyxy pixels of the masks' image; what lies outside it is no object.
        size: cells along each side of the grid.

    Returns:
        (N, size, size) uint8, 0 or 1.
    """
    grids = np.zeros((len(masks), size, size), np.uint8)
    steps = (np.arange(size) + 0.5) / size
    for grid, mask, (left, top, right, bottom) in zip(grids, masks, boxes.tolist(), strict=True):
        x, y = np.floor(left + steps * (right - left)).astype(int), np.floor(top + steps * (bottom - top)).astype(int)
        across, down = (x >= 0) & (x < mask.shape[1]), (y >= 0) & (y < mask.shape[0])
        grid[np.ix_(down, across)] = mask[np.ix_(y[down], x[across])]
    return grids


def in_regions(grids: Tensor, boxes: Tensor, regions: Tensor, size: int) -> Tensor:
    """The masks that a mask head should predict in regions, from those of the regions' objects.

    Args:
        grids: (S, g, g), the objects' masks over their boxes, as `inside_boxes` returns them.
        boxes: (S, 4) float32, xyxy pixels of the objects.
        regions: (S, 4) float32, xyxy pixels of the regions.
        size: cells along each side of the result.

    Returns:
        (S, size, size) float32, 0 or 1; 0 outside the object's box.
    """
    sides = (boxes[:, 2:] - boxes[:, :2]).clamp(min=1e-6)
    steps = (torch.arange(size, device=boxes.device) + 0.5) / size
    points = regions[:, None, :2] + steps[None, :, None] * (regions[:, None, 2:] - regions[:, None, :2])  # (S, size, 2)
    shares = 2 * (points - boxes[:, None, :2]) / sides[:, None] - 1
    x, y = shares[..., 0], shares[..., 1]
    where = torch.stack([x[:, None, :].expand(-1, size, -1), y[:, :, None].expand(-1, -1, size)], -1)
    seen = functional.grid_sample(grids[:, None].float(), where, mode="nearest", align_corners=False)
    return seen[:, 0]


def paste(probabilities: NDArray[np.float32], box: NDArray[Any], width: int, height: int, threshold: float = 0.5) -> NDArray[np.bool_]:
    """One region's mask at its place in an image.

    Args:
        probabilities: (s, s) float32 in [0, 1].
        box: (4,) xyxy pixels of the image; may leave it.
        width: of the image, pixels.
        height: of the image, pixels.
        threshold: least probability of the object.

    Returns:
        (height, width) bool.
    """
    size = probabilities.shape[0]
    left, top, right, bottom = (float(x) for x in box)
    result = np.zeros((height, width), np.bool_)
    x0, y0, x1, y1 = (
        max(int(np.floor(left)), 0),
        max(int(np.floor(top)), 0),
        min(int(np.ceil(right)), width),
        min(int(np.ceil(bottom)), height),
    )
    if x1 <= x0 or y1 <= y0 or right <= left or bottom <= top:
        return result
    import cv2  # here, so that only those who paste masks need OpenCV

    x = ((np.arange(x0, x1) + 0.5 - left) * (size / (right - left)) - 0.5).astype(np.float32)
    y = ((np.arange(y0, y1) + 0.5 - top) * (size / (bottom - top)) - 0.5).astype(np.float32)
    grid_x, grid_y = np.meshgrid(x, y)
    seen = cv2.remap(probabilities, grid_x, grid_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    result[y0:y1, x0:x1] = seen >= threshold
    return result
