"""Pictures fitted into the network input on the device: area averages, then a shift to the centre, as two products of matrices.

Both steps are linear and act on rows and columns by themselves, so that a picture is multiplied by a matrix from either side. The values
are those of `pipeline.tracking.detector.letterbox` (OpenCV's INTER_AREA, then warpAffine) within nine grey levels, and on average within a
quarter of one, as a test holds: OpenCV rounds the shift to 1/32 pixel.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

BORDER = 127.0  # grey beside the picture, as in training


def letterbox(pictures: Tensor, width: int, height: int) -> Tensor:
    """Pictures in the network input: aspect kept, centred, grey border.

    Args:
        pictures: (N, H, W, 3) uint8, on the device.
        width: of the input, pixels.
        height: of the input, pixels.

    Returns:
        (N, 3, height, width) float32 in [0, 1], channels last in memory, of whole grey levels.
    """
    rows, columns = pictures.shape[1:3]
    down, across = matrices(rows, columns, width, height)
    planes = pictures.permute(0, 3, 1, 2).float()
    shrunk = (_put(down[0], pictures.device) @ planes @ _put(across[0], pictures.device).T).round_()
    planes = _put(down[1], pictures.device) @ shrunk @ _put(across[1], pictures.device).T
    seen = _put(down[1].sum(1, keepdims=True), pictures.device) @ _put(across[1].sum(1, keepdims=True), pictures.device).T
    canvas = (planes + BORDER * (1 - seen)).round_().clamp_(0, 255)
    return canvas.div_(255.0).contiguous(memory_format=torch.channels_last)


Floats = NDArray[np.float32]


@lru_cache(maxsize=16)
def matrices(rows: int, columns: int, width: int, height: int) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """For rows and for columns: the matrix that shrinks (small, large), and the one that centres (input, small)."""
    scale = min(width / columns, height / rows)
    return _axis(rows, height, scale), _axis(columns, width, scale)


def _axis(length: int, room: int, scale: float) -> tuple[Floats, Floats]:
    small = max(1, round(length * scale)) if scale < 1 else length
    factor = length * scale / small
    border = (room - scale * length) / 2
    return _area(length, small), _shift(small, room, factor, border + (factor - 1) / 2)


def _area(large: int, small: int) -> Floats:
    """(small, large): each row averages the cells, and parts of cells, that one small cell covers."""
    edges = np.arange(small + 1) * (large / small)
    covered = np.minimum(edges[1:, None], np.arange(1, large + 1)) - np.maximum(edges[:-1, None], np.arange(large))
    weights = covered.clip(0)
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32)


def _shift(small: int, room: int, factor: float, offset: float) -> Floats:
    """(room, small): linear interpolation at (pixel - offset) / factor; what lies outside has less weight than 1."""
    place = (np.arange(room) - offset) / factor
    return np.maximum(0, 1 - np.abs(place[:, None] - np.arange(small))).astype(np.float32)


def _put(matrix: Floats, device: torch.device) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(matrix)).to(device)
