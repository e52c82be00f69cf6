"""Masks at the size of a feature map, and back: one soft channel per object and one for the background."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional


def to_map(masks: Tensor, size: tuple[int, int]) -> Tensor:
    """Soft labels of a frame with given masks.

    Bilinear, corners not aligned, as the released code shrinks them; an object so thin that no sampled pixel lies in it vanishes,
    and is empty from then on.

    Args:
        masks: (N, H, W) bool, disjoint.
        size: rows and columns of the feature map.

    Returns:
        (h, w, 1 + N) float32; the background first.
    """
    background = ~masks.any(0, keepdim=True) if len(masks) else torch.ones(1, *masks.shape[1:], dtype=torch.bool, device=masks.device)
    labels = torch.cat([background, masks]).to(torch.float32)[None]
    return functional.interpolate(labels, size, mode="bilinear", align_corners=False)[0].permute(1, 2, 0)


def to_masks(labels: Tensor, size: tuple[int, int]) -> Tensor:
    """The masks that soft labels mean: at each pixel the label that is largest after bilinear enlargement.

    Args:
        labels: (h, w, 1 + N), the background first.
        size: rows and columns of the image.

    Returns:
        (N, H, W) bool, disjoint; where labels tie, the background and then the first object wins.
    """
    enlarged = functional.interpolate(labels.permute(2, 0, 1)[None], size, mode="bilinear", align_corners=False)[0]
    winner = enlarged.argmax(0)
    return winner[None] == torch.arange(1, len(enlarged), device=labels.device)[:, None, None]


def find_overlap(masks: Tensor) -> tuple[int, int] | None:
    """The first two of (N, H, W) bool masks that share a pixel, or None."""
    if len(masks) < 2 or int(masks.sum(0, dtype=torch.int32).max()) < 2:
        return None
    y, x = (int(value) for value in (masks.sum(0, dtype=torch.int32) > 1).nonzero()[0])
    first, second = masks[:, y, x].nonzero()[:2, 0].tolist()
    return first, second


def stamp(labels: Tensor, given: Tensor, new: Sequence[int]) -> Tensor:
    """Soft labels into which the objects that are given in this frame are written.

    Args:
        labels: (h, w, 1 + N) propagated labels, the background first.
        given: (h, w, 1 + K) labels of the given masks of the objects `new`, the background first.
        new: (K,) channels of these objects in the result: from N + 1 for objects that appear, below for objects given again.

    Returns:
        (h, w, 1 + max(N, largest of `new`)): what is given as it is; the other labels only as far as the given masks leave room.
    """
    widest = max([labels.shape[2] - 1, *new])
    wide = labels.new_zeros(*labels.shape[:2], widest + 1)
    wide[..., : labels.shape[2]] = labels * given[..., :1]
    wide[..., list(new)] = given[..., 1:]
    return wide
