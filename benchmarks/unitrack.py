"""UniTrack's primitives on one core: similarity of objects, propagation of labels, a correlation filter's frame.

Peers are the formulations of the released code, written anew: every reconstruction made, the dense product under a mask.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.harness import Growth, Timed, compare, grow
from models.association.point_sets import from_padded
from models.association.rsm import rsm
from models.unitrack.correlation import blend, gaussian, hann, respond, solve
from models.unitrack.propagation import Source, propagate

OBJECTS, POINTS, CHANNELS = (10, 30, 60), 40, 256
MAP, MEMORY, LABELS, RADIUS, TOP_K, TEMPERATURE = (45, 80), 6, 3, 12, 10, 0.05
REGION, SCALES, CONTEXT = (65, 65), 3, 4.5
RSM_AIM, PROPAGATION_AIM = 3.0, 1.0


def measure() -> Iterator[Timed | Growth]:
    """A line for each number of objects; a frame of propagation; a frame of the filter; how propagation grows with the map."""
    torch.set_num_threads(1)
    for objects in OBJECTS:
        tracks, detections = (torch.randn(objects, POINTS, CHANNELS) for _ in range(2))
        ours = partial(rsm, from_padded(tracks), from_padded(detections))
        peers = {"reconstructions (released form)": partial(reconstructed, tracks, detections)}
        aim = RSM_AIM if objects == 30 else None
        yield compare(f"RSM, {objects} x {objects} objects", "frame", 1, ours, peers, aim=aim, clock=time.process_time)
    yield _propagation()
    yield _filter()
    yield grow("propagation", "cells", [k * k * 60 for k in (2, 4, 6, 8)], _growing, clock=time.process_time)


def reconstructed(tracks: Tensor, detections: Tensor) -> Tensor:
    """RSM of (N, S, C) and (M, S, C) with every reconstruction made; (N, M)."""
    first, second = functional.normalize(tracks, dim=2), functional.normalize(detections, dim=2)
    cosines = 100 * torch.einsum("nsc,mtc->nsmt", first, second)
    forward = cosines.flatten(2).softmax(2).view_as(cosines)
    backward = cosines.permute(2, 3, 0, 1).flatten(2).softmax(2).view(len(second), POINTS, len(first), POINTS)
    one = torch.einsum("nsmt,mtc->nmsc", forward, second).flatten(2)
    other = torch.einsum("mtns,nsc->mntc", backward, first).flatten(2)
    there = functional.cosine_similarity(one, first.flatten(1)[:, None], dim=2)
    return (there + functional.cosine_similarity(other, second.flatten(1)[:, None], dim=2).T) / 2


def dense(query: Tensor, anchors: list[Source], recent: list[Source], far: Tensor) -> Tensor:
    """Propagation by the whole product of all cells, masked afterwards."""
    targets = query.reshape(-1, CHANNELS)
    columns = [targets @ source.features.reshape(-1, CHANNELS).T for source in anchors]
    columns += [(targets @ source.features.reshape(-1, CHANNELS).T).masked_fill_(far, -math.inf) for source in recent]
    values, places = torch.cat(columns, 1).topk(TOP_K, 1)
    labels = torch.cat([source.labels.flatten(0, 1) for source in [*anchors, *recent]])
    return (torch.softmax(values / TEMPERATURE, 1)[..., None] * labels[places]).sum(1).view(*query.shape[:2], -1)


def _propagation() -> Timed:
    sources, query = [_source(*MAP) for _ in range(MEMORY)], _source(*MAP).features
    y, x = (axis.flatten() for axis in torch.meshgrid(*map(torch.arange, MAP), indexing="ij"))
    far = (y[:, None] - y[None]) ** 2 + (x[:, None] - x[None]) ** 2 >= RADIUS**2
    ours = partial(propagate, query, sources[:1], sources[1:])
    peers = {"dense masked product": partial(dense, query, sources[:1], sources[1:], far)}
    what = f"propagation, map {MAP[0]}x{MAP[1]}, memory {MEMORY}"
    return compare(what, "frame", 1, ours, peers, aim=PROPAGATION_AIM, rounds=5, clock=time.process_time)


def _filter() -> Timed:
    template, search = torch.randn(CHANNELS, *REGION), torch.randn(SCALES, CHANNELS, *REGION)
    ideal, window = gaussian(REGION, REGION[0] / CONTEXT * 0.1), hann(REGION)
    known = solve(template, ideal)

    def frame() -> None:
        respond(known, search * window)
        blend(known, solve(template, ideal))

    def transforms() -> None:
        torch.fft.rfft2(search)
        torch.fft.rfft2(template)

    what = f"DCF, {REGION[0]}x{REGION[1]}, {SCALES} scales and update"
    return compare(what, "frame", 1, frame, limit=transforms, clock=time.process_time)


def _growing(cells: int) -> partial[Tensor]:
    side = round((cells / 60) ** 0.5)
    sources = [_source(6 * side, 10 * side) for _ in range(MEMORY)]
    return partial(propagate, _source(6 * side, 10 * side).features, sources[:1], sources[1:])


def _source(height: int, width: int) -> Source:
    return Source(functional.normalize(torch.randn(height, width, CHANNELS), dim=2), torch.rand(height, width, LABELS))
