"""Objects as sets of point vectors, as many as each has, stored one object after the other, so that none is padded to another's size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class PointSets:
    """N objects with P points in all.

    Attributes:
        points: (P, C) float, of unit length; object by object, in each object's own order.
        counts: (N,) points of each object; 0 for one of which nothing is known.
        broken: how many points were left out because they were not finite.
    """

    points: Tensor
    counts: tuple[int, ...]
    broken: int = 0

    def __len__(self) -> int:
        return len(self.counts)

    @property
    def ends(self) -> list[tuple[int, int]]:
        """(N,) where each object's points start and stop."""
        spans, start = [], 0
        for count in self.counts:
            spans.append((start, start + count))
            start += count
        return spans

    def select(self, index: Sequence[int]) -> PointSets:
        """The objects at `index`, in that order; `broken` starts again at 0."""
        spans = self.ends
        parts = [self.points[slice(*spans[i])] for i in index]
        points = torch.cat(parts) if parts else self.points[:0]
        return PointSets(points, tuple(self.counts[i] for i in index))

    def of(self, number: int) -> Tensor:
        """(S, C) points of one object."""
        return self.points[slice(*self.ends[number])]


def from_objects(objects: Sequence[Tensor], channels: int, *, dtype: torch.dtype = torch.float32) -> PointSets:
    """Objects given one by one.

    Args:
        objects: (S_i, C) each, of any length; points that are not finite are left out, and counted.
        channels: C, for the case of no object.
        dtype: of the points.
    """
    kept = [points[points.isfinite().all(1)] for points in objects]
    broken = sum(len(points) for points in objects) - sum(len(points) for points in kept)
    joined = torch.cat(kept).to(dtype) if kept else torch.zeros(0, channels, dtype=dtype)
    return PointSets(functional.normalize(joined, dim=1), tuple(len(points) for points in kept), broken)


def from_padded(features: Tensor, valid: Tensor | None = None) -> PointSets:
    """Objects given as one array.

    Args:
        features: (N, S, C); what is not valid may hold anything.
        valid: (N, S) bool, or None where all points are.
    """
    rows = [features[i] if valid is None else features[i][valid[i]] for i in range(len(features))]
    return from_objects(rows, features.shape[2], dtype=features.dtype)


def join(parts: Sequence[PointSets]) -> PointSets:
    """The objects of several sets, in order; at least one set."""
    points = torch.cat([part.points for part in parts])
    return PointSets(points, tuple(count for part in parts for count in part.counts), sum(part.broken for part in parts))
