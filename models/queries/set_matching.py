"""One query for each object: the matching of DETR (Carion et al. 2020) with focal costs, and the losses of what matched."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional

from models.queries.boxes import generalised_iou, pairwise_giou, to_corners

ALPHA, GAMMA = 0.25, 2.0  # of the focal loss (Lin et al. 2017)
EDGE = 1e-8  # inside the logarithms of the cost, as published
HOPELESS = 1e6  # cost where a network has diverged: its loss then says so


class Weights(NamedTuple):
    """What matching and losses weigh (Deformable DETR: 2, 5, 2).

    Attributes:
        score: of the focal cost and loss.
        box: of the L1 distance of boxes in centre form.
        giou: of the generalised overlap.
    """

    score: float = 2.0
    box: float = 5.0
    giou: float = 2.0


class SetLosses(NamedTuple):
    """Sums over all images, not divided by anything; scalars.

    Attributes:
        score: focal loss of all queries.
        box: L1 distance of matched boxes.
        giou: 1 - generalised overlap of matched boxes.
    """

    score: Tensor
    box: Tensor
    giou: Tensor

    def weighted(self, weights: Weights) -> Tensor:
        """Their weighted sum."""
        return weights.score * self.score + weights.box * self.box + weights.giou * self.giou


@torch.no_grad()
def matching_cost(logits: Tensor, boxes: Tensor, truth: Tensor, weights: Weights) -> Tensor:
    """What it costs that a query stands for an object, computed in float32 or wider.

    Args:
        logits: (N, Q, 1).
        boxes: (N, Q, 4) centre form in [0, 1].
        truth: (N, K, 4) centre form in [0, 1].
        weights: of the three parts.

    Returns:
        (N, Q, K).
    """
    p = logits.to(torch.promote_types(logits.dtype, torch.float32)).sigmoid()
    present = ALPHA * (1 - p) ** GAMMA * -(p + EDGE).log()
    absent = (1 - ALPHA) * p**GAMMA * -(1 - p + EDGE).log()
    distance = torch.cdist(boxes.to(p.dtype), truth.to(p.dtype), p=1)
    overlap = pairwise_giou(to_corners(boxes.to(p.dtype)), to_corners(truth.to(p.dtype)))
    return weights.score * (present - absent) + weights.box * distance - weights.giou * overlap


def match(logits: Tensor, boxes: Tensor, truth: Tensor, valid: Tensor, weights: Weights) -> Tensor:
    """The query of each object: the one-to-one assignment of least total cost.

    Args:
        logits: (N, Q, 1).
        boxes: (N, Q, 4) centre form in [0, 1].
        truth: (N, K, 4) centre form in [0, 1].
        valid: (N, K) bool; other rows of `truth` are padding.
        weights: of the cost.

    Returns:
        (N, K) int64 on the device; 0 for padding.

    Raises:
        ValueError: an image has more objects than queries.
    """
    counts = valid.sum(1).max().item() if valid.numel() else 0
    if counts > logits.shape[1]:
        raise ValueError(f"{counts} objects in an image for {logits.shape[1]} queries")
    cost = matching_cost(logits, boxes, truth, weights).nan_to_num(HOPELESS, HOPELESS, -HOPELESS).cpu().numpy()
    found = np.zeros(valid.shape, np.int64)
    for image, rows in enumerate(valid.cpu().numpy()):
        objects = np.flatnonzero(rows)
        if len(objects):
            order, queries = linear_sum_assignment(cost[image][:, objects].T)
            found[image, objects[order]] = queries
    return torch.from_numpy(found).to(logits.device)


def set_losses(logits: Tensor, boxes: Tensor, truth: Tensor, valid: Tensor, matched: Tensor) -> SetLosses:
    """Losses of N images whose objects are matched.

    Args:
        logits: (N, Q, 1).
        boxes: (N, Q, 4) centre form in [0, 1].
        truth: (N, K, 4) centre form in [0, 1].
        valid: (N, K) bool; other rows of `truth` are padding.
        matched: (N, K) int64 from `match`.
    """
    known = valid.to(boxes.dtype)
    seen = torch.zeros_like(logits[..., 0]).scatter_add(1, matched, known.to(logits.dtype))
    found = at_queries(boxes, matched)
    distance = ((found - truth).abs().sum(-1) * known).sum()
    overlap = ((1 - generalised_iou(to_corners(found), to_corners(truth))) * known).sum()
    return SetLosses(focal_loss(logits[..., 0], seen), distance, overlap)


def focal_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Sum of the sigmoid focal loss of logits against truth in {0, 1}, of equal shape."""
    p = logits.sigmoid()
    loss = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    unsure = p * (1 - truth) + (1 - p) * truth
    return ((ALPHA * truth + (1 - ALPHA) * (1 - truth)) * unsure**GAMMA * loss).sum()


def at_queries(values: Tensor, matched: Tensor) -> Tensor:
    """Rows (N, K, C) of values (N, Q, C) at the queries (N, K)."""
    return values.gather(1, matched[..., None].expand(-1, -1, values.shape[-1]))
