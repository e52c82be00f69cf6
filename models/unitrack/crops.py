"""Regions of an image at a fixed size."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def crop(image: Tensor, regions: Tensor, size: int) -> Tensor:
    """Regions of an image, resized bilinearly to squares whatever their proportions; outside the image is 0.

    Of an image from which the mean is subtracted, 0 is the mean colour. Pixel i of the result is the centre of the i-th of `size`
    equal parts of the region (the released code aligns corners instead, by which cells are 1 part in 520 larger than it takes them for).

    Args:
        image: (3, H, W), normalised.
        regions: (R, 4) xyxy pixels of positive size, anywhere.
        size: pixels along a side of a result.

    Returns:
        (R, 3, size, size).
    """
    height, width = image.shape[1:]
    middle = (torch.arange(size, dtype=image.dtype, device=image.device) + 0.5) / size
    regions = regions.to(image)
    x = (regions[:, 0, None] + middle * (regions[:, 2] - regions[:, 0])[:, None]) * (2 / width) - 1
    y = (regions[:, 1, None] + middle * (regions[:, 3] - regions[:, 1])[:, None]) * (2 / height) - 1
    grid = torch.stack([x[:, None].expand(-1, size, -1), y[:, :, None].expand(-1, -1, size)], 3)
    return functional.grid_sample(image.expand(len(regions), -1, -1, -1), grid, align_corners=False)
