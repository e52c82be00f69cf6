"""Features of boxes: a fixed grid of points read from the map (He et al. 2017, RoIAlign).

RoIAlign averages bilinear samples on a regular grid, so that its weights are a product of one vector for rows and one for columns: a
box costs one small matrix product. Values are those of torchvision's `roi_align` with an adaptive number of samples.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def region_points(features: Tensor, boxes: Tensor, stride: float, *, size: tuple[int, int] = (4, 10), aligned: bool = False) -> Tensor:
    """The points of boxes.

    Args:
        features: (C, h, w) map.
        boxes: (N, 4) xyxy pixels, anywhere; what lies outside the map is 0.
        stride: pixels per cell.
        size: rows and columns of points per box.
        aligned: whether cell i of the map has its centre at i + .5; the released code says False, and boxes are at least a cell wide.

    Returns:
        (N, rows * columns, C); row by row.
    """
    height, width = features.shape[1:]
    cells = features.permute(1, 2, 0).contiguous()
    found = features.new_zeros(len(boxes), size[0] * size[1], features.shape[0])
    scaled = boxes.to("cpu", torch.float64) / stride - (0.5 if aligned else 0.0)
    for number, (left, top, right, bottom) in enumerate(scaled.tolist()):
        if not all(map(math.isfinite, (left, top, right, bottom))):
            continue
        first_row, rows = _weights(top, bottom, height, size[0], aligned)
        first_column, columns = _weights(left, right, width, size[1], aligned)
        if rows.size and columns.size:
            part = cells[first_row : first_row + rows.shape[1], first_column : first_column + columns.shape[1]]
            found[number] = torch.from_numpy(np.kron(rows, columns)).to(part) @ part.flatten(0, 1)
    return found


def centre_points(features: Tensor, boxes: Tensor, stride: float) -> Tensor:
    """(N, 1, C) the point in the middle of each box, or at the map's border if that is outside.

    Args:
        features: (C, h, w) map.
        boxes: (N, 4) xyxy pixels; finite.
        stride: pixels per cell.
    """
    height, width = features.shape[1:]
    x = ((boxes[:, 0] + boxes[:, 2]) / (2 * stride)).floor().long().clamp(0, width - 1)
    y = ((boxes[:, 1] + boxes[:, 3]) / (2 * stride)).floor().long().clamp(0, height - 1)
    return features[:, y.to(features.device), x.to(features.device)].T[:, None]


def _weights(start: float, stop: float, cells: int, bins: int, aligned: bool) -> tuple[int, NDArray[np.float64]]:
    """Weights (bins, K) of the K cells from the first one that counts, along one axis; K is 0 where no sample lies in the map."""
    extent = stop - start if aligned else max(stop - start, 1.0)
    samples = max(math.ceil(extent / bins), 1)
    places = start + (np.arange(bins * samples) + 0.5) * (extent / (bins * samples))
    inside = (places >= -1) & (places <= cells)
    if not inside.any():
        return 0, np.zeros((bins, 0))
    rows, places = np.flatnonzero(inside) // samples, places[inside].clip(0, cells - 1)
    low = places.astype(np.int64)
    high, part = np.minimum(low + 1, cells - 1), places - low
    first = int(low[0])
    weights = np.zeros((bins, int(high[-1]) - first + 1))
    np.add.at(weights, (rows, low - first), (1 - part) / samples)
    np.add.at(weights, (rows, high - first), part / samples)
    return first, weights
