"""Maps to detections: peaks, boxes, embeddings, displacements and occlusion centres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from models.dense.heads import at_cells
from models.outrack.network import STRIDE, OutrackNetwork, OutrackOutputs
from models.outrack.options import OutrackOptions, looks_back
from pipeline.contract.detections import Detections

LEAST_SCORE = 0.01  # peaks below are noise that no tracker and no precision-recall curve needs


@dataclass(frozen=True)
class OutrackDetections(Detections):
    """Detections and where people hide behind each other.

    Attributes:
        occlusion_centres: (P, 2) float32 x, y in pixels, best first.
        occlusion_scores: (P,) float32 in [0, 1].
        displacements: (N, 2) float32, pixels from each box's centre to where it was in the frame before; (N, 0) in FairMOT's style.
    """

    occlusion_centres: NDArray[np.float32]
    occlusion_scores: NDArray[np.float32]
    displacements: NDArray[np.float32]

    def moved(self, scale: float, left: float, top: float) -> OutrackDetections:
        """Map boxes, occlusion centres and displacements from network input to image pixels."""
        centres = ((self.occlusion_centres - np.array([left, top], np.float32)) / np.float32(scale)).astype(np.float32)
        displacements = (self.displacements / np.float32(scale)).astype(np.float32)
        boxes = super().moved(scale, left, top).boxes
        return replace(self, boxes=boxes, occlusion_centres=centres, displacements=displacements)

    def select(self, index: NDArray[Any]) -> Self:
        """Keep the detections at `index`, in that order, and all occlusion centres."""
        return replace(super().select(index), displacements=self.displacements[index])

    def above(self, score: float) -> Self:
        """Keep boxes and occlusion centres that score at least `score`."""
        likely = self.occlusion_scores >= score
        centres, scores = self.occlusion_centres[likely], self.occlusion_scores[likely]
        return replace(super().above(score), occlusion_centres=centres, occlusion_scores=scores)


@torch.no_grad()
def decode(network: OutrackNetwork | None, outputs: OutrackOutputs, options: OutrackOptions) -> list[OutrackDetections]:
    """Read the detections of each image, in network input pixels.

    A detection is a cell that is the largest of its 3x3 neighbourhood; there is no suppression by overlap. Reads `top_k` of the
    tracker's options; detections and occlusions are cut only at `LEAST_SCORE`, the tracker's thresholds come later.

    Returns:
        One `OutrackDetections` an image, scores descending, embeddings and displacements taken at the integer peak, (N, 0) each where
        the network does not learn them.
    """
    top_k = options.tracker.top_k
    scores, cells = _peaks(outputs.heatmap, top_k)
    centres = _points(cells, outputs.offset)
    size = at_cells(outputs.size, cells)
    boxes = torch.cat([centres - size[..., :2], centres + size[..., 2:]], -1) * STRIDE
    embeddings = functional.normalize(_read(_embedding(outputs, options), cells), dim=-1)
    displacements = _read(outputs.displacement, cells) * STRIDE
    hidden_scores, hidden = _occlusions(outputs, 4 * top_k)
    found = []
    for parts in zip(*map(_numpy, (boxes, scores, embeddings, hidden, hidden_scores, displacements)), strict=True):
        keep, likely = (int((parts[part] >= LEAST_SCORE).sum()) for part in (1, 4))
        counts = (keep, keep, keep, likely, likely, keep)
        found.append(OutrackDetections(*(part[:count] for part, count in zip(parts, counts, strict=True))))
    return found


@torch.no_grad()
def describe(
    network: OutrackNetwork | None,
    outputs: OutrackOutputs,
    boxes: Sequence[NDArray[np.float32]],
    scores: Sequence[NDArray[np.float32]],
    classes: Sequence[NDArray[np.int64]],
    options: OutrackOptions,
) -> list[OutrackDetections]:
    """What the maps say at given boxes: embeddings and displacements at their centres (the nearest cell for centres outside), and the
    occlusions.

    Args:
        network: not read, the maps say it all.
        outputs: maps of N images.
        boxes: for each image (N_i, 4) float32 xyxy in network input pixels.
        scores: for each image (N_i,) float32.
        classes: for each image (N_i,) int64.
        options: the whole `model` section.
    """
    hidden_scores, hidden = _occlusions(outputs, 4 * options.tracker.top_k)
    maps = _embedding(outputs, options)
    found = []
    for i, (image_boxes, image_scores, kinds) in enumerate(zip(boxes, scores, classes, strict=True)):
        likely = int((hidden_scores[i] >= LEAST_SCORE).sum())
        corners = np.asarray(image_boxes, np.float32).reshape(-1, 4)
        cells = _centre_cells(corners, outputs.heatmap[i : i + 1])
        embeddings = functional.normalize(_one(maps, i, cells), dim=-1)
        given = (corners, np.asarray(image_scores, np.float32), _numpy(embeddings))
        displacements = _numpy(_one(outputs.displacement, i, cells) * STRIDE)
        found.append(OutrackDetections(*given, _numpy(hidden[i, :likely]), _numpy(hidden_scores[i, :likely]), displacements, classes=kinds))
    return found


def decodes_with(options: OutrackOptions) -> tuple[str, ...]:
    """The tracker's options that detections depend on; the threshold decides what a network that looks back is shown."""
    return ("top_k", "detection_threshold") if looks_back(options) else ("top_k",)


def _embedding(outputs: OutrackOutputs, options: OutrackOptions) -> Tensor | None:
    """The map of embeddings; None where nothing trained it, so that nobody tracks or scores by noise."""
    return None if options.loss.reid == "none" else outputs.embedding


def _centre_cells(boxes: NDArray[np.float32], like: Tensor) -> Tensor:
    """(1, N) flat cells, in a map like (1, C, h, w), of the centres of boxes (N, 4) in network input pixels."""
    height, width = like.shape[-2:]
    corners = torch.from_numpy(boxes).to(like.device)
    x, y = ((corners[:, :2] + corners[:, 2:]) / (2 * STRIDE)).floor().long().T
    return (y.clamp(0, height - 1) * width + x.clamp(0, width - 1))[None]


def _one(maps: Tensor | None, image: int, cells: Tensor) -> Tensor:
    """(N, C) values of one image's map at flat cells (1, N)."""
    return _read(None if maps is None else maps[image : image + 1], cells)[0]


def _read(maps: Tensor | None, cells: Tensor) -> Tensor:
    """(N, k, C) float32 values of maps (N, C, h, w) at flat cells (N, k); C is 0 for a map that there is not."""
    return at_cells(maps, cells) if maps is not None else torch.zeros((*cells.shape, 0), device=cells.device)


def _occlusions(outputs: OutrackOutputs, top_k: int) -> tuple[Tensor, Tensor]:
    """Scores (N, P) and points (N, P, 2) in input pixels; P is 0 without the occlusion heads."""
    if outputs.occlusion is None or outputs.occlusion_offset is None:
        none = outputs.heatmap.new_zeros((len(outputs.heatmap), 0, 2), dtype=torch.float32)
        return none[..., 0], none
    scores, cells = _peaks(outputs.occlusion, top_k)
    return scores, _points(cells, outputs.occlusion_offset) * STRIDE


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


def _numpy(values: Tensor) -> NDArray[np.float32]:
    return np.ascontiguousarray(values.float().cpu().numpy())
