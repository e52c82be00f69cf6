"""Suppression beside the plain loop over pairs."""

from __future__ import annotations

import numpy as np
import torch

from models.regions.nms import keep_sorted, nms
from models.regions.overlaps import iou


def plain(boxes: torch.Tensor, scores: torch.Tensor, groups: torch.Tensor, threshold: float) -> list[int]:
    overlaps, kept = iou(boxes, boxes).gt(threshold).tolist(), list[int]()
    for i in scores.sort(descending=True, stable=True).indices.tolist():
        if all(groups[i] != groups[j] or not overlaps[i][j] for j in kept):
            kept.append(i)
    return kept


def crowd(count: int = 300) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    centres, sides = torch.rand(count, 2) * 100, torch.rand(count, 2) * 40 + 5
    return torch.cat([centres - sides / 2, centres + sides / 2], 1), torch.rand(count).mul(50).round() / 50  # with equal scores


def test_keeps_what_the_plain_loop_keeps() -> None:
    boxes, scores = crowd()
    for threshold in (0.3, 0.7):
        for groups in (torch.zeros(300, dtype=torch.int64), torch.arange(300) % 3):
            kept = nms(boxes, scores, groups, threshold)
            assert kept.tolist() == plain(boxes, scores, groups, threshold)
            assert 20 < len(kept) < 300


def test_an_overlap_of_exactly_the_threshold_stays() -> None:
    boxes = torch.tensor([[0.0, 0.0, 2.0, 1.0], [1.0, 0.0, 2.0, 1.0]])
    zeros = torch.zeros(2, dtype=torch.int64)
    assert nms(boxes, torch.tensor([0.9, 0.8]), zeros, 0.5).tolist() == [0, 1]
    assert nms(boxes, torch.tensor([0.9, 0.8]), zeros, 0.49).tolist() == [0]


def test_what_is_not_finite_neither_stays_nor_suppresses() -> None:
    boxes = torch.tensor([[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 4.0], [0.0, torch.nan, 4.0, 4.0]])
    assert nms(boxes, torch.tensor([torch.nan, 0.5, 0.9]), torch.zeros(3, dtype=torch.int64), 0.5).tolist() == [1]


def test_nothing_and_empty_groups() -> None:
    assert nms(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, dtype=torch.int64), 0.5).tolist() == []
    boxes = np.array([[0, 0, 4, 4], [0, 0, 4, 4]], np.float32)
    assert keep_sorted(boxes, np.array([0, 0, 1, 1, 2]), 0.5).tolist() == [True, True]
