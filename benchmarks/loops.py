"""The obvious loops for what the pipeline does with arrays: peers in benchmarks/maps.py, and references in its tests."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from models.dense.options import STRIDE
from models.dense.targets import gaussian_radius
from models.outrack.network import OutrackOutputs

Floats = NDArray[np.floating[Any]]


def heat_map(boxes: Floats, height: int, width: int) -> Floats:
    """(height, width) float32: box by box, cell by cell of its Gaussian; boxes (N, 4) in map cells, centres inside."""
    heat = np.zeros((height, width), np.float32)
    for left, top, right, bottom in boxes:
        x, y = int((left + right) / 2), int((top + bottom) / 2)
        radius = int(gaussian_radius(np.ceil([bottom - top]), np.ceil([right - left]))[0])
        sigma = (2 * radius + 1) / 6
        for row in range(max(y - radius, 0), min(y + radius + 1, height)):
            for column in range(max(x - radius, 0), min(x + radius + 1, width)):
                value = np.float32(math.exp(-((row - y) ** 2 + (column - x) ** 2) / (2 * sigma**2)))
                heat[row, column] = max(heat[row, column], value)
    return heat


def occluded_regions(boxes: Floats, threshold: float) -> list[tuple[float, float, float, float]]:
    """Overlaps of pairs of boxes (N, 4), pair by pair, in no promised order."""
    found = []
    for first, second in combinations(boxes, 2):
        left, top, right, bottom = _common(first, second)
        smaller = min((box[2] - box[0]) * (box[3] - box[1]) for box in (first, second))
        if right > left and bottom > top and (right - left) * (bottom - top) / smaller > threshold:
            found.append((left, top, right, bottom))
    return found


def decode(outputs: OutrackOutputs, top_k: int, least: float) -> list[tuple[Floats, float, Floats]]:
    """Box, score and unit embedding of each peak of one image's maps, cell by cell as they are found."""
    assert outputs.embedding is not None
    heat = outputs.heatmap.sigmoid()
    heat = torch.where(functional.max_pool2d(heat, 3, 1, 1) == heat, heat, 0.0)[0, 0]
    scores, cells = heat.flatten().topk(top_k)
    found = []
    for score, cell in zip(scores.tolist(), cells.tolist(), strict=True):
        if score >= least:
            y, x = divmod(cell, heat.shape[1])
            centre = torch.tensor([x, y]) + outputs.offset[0, :, y, x]
            size = outputs.size[0, :, y, x]
            box = torch.cat([centre - size[:2], centre + size[2:]]) * STRIDE
            found.append((box.numpy(), score, functional.normalize(outputs.embedding[0, :, y, x], dim=0).numpy()))
    return found


def find_evidence(predicted: Floats, occluders: Floats, centres: Floats) -> list[float]:
    """Score of the best pair of occluder and centre for each lost object, pair by pair."""
    scores = []
    for box in predicted:
        best = 0.0
        for other in occluders:
            left, top, right, bottom = _common(box, other)
            if right > left and bottom > top:
                sigma = max(float(gaussian_radius(np.array([bottom - top]), np.array([right - left]))[0]), 1e-3)
                for x, y in centres:
                    if box[0] < x < box[2] and box[1] < y < box[3]:
                        away = ((left + right) / 2 - x) ** 2 + ((top + bottom) / 2 - y) ** 2
                        best = max(best, math.exp(-away / (2 * sigma**2)))
        scores.append(best)
    return scores


def _common(first: Floats, second: Floats) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of what two boxes (4,) share; where they share nothing, right < left or bottom < top."""
    left, top = np.maximum(first[:2], second[:2])
    right, bottom = np.minimum(first[2:], second[2:])
    return left, top, right, bottom
