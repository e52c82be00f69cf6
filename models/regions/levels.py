"""Which level of a feature pyramid a region is read from, by its size (Lin et al. 2017, Eq. 1)."""

from __future__ import annotations

from torch import Tensor

from models.regions.overlaps import area


def levels(boxes: Tensor, count: int, finest: float = 56.0) -> Tensor:
    """Level of each box, clamp(floor(log2(sqrt(area) / finest + 1e-6)), 0, count - 1).

    With the default, boxes of sides below 112 pixels are read at level 0, those below 224 at level 1, and so on.

    Args:
        boxes: (R, 4) float32, xyxy pixels.
        count: levels there are.
        finest: pixels; a box of twice this side leaves level 0.

    Returns:
        (R,) int64; boxes without area or with NaN have level 0, boxes of infinite area the last level.
    """
    level = (area(boxes).sqrt() / finest + 1e-6).log2().floor()
    return level.nan_to_num(0.0, posinf=count - 1.0, neginf=0.0).clamp(0, count - 1).long()
