"""The reconstruction similarity metric of UniTrack (Eq. 2, section 2.4): how well two objects reconstruct each other's points.

The affinity of all points of all tracks with those of all detections is normalised once in each direction. A pair's part of it mixes
the one object's points into a reconstruction of the other, and the metric is the mean of both cosines. Since points have unit length, the
reconstruction itself is never made: with the pair's weights R, the cosines S and the Gram matrix G of the mixed object,
`<t, R d> = sum(R * S)` and `|R d|^2 = sum((R G) * R)`.

The paper's remark that the metric goes to zero with the weights does not hold: a cosine does not know its vectors' lengths.
"""

from __future__ import annotations

import torch
from torch import Tensor

from models.association.point_sets import PointSets

SHARPNESS = 100.0  # what cosines are multiplied by before the softmax
TINY = 1e-12


def rsm(tracks: PointSets, detections: PointSets, *, sharpness: float = SHARPNESS) -> Tensor:
    """The similarity of each track with each detection.

    Args:
        tracks: N objects.
        detections: M objects, of points of the same length.
        sharpness: of the softmax.

    Returns:
        (N, M), about -1 to 1, larger is more alike; 0 for objects without points. A cost is `1 - rsm` (Eq. 11 leaves out the `1 -`).
    """
    shape = len(tracks), len(detections)
    if not len(tracks.points) or not len(detections.points):
        return tracks.points.new_zeros(shape)
    cosines = tracks.points @ detections.points.T
    forward = _reconstructed(cosines, tracks, detections, sharpness)
    return (forward + _reconstructed(cosines.T.contiguous(), detections, tracks, sharpness).T) / 2


def _reconstructed(cosines: Tensor, made: PointSets, mixed: PointSets, sharpness: float) -> Tensor:
    """(A, B) cosines of A objects with their reconstructions from each of B others; `cosines` (points of A, points of B)."""
    weights = torch.softmax(sharpness * cosines, 1)
    aligned, length = (cosines.new_zeros(len(cosines), len(mixed)) for _ in range(2))
    for number, (start, stop) in enumerate(mixed.ends):
        if start < stop:
            part, points = weights[:, start:stop], mixed.points[start:stop]
            aligned[:, number] = (part * cosines[:, start:stop]).sum(1)
            length[:, number] = ((part @ (points @ points.T)) * part).sum(1)
    sums = _sums(torch.stack([aligned, length]), made)
    own = torch.tensor(made.counts, dtype=cosines.dtype, device=cosines.device)[:, None]
    return sums[0] / (own * sums[1].clamp(min=0)).sqrt().clamp(min=TINY)


def _sums(values: Tensor, objects: PointSets) -> Tensor:
    """(2, N, M) sums of (2, P, M) over each object's points, in their order."""
    return torch.stack([values[:, start:stop].sum(1) for start, stop in objects.ends], 1)
