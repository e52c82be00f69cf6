"""What is kept of a box: points of the map at half precision."""

from __future__ import annotations

import torch
from torch import Tensor

from models.unitrack.region_features import centre_points, region_points


def box_looks(features: Tensor, boxes: Tensor, stride: float, *, region: tuple[int, int] = (4, 10), centre: bool = False) -> Tensor:
    """The points of boxes in float16, as they are kept in files.

    Args:
        features: (C, h, w) map of the frame.
        boxes: (N, 4) xyxy pixels of the network's input.
        stride: pixels per cell.
        region: rows and columns of points.
        centre: whether a box is its middle point alone (centre features).

    Returns:
        (N, rows * columns, C) float16, unit length; (N, 1, C) if centre. Zero vectors where the map was not finite.
    """
    points = centre_points(features, boxes, stride) if centre else region_points(features, boxes, stride, size=region)
    broken = ~points.isfinite().all(2, keepdim=True)
    return torch.nn.functional.normalize(points.masked_fill(broken, 0.0), dim=2).to(torch.float16)
