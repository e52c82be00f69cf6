"""Non-maximum suppression within groups (classes, or levels of an image); machine code on the host whatever the device."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.regions.kernels.nms import suppress


def nms(boxes: Tensor, scores: Tensor, groups: Tensor, threshold: float) -> Tensor:
    """Greedy suppression: in order of score, a box stays unless it overlaps one of its group that stays by more than `threshold`.

    Boxes of equal score keep their order. Boxes whose coordinates or score are not finite never stay.

    Args:
        boxes: (N, 4) float32, xyxy pixels.
        scores: (N,) float32.
        groups: (N,) int64; boxes of different groups do not suppress each other.
        threshold: largest IoU of two boxes of a group that both stay.

    Returns:
        (M,) int64 numbers of the boxes that stay, best first.
    """
    values, points, kinds = (x.detach().cpu().numpy() for x in (boxes, scores, groups))
    order = np.lexsort((-points, kinds))
    bounds = np.flatnonzero(np.diff(kinds[order])) + 1
    starts = np.concatenate([[0], bounds, [len(order)]]).astype(np.int64)
    alive = keep_sorted(values[order], starts, threshold, np.isfinite(points[order]))
    kept = order[alive]
    kept = kept[np.lexsort((kept, -points[kept]))]
    return torch.from_numpy(kept).to(boxes.device)


def keep_sorted(
    boxes: NDArray[np.float32], starts: NDArray[np.int64], threshold: float, eligible: NDArray[np.bool_] | None = None
) -> NDArray[np.bool_]:
    """Which boxes stay, (N,) bool, of groups that are stored one after the other, each best first.

    Args:
        boxes: (N, 4) float32, xyxy pixels.
        starts: (G + 1,) int64, where each group begins, and N.
        threshold: as `nms`.
        eligible: (N,) bool, boxes that may stay at all; None: all finite ones.
    """
    finite = np.isfinite(boxes).all(axis=1)
    alive: NDArray[np.uint8] = np.asarray(finite if eligible is None else finite & eligible).astype(np.uint8)
    suppress(np.ascontiguousarray(boxes, np.float32), starts, threshold, alive)
    return alive.astype(np.bool_)
