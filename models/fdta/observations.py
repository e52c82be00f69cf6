"""What a clip's frames show of each person: matched queries, gathered frame by frame into trajectories."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from models.queries.boxes import generalised_iou, to_corners
from models.queries.set_matching import at_queries


class Observations(NamedTuple):
    """The matched queries of B clips, T frames, N people.

    Attributes:
        queries: (B, T, N, width), zeros where absent.
        seen: (B, T, N) bool.
        overlap: (B, T, N) generalised overlap of the query's box with the person's, without gradient; 0 where absent.
    """

    queries: Tensor
    seen: Tensor
    overlap: Tensor


class Looked(NamedTuple):
    """What the last decoder layer says of frames.

    Attributes:
        logits: (F, Q, 1).
        boxes: (F, Q, 4) centre form.
        queries: (F, Q, width).
    """

    logits: Tensor
    boxes: Tensor
    queries: Tensor


def observe(looked: Looked, truth: Tensor, matched: Tensor, people: Tensor, columns: int) -> Observations:
    """Gather what was looked at of each person.

    Args:
        looked: of all frames, B * T.
        truth: (B, T, K, 4) boxes in centre form.
        matched: (B * T, K) int64, the query of each object.
        people: (B, T, K) int64, the column of each object's person, -1 unknown.
        columns: N.
    """
    clips, frames, slots = people.shape
    nobody = torch.where(people >= 0, people, columns)  # a column more, which is cut off again
    order = torch.arange(slots, device=people.device).expand(clips, frames, -1)
    place = order.new_zeros(clips, frames, columns + 1).scatter(2, nobody, order)[..., :columns]
    seen = torch.zeros(clips, frames, columns + 1, dtype=torch.bool, device=people.device)
    seen = seen.scatter(2, nobody, torch.ones_like(people, dtype=torch.bool))[..., :columns]
    at = matched.gather(1, place.flatten(0, 1))
    queries = at_queries(looked.queries, at).unflatten(0, (clips, frames))
    boxes = at_queries(looked.boxes.detach(), at).unflatten(0, (clips, frames))
    own = truth.gather(2, place[..., None].expand(-1, -1, -1, 4))
    overlap = generalised_iou(to_corners(boxes), to_corners(own))
    return Observations(torch.where(seen[..., None], queries, 0.0), seen, torch.where(seen, overlap, 0.0))


def histories(observations: Observations, past: Tensor) -> tuple[Tensor, Tensor]:
    """The past of each group: whose observation stands where.

    Args:
        observations: of B clips.
        past: (B, G, T, N) int64, -1: nobody's.

    Returns:
        (B, G, N, T, width) queries, zeros where there are none, and (B, G, N, T) bool.
    """
    groups = past.shape[1]
    rows = past.clamp(min=0)[..., None].expand(-1, -1, -1, -1, observations.queries.shape[-1])
    found = observations.queries[:, None].expand(-1, groups, -1, -1, -1).gather(3, rows)
    seen = past >= 0
    return torch.where(seen[..., None], found, 0.0).transpose(2, 3), seen.transpose(2, 3)
