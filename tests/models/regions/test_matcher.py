"""Which object each box is a sample of. Golden values Q9 are by hand from the boxes' overlaps."""

from __future__ import annotations

import pytest
import torch

from models.regions.matcher import BACKGROUND, IGNORED, match, match_boxes, spare
from models.regions.overlaps import iou

ANCHORS = torch.tensor([[0, 0, 20, 40], [4, 0, 24, 40], [10, 0, 30, 40], [60, 0, 80, 40], [62, 20, 82, 60]], dtype=torch.float32)
BOXES = torch.tensor([[2, 0, 22, 40], [61, 14, 81, 54]], dtype=torch.float32)


@pytest.mark.parametrize(
    ("positive", "negative", "best_from", "expected"),
    [
        # the proposal network's rule: the last anchor is below 0.7, but the second box's best
        (0.7, 0.3, 0.3, [0, 0, IGNORED, IGNORED, 1]),
        # the box head's rule
        (0.5, 0.5, None, [0, 0, BACKGROUND, BACKGROUND, 1]),
        # the embedding's rule
        (0.7, 0.3, None, [0, 0, IGNORED, IGNORED, IGNORED]),
    ],
)
def test_rules_of_the_three_heads(positive: float, negative: float, best_from: float | None, expected: list[int]) -> None:
    assert match(iou(ANCHORS, BOXES), positive, negative, best_from).tolist() == expected


def test_without_objects_all_is_background() -> None:
    assert match(iou(ANCHORS, BOXES[:0]), 0.7, 0.3, 0.3).tolist() == [BACKGROUND] * 5
    assert match(iou(ANCHORS[:0], BOXES), 0.7, 0.3, 0.3).tolist() == []


def test_best_anchors_include_ties_and_need_the_least_overlap() -> None:
    overlaps = torch.tensor([[0.4, 0.0], [0.4, 0.0], [0.3, 0.2]])
    assert match(overlaps, 0.7, 0.3, 0.3).tolist() == [0, 0, IGNORED]  # the second object's best, 0.2, is too little


@pytest.mark.parametrize("best_from", [None, 0.3])
@pytest.mark.parametrize("objects", [0, 1, 40])
def test_machine_code_equals_the_matrix_to_the_bit(objects: int, best_from: float | None) -> None:
    torch.manual_seed(0)
    corners = torch.rand(3000, 2) * 100
    boxes = torch.cat([corners, corners + torch.rand(3000, 2) * 40 - 2], 1)
    boxes[:100] = boxes[100:200]  # ties
    matched, most = match_boxes(boxes, boxes[50 : 50 + objects], 0.7, 0.3, best_from)
    overlaps = iou(boxes, boxes[50 : 50 + objects])
    assert torch.equal(matched, match(overlaps, 0.7, 0.3, best_from))
    assert torch.equal(most, overlaps.max(dim=1).values if objects else torch.zeros(3000))


def test_background_in_ignored_regions_is_spared() -> None:
    matched = torch.tensor([0, BACKGROUND, BACKGROUND, IGNORED])
    covered = torch.tensor([[0.9], [0.9], [0.5], [0.9]])
    assert spare(matched, covered).tolist() == [0, IGNORED, BACKGROUND, IGNORED]
    assert spare(matched, covered[:, :0]).tolist() == matched.tolist()


def test_boxes_without_area_overlap_nothing() -> None:
    empty = torch.tensor([[5.0, 5.0, 5.0, 9.0], [9.0, 9.0, 5.0, 5.0]])
    assert iou(empty, torch.cat([empty, BOXES])).abs().max() == 0
