"""Similarities beside the reconstruction metric (appendix D of UniTrack): centre, global, pooled and re-identification features."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from models.association.point_sets import PointSets


def global_features(tracks: PointSets, detections: PointSets) -> Tensor:
    """GF: (N, M) cosines of each object's point vectors concatenated into one; 0 for objects without points.

    Raises:
        ValueError: objects that have points differ in their number, so that the vectors differ in length.
    """
    sizes = {count for count in (*tracks.counts, *detections.counts) if count}
    if len(sizes) > 1:
        raise ValueError(f"global features need objects of one size, not of {sorted(sizes)} points; masks and poses have none")
    size = sizes.pop() if sizes else 0
    return _cosines(_stacked(tracks, size), _stacked(detections, size))


def pooled_features(tracks: PointSets, detections: PointSets) -> Tensor:
    """GPF: (N, M) cosines of the mean of each object's points; 0 for objects without points."""
    return _cosines(_means(tracks), _means(detections))


def vectors(tracks: Tensor, detections: Tensor) -> Tensor:
    """CF and ReID: (N, M) cosines of one vector per object, (N, C) and (M, C), of any length.

    A vector that holds NaN or infinity has a cosine of 0 with all others.
    """
    return _cosines(*(x.masked_fill(~x.isfinite().all(1, keepdim=True), 0.0) for x in (tracks, detections)))


def _cosines(first: Tensor, second: Tensor) -> Tensor:
    return functional.normalize(first, dim=1) @ functional.normalize(second, dim=1).T


def _stacked(objects: PointSets, size: int) -> Tensor:
    flat = objects.points.new_zeros(len(objects), size * objects.points.shape[1])
    for number, (start, stop) in enumerate(objects.ends):
        if start < stop:
            flat[number] = objects.points[start:stop].flatten()
    return flat


def _means(objects: PointSets) -> Tensor:
    means = objects.points.new_zeros(len(objects), objects.points.shape[1])
    for number, (start, stop) in enumerate(objects.ends):
        if start < stop:
            means[number] = torch.mean(objects.points[start:stop], 0)
    return means
