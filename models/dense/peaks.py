"""Maps of detectors of centre points to peaks, boxes, occlusion centres, and values at given places."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.dense.heads import at_cells
from models.dense.options import STRIDE

LEAST_SCORE = 0.01  # peaks below are noise that no tracker and no precision-recall curve needs


class CentreMaps(Protocol):
    """The outputs that all detectors of centre points have (`CentreNetwork`)."""

    @property
    def heatmap(self) -> Tensor: ...

    @property
    def size(self) -> Tensor: ...

    @property
    def offset(self) -> Tensor: ...

    @property
    def occlusion(self) -> Tensor | None: ...

    @property
    def occlusion_offset(self) -> Tensor | None: ...


class Peaks(NamedTuple):
    """What N images show at up to k peaks, best first.

    Attributes:
        boxes: (N, k, 4) float32, xyxy pixels of the network's input.
        scores: (N, k) float32.
        cells: (N, k) int64, flat cells of the maps.
    """

    boxes: Tensor
    scores: Tensor
    cells: Tensor


def object_peaks(outputs: CentreMaps, top_k: int) -> Peaks:
    """The `top_k` best objects of each image: cells that are the largest of their 3x3 neighbourhood; there is no suppression by overlap.

    Where an image has fewer, the rest scores 0.
    """
    scores, cells = _peaks(outputs.heatmap, top_k)
    centres, size = _points(cells, outputs.offset), at_cells(outputs.size, cells)
    boxes = torch.cat([centres - size[..., :2], centres + size[..., 2:]], -1) * STRIDE
    return Peaks(boxes, scores, cells)


def occlusion_peaks(outputs: CentreMaps, top_k: int) -> tuple[Tensor, Tensor]:
    """Scores (N, P), descending, and points (N, P, 2) in input pixels; P is 0 without the occlusion heads."""
    if outputs.occlusion is None or outputs.occlusion_offset is None:
        none = outputs.heatmap.new_zeros((len(outputs.heatmap), 0, 2), dtype=torch.float32)
        return none[..., 0], none
    scores, cells = _peaks(outputs.occlusion, top_k)
    return scores, _points(cells, outputs.occlusion_offset) * STRIDE


def likely(scores: Tensor) -> list[int]:
    """How many of each image's scores (N, k), descending, are at least `LEAST_SCORE`."""
    counts: list[int] = (scores >= LEAST_SCORE).sum(1).tolist()
    return counts


def values_at(maps: Tensor | None, cells: Tensor) -> Tensor:
    """(N, k, C) float32 values of maps (N, C, h, w) at flat cells (N, k); without maps (None) C is 0."""
    return at_cells(maps, cells) if maps is not None else torch.zeros((*cells.shape, 0), device=cells.device)


def values_in(maps: Tensor | None, image: int, cells: Tensor) -> Tensor:
    """(K, C) float32 values of the map of image number `image` at flat cells (1, K); without maps (None) C is 0."""
    return values_at(None if maps is None else maps[image : image + 1], cells)[0]


def centre_cells(boxes: NDArray[np.float32], like: Tensor) -> Tensor:
    """(1, N) flat cells, in a map like (1, C, h, w), of the centres of boxes (N, 4) in network input pixels."""
    height, width = like.shape[-2:]
    corners = torch.from_numpy(boxes).to(like.device)
    x, y = ((corners[:, :2] + corners[:, 2:]) / (2 * STRIDE)).floor().long().T
    return (y.clamp(0, height - 1) * width + x.clamp(0, width - 1))[None]


def to_numpy(values: Tensor) -> NDArray[np.float32]:
    """The values as a contiguous float32 array in main memory."""
    return np.ascontiguousarray(values.float().cpu().numpy())


def _peaks(logits: Tensor, top_k: int) -> tuple[Tensor, Tensor]:
    """Scores (N, k) descending and flat cells (N, k) of the local maxima of (N, 1, h, w); other cells score 0."""
    heat = logits.float().sigmoid().nan_to_num_(0.0)
    peaks = _highest_around(heat).eq_(heat).mul_(heat).flatten(1)  # in place, which takes a tenth of the time of `where`
    scores, cells = peaks.topk(min(top_k, peaks.shape[1]))
    return scores, cells


def _highest_around(heat: Tensor) -> Tensor:
    """The largest of each cell's 3x3 neighbourhood, in rows and then in columns: for maps of one channel far quicker than max_pool2d."""
    highest = heat
    for axis in (-1, -2):
        before, highest, last = highest, highest.clone(), highest.shape[axis] - 1
        for to, source in ((1, 0), (0, 1)):
            part = highest.narrow(axis, to, last)
            torch.maximum(part, before.narrow(axis, source, last), out=part)
    return highest


def _points(cells: Tensor, offset: Tensor) -> Tensor:
    """(N, k, 2) x, y in map cells: the cell plus the predicted offset."""
    width = offset.shape[-1]
    return torch.stack([cells % width, cells // width], -1) + at_cells(offset, cells)
