"""Queries to detections, and which query stands for a given box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional

from models.fdta.network import FdtaNetwork, FdtaOutputs
from models.fdta.options import FdtaOptions
from models.queries.boxes import generalised_iou, to_corners
from pipeline.contract.detections import Detections
from pipeline.numerics.boxes import iou

LEAST_SCORE = 0.01  # queries below are noise that no tracker and no precision-recall curve needs
TIE = 1e-3  # weight of the generalised overlap, which says what is nearest to a box that nothing overlaps


@dataclass(frozen=True)
class FdtaDetections(Detections):
    """Detections and what the association network reads of them.

    Attributes:
        embeddings: (N, width) float32, the queries at unit length; their similarity is the cosine.
        queries: (N, width) float32, the decoder's last outputs as they are.
    """

    queries: NDArray[np.float32]

    def select(self, index: NDArray[Any]) -> Self:
        """Keep the detections at `index`, in that order."""
        return replace(super().select(index), queries=self.queries[index])


@torch.no_grad()
def decode(network: FdtaNetwork, outputs: FdtaOutputs, options: FdtaOptions) -> list[FdtaDetections]:
    """The queries that score at least `LEAST_SCORE`, best first, in network input pixels, not clipped.

    Args:
        network: not read; the outputs hold all there is.
        outputs: of N images.
        options: not read; the tracker's thresholds come later.
    """
    scores, boxes = outputs.logits[:, -1, :, 0].float().sigmoid(), _pixels(outputs)
    order = torch.sort(scores, dim=1, descending=True, stable=True).indices
    scores = scores.gather(1, order)
    boxes, queries = (x.gather(1, order[..., None].expand(-1, -1, x.shape[-1])) for x in (boxes, outputs.queries.float()))
    parts = zip(*(_numpy(x) for x in (boxes, scores, functional.normalize(queries, dim=-1), queries)), strict=True)
    return [FdtaDetections(*(x[: int((image[1] >= LEAST_SCORE).sum())] for x in image)) for image in parts]


@torch.no_grad()
def describe(
    network: FdtaNetwork,
    outputs: FdtaOutputs,
    boxes: Sequence[NDArray[np.float32]],
    scores: Sequence[NDArray[np.float32]],
    classes: Sequence[NDArray[np.int64]],
    options: FdtaOptions,
) -> list[FdtaDetections]:
    """What the network says about given boxes: each takes the query that overlaps it best, one to one.

    The sum of the overlaps is the largest possible; of boxes that nothing overlaps, the nearest query is taken. Of more boxes than
    queries, those that go without take the query that overlaps them best, though another box has it.

    Args:
        network: not read.
        outputs: of N images.
        boxes: for each image (N_i, 4) float32 xyxy in network input pixels.
        scores: for each image (N_i,) float32.
        classes: for each image (N_i,) int64, kept as they are.
        options: not read.
    """
    own = _pixels(outputs)
    found = []
    for image, (given, given_scores, kinds) in enumerate(zip(boxes, scores, classes, strict=True)):
        corners = np.asarray(given, np.float32).reshape(-1, 4)
        queries = outputs.queries[image, closest_queries(corners, own[image])].float()
        unit = _numpy(functional.normalize(queries, dim=-1))
        found.append(FdtaDetections(corners, np.asarray(given_scores, np.float32), unit, _numpy(queries), classes=kinds))
    return found


def closest_queries(boxes: NDArray[np.float32], own: Tensor) -> NDArray[np.int64]:
    """The query (N,) of each box (N, 4), given the queries' boxes (Q, 4); all xyxy pixels. See `describe`."""
    if not len(boxes):
        return np.zeros(0, np.int64)
    near = generalised_iou(torch.from_numpy(boxes)[:, None], own.cpu()[None]).numpy()
    likeness = iou(boxes, _numpy(own)) + TIE * near
    chosen = likeness.argmax(1)
    rows, columns = linear_sum_assignment(-likeness)
    chosen[rows] = columns
    return chosen.astype(np.int64)


def _pixels(outputs: FdtaOutputs) -> Tensor:
    """(N, Q, 4) float32 xyxy pixels of the network input."""
    corners = to_corners(outputs.boxes[:, -1].float())
    return corners * outputs.pixels.float().repeat(1, 2)[:, None]


def _numpy(values: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = values.cpu().numpy()
    return array
