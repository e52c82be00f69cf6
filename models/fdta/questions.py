"""What trackers ask the association network, and one padded pass that answers several of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from models.fdta.id_decoder import Present
from models.fdta.network import AssociationNetwork


@dataclass(frozen=True)
class Question:
    """Whose are these objects?

    Attributes:
        past: (N, T, width) float32 raw queries of N tracks in the T frames before, oldest first, zeros where absent.
        seen: (N, T) bool.
        labels: (N,) int64, the label of each track.
        objects: (M, width) float32 raw queries of this frame.
    """

    past: NDArray[np.float32]
    seen: NDArray[np.bool_]
    labels: NDArray[np.int64]
    objects: NDArray[np.float32]


@torch.no_grad()
def answer(association: AssociationNetwork, questions: Sequence[Question]) -> list[NDArray[np.float32]]:
    """Probabilities of all labels for the objects of each question, in float32.

    Questions are padded to the longest and answered together; what is padded has weight 0, so that an answer does not depend on the
    company of its question beyond float32 rounding.

    Args:
        association: in evaluation mode, on its device.
        questions: at least one track and one object each.

    Returns:
        For each question (M, V + 1) float32; rows add up to 1.
    """
    device = next(association.parameters()).device
    with torch.autocast(device.type, enabled=False):
        times = torch.arange(max(q.past.shape[1] for q in questions), device=device).expand(len(questions), -1)
        past = _padded([q.past for q in questions], device)
        seen = _padded([q.seen for q in questions], device)
        labels = _padded([q.labels for q in questions], device)
        objects = _padded([q.objects for q in questions], device)[:, None]
        there = _padded([np.ones(len(q.objects), np.bool_) for q in questions], device)[:, None]
        now = torch.tensor([[q.past.shape[1]] for q in questions], device=device)
        logits = association(past, seen, labels, times, Present(objects, now, there))
        found = logits[:, 0].float().softmax(-1).cpu().numpy()
    return [rows[: len(q.objects)] for rows, q in zip(found, questions, strict=True)]


def _padded(arrays: Sequence[NDArray[np.generic]], device: torch.device) -> torch.Tensor:
    """The arrays stacked, each padded with zeros behind its own values."""
    shape = np.max([array.shape for array in arrays], axis=0)
    stacked = np.zeros((len(arrays), *shape), arrays[0].dtype)
    for row, array in zip(stacked, arrays, strict=True):
        row[tuple(slice(0, side) for side in array.shape)] = array
    return torch.from_numpy(stacked).to(device)
