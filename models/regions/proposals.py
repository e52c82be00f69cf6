"""The region proposal network (Faster R-CNN): a score and a box for each anchor, and from these the regions worth a closer look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.regions.coder import PROPOSAL_SPREAD, clip, decode
from models.regions.nms import keep_sorted

NEVER = -1e9  # logit of a proposal that must not be chosen


class ProposalHead(nn.Module):
    """One 3x3 convolution over every level, then objectness and deltas of each anchor.

    Args:
        channels: of all levels.
        ratios: anchors at each cell.
    """

    def __init__(self, channels: int, ratios: int) -> None:
        super().__init__()
        self.hidden = nn.Conv2d(channels, channels, 3, padding=1)
        self.objectness = nn.Conv2d(channels, ratios, 1)
        self.deltas = nn.Conv2d(channels, 4 * ratios, 1)
        for layer in (self.hidden, self.objectness, self.deltas):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Returns logits (N, A) and deltas (N, A, 4) of maps (N, C, h, w) of each level, in the order of `anchors.anchors`."""
        logits, deltas = [], []
        for each in maps:
            hidden = functional.relu(self.hidden(each), inplace=True)
            logits.append(self.objectness(hidden).permute(0, 2, 3, 1).flatten(1))
            deltas.append(self.deltas(hidden).permute(0, 2, 3, 1).reshape(len(each), -1, 4))
        return torch.cat(logits, 1), torch.cat(deltas, 1)


class Proposals(NamedTuple):
    """Regions of one image, best first.

    Attributes:
        boxes: (P, 4) float32, xyxy pixels.
        logits: (P,) float32.
    """

    boxes: Tensor
    logits: Tensor


@torch.no_grad()
def propose(
    anchors: Sequence[Tensor],
    logits: Tensor,
    deltas: Tensor,
    size: tuple[int, int] | None,
    *,
    level_limit: int,
    limit: int,
    overlap: float = 0.7,
) -> list[Proposals]:
    """The best regions of each image: of every level the `level_limit` best, suppressed within the level, then the `limit` best of all.

    Regions that are not finite or have no area are left out; what has no finite score is left out as well.

    Args:
        anchors: (A_l, 4) float32 of each level, xyxy pixels.
        logits: (N, A) of all levels, one after the other.
        deltas: (N, A, 4), in the same order.
        size: width and height of the images in pixels, to which regions are clipped; None: they may leave the image.
        level_limit: regions of a level before suppression.
        limit: regions of an image.
        overlap: largest IoU of two regions of a level that both stay.
    """
    scores, boxes, counts = [], [], []
    start = 0
    for level in anchors:
        end = start + len(level)
        part = logits[:, start:end].float().nan_to_num(NEVER, posinf=NEVER, neginf=NEVER)
        best, chosen = part.topk(min(level_limit, len(level)), dim=1)
        moves = deltas[:, start:end].gather(1, chosen[..., None].expand(-1, -1, 4))
        decoded = decode(level[chosen], moves, PROPOSAL_SPREAD)
        boxes.append(decoded if size is None else clip(decoded, *size))
        scores.append(best)
        counts.append(best.shape[1])
        start = end
    return _suppressed(torch.cat(boxes, 1), torch.cat(scores, 1), counts, limit, overlap)


def _suppressed(boxes: Tensor, scores: Tensor, counts: list[int], limit: int, overlap: float) -> list[Proposals]:
    """Of (N, K, 4) regions, level by level and best first in each, those that stay."""
    corners = boxes.cpu().numpy()
    images, total = corners.shape[:2]
    with np.errstate(invalid="ignore"):
        eligible = (corners[..., 2:] > corners[..., :2]).all(-1) & np.isfinite(corners).all(-1) & (scores > NEVER).cpu().numpy()
    within = np.cumsum([0, *counts[:-1]])
    starts = np.append((np.arange(images)[:, None] * total + within).ravel(), images * total)
    alive = keep_sorted(corners.reshape(-1, 4), starts.astype(np.int64), overlap, eligible.ravel()).reshape(images, total)
    found = []
    for image, stays in enumerate(torch.from_numpy(alive).to(boxes.device)):
        kept = torch.nonzero(stays)[:, 0]
        best, order = scores[image, kept].sort(descending=True, stable=True)
        found.append(Proposals(boxes[image, kept[order[:limit]]], best[:limit]))
    return found
