"""The heat map of the objects of the frame before, which the network is given with that frame's image (CenterTrack, 4.1 and 4.3).

The heat map has the input's size; each object is CornerNet's Gaussian, its radius taken from the box in input pixels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.dense.targets import draw, gaussian_radius
from pipeline.numerics.boxes import centres

# how training's heat maps err as a detector's would (section 4.3; numbers of the released MOT configuration)
JITTER = 0.05  # standard deviation of a centre, as a share of the box's sides
MISSED = 0.4  # probability that an object has no peak
FALSE_PEAK = 0.1  # probability that an object has a further peak beside it, jittered anew

Floats = NDArray[np.floating[Any]]


def heat_map(boxes: Floats, points: Floats, height: int, width: int) -> NDArray[np.float32]:
    """(1, height, width) float32: a Gaussian for each box (N, 4) at its point (N, 2), in pixels; points outside move to the edge."""
    heat = np.zeros((1, height, width), np.float32)
    sides = np.ceil(boxes[:, 2:] - boxes[:, :2])
    radii = gaussian_radius(sides[:, 1], sides[:, 0]).astype(np.int64)
    places = np.clip(points.astype(np.int64), 0, [width - 1, height - 1])
    for (x, y), radius in zip(places.tolist(), radii.tolist(), strict=True):
        draw(heat[0], x, y, max(radius, 0))
    return heat


def disturbed_heat_map(boxes: Floats, height: int, width: int, random: np.random.Generator) -> NDArray[np.float32]:
    """(1, height, width) float32: true boxes (N, 4), xyxy pixels, as if detected, with jitter, misses and false peaks."""
    sides, true = boxes[:, 2:] - boxes[:, :2], centres(boxes)
    first, second = (true + JITTER * sides * random.standard_normal(true.shape) for _ in range(2))
    shown, doubled = random.random(len(boxes)) >= MISSED, random.random(len(boxes)) < FALSE_PEAK
    return heat_map(np.concatenate([boxes[shown], boxes[doubled]]), np.concatenate([first[shown], second[doubled]]), height, width)
