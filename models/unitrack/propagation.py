"""Labels handed on from remembered frames to the next one by similarity of point vectors (section 2.3, appendix B.2).

Eq. 1 writes the softmax over the target's points for each source point. That would let a source spread a total of 1 and leave targets
without any label; the released code, and this one, normalise over the sources of each target.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor

TILE = (8, 8)  # rows and columns of targets handled at once; their windows overlap, so small tiles do more work twice
GROUP = 16  # sources whose largest affinity stands for all of them in the first pass of the top k


class Source(NamedTuple):
    """A remembered frame.

    Attributes:
        features: (H, W, C), unit length over C.
        labels: (H, W, L), any number of soft labels per cell.
    """

    features: Tensor
    labels: Tensor


class Window(NamedTuple):
    """The targets of a tile, and the cells that may be near enough to one of them.

    Attributes:
        rows: rows of the targets.
        columns: columns of the targets.
        near_rows: rows of the sources.
        near_columns: columns of the sources.
        far: (targets, sources) bool, True where the distance is not below the radius.
    """

    rows: slice
    columns: slice
    near_rows: slice
    near_columns: slice
    far: Tensor


def propagate(
    query: Tensor,
    anchors: Sequence[Source],
    recent: Sequence[Source],
    *,
    top_k: int = 10,
    temperature: float = 0.05,
    radius: float = 12.0,
) -> Tensor:
    """The labels of a frame: of each cell, a mean over its most similar sources, weighted by the softmax of their similarity.

    Args:
        query: (H, W, C) features of the frame, unit length over C.
        anchors: frames whose every cell may be a source; at least one.
        recent: frames whose cells are sources only nearer than `radius`.
        top_k: sources kept per target, over all frames together.
        temperature: divides the similarities.
        radius: in cells, Euclidean; strictly less is near.

    Returns:
        (H, W, L) labels, soft, not renormalised over L.

    Raises:
        ValueError: there is no anchor.
    """
    if not anchors:
        raise ValueError("propagation needs a frame whose labels are known")
    height, width, channels = query.shape
    everywhere = torch.cat([source.features.reshape(-1, channels) for source in anchors])
    anchored = torch.cat([source.labels.flatten(0, 1) for source in anchors])
    result = anchored.new_empty((height, width, anchored.shape[1]))
    for window in _windows(height, width, radius, query.device):
        targets = query[window.rows, window.columns]
        shape, targets = targets.shape[:2], targets.reshape(-1, channels)
        affinities, labels = [targets @ everywhere.T], [anchored]
        for source in recent:
            affinities.append(_local(targets, source.features[window.near_rows, window.near_columns], window.far))
            labels.append(source.labels[window.near_rows, window.near_columns].flatten(0, 1))
        values, places = _largest(torch.cat(affinities, 1), top_k)
        weights = torch.softmax(values / temperature, 1)
        mixed = (weights[:, :, None] * torch.cat(labels)[places]).sum(1)
        result[window.rows, window.columns] = mixed.reshape(*shape, -1)
    return result


def _local(targets: Tensor, sources: Tensor, far: Tensor) -> Tensor:
    """(T, rows * columns) similarities of targets (T, C) with a window (rows, columns, C), -inf where they are far."""
    rows = sources.shape[0]
    products = torch.matmul(targets.expand(rows, -1, -1), sources.transpose(1, 2))
    return products.transpose(0, 1).flatten(1).masked_fill_(far, -math.inf)


def _largest(affinity: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` largest values of each row (T, S), best first, and their columns.

    The largest ones lie in the groups of columns with the largest maxima, so that only those are sorted.
    """
    targets, sources = affinity.shape
    count = min(count, sources)
    groups = sources // GROUP
    if groups <= count:
        values, places = affinity.topk(count, 1)
        return values, places
    body = affinity[:, : groups * GROUP].view(targets, GROUP, groups)
    best = body.amax(1).topk(count, 1).indices
    offsets = torch.arange(GROUP, device=affinity.device)[None, :, None] * groups
    rest = torch.arange(groups * GROUP, sources, device=affinity.device).expand(targets, -1)
    candidates = torch.cat([(offsets + best[:, None]).flatten(1), rest], 1)
    values, order = affinity.gather(1, candidates).topk(count, 1)
    return values, candidates.gather(1, order)


@lru_cache(maxsize=8)
def _windows(height: int, width: int, radius: float, device: torch.device) -> list[Window]:
    """The windows of all tiles of a map; cached for the last eight sizes, radii and devices."""
    reach, windows = max(math.ceil(radius) - 1, 0), []
    for top, left in product(range(0, height, TILE[0]), range(0, width, TILE[1])):
        bottom, right = min(top + TILE[0], height), min(left + TILE[1], width)
        near_rows = slice(max(top - reach, 0), min(bottom + reach, height))
        near_columns = slice(max(left - reach, 0), min(right + reach, width))
        far = ~_near((top, bottom), (left, right), near_rows, near_columns, radius)
        windows.append(Window(slice(top, bottom), slice(left, right), near_rows, near_columns, far.to(device)))
    return windows


def _near(rows: tuple[int, int], columns: tuple[int, int], near_rows: slice, near_columns: slice, radius: float) -> Tensor:
    y = torch.arange(*rows)[:, None] - torch.arange(near_rows.start, near_rows.stop)[None]
    x = torch.arange(*columns)[:, None] - torch.arange(near_columns.start, near_columns.stop)[None]
    squared = y[:, None, :, None] ** 2 + x[None, :, None, :] ** 2
    return (squared < radius**2).flatten(0, 1).flatten(1)
