"""An image resized and normalised for the network, as published."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from models.teachers.video_depth_anything.encoder import PATCH

_WIDEST = 1.78  # longer over shorter side, beyond which the published tool gives the network fewer pixels
_MEAN, _DEVIATION = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)  # ImageNet's


def input_shape(width: int, height: int, input_size: int) -> tuple[int, int]:
    """(width, height) that the network sees: the shorter side `input_size`, the aspect kept, both multiples of 14.

    Images whose sides differ more than 16:9 are resized to fewer pixels, so that memory stays that of 16:9.
    """
    ratio = max(width, height) / min(width, height)
    if ratio > _WIDEST:
        input_size = max(round(int(input_size * 1.777 / ratio) / PATCH), 1) * PATCH
    factor = input_size / min(width, height)
    columns, rows = (max(round(side * factor / PATCH), -(-input_size // PATCH)) * PATCH for side in (width, height))
    return columns, rows


def normalised(image: NDArray[np.uint8], input_size: int) -> NDArray[np.float32]:
    """(H, W, 3) uint8 RGB to (3, h, w) float32 at the network's size."""
    size = input_shape(image.shape[1], image.shape[0], input_size)
    resized = cv2.resize(image.astype(np.float32) / 255, size, interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(((resized - _MEAN) / _DEVIATION).transpose(2, 0, 1))
