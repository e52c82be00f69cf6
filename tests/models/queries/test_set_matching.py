"""Costs, pairs and losses against stored numbers, and the cases that padding and emptiness bring."""

from __future__ import annotations

import pytest
import torch

from models.queries.boxes import generalised_iou, to_corners
from models.queries.set_matching import Weights, match, matching_cost, set_losses

LOGITS = torch.tensor([2.0, -1.0, 0.5], dtype=torch.float64).view(1, 3, 1)
BOXES = torch.tensor([[[0.30, 0.40, 0.20, 0.30], [0.62, 0.50, 0.18, 0.44], [0.35, 0.45, 0.25, 0.25]]], dtype=torch.float64)
TRUTH = torch.tensor([[[0.32, 0.42, 0.20, 0.32], [0.60, 0.52, 0.20, 0.40]]], dtype=torch.float64)
VALID = torch.ones(1, 2, dtype=torch.bool)


def test_costs_pairs_and_losses_are_the_stored_ones() -> None:
    # computed with the released functions of Deformable DETR
    cost = [[-3.606216, 0.934295], [3.646317, -0.648307], [-0.791987, 2.567669]]
    torch.testing.assert_close(matching_cost(LOGITS, BOXES, TRUTH, Weights())[0], torch.tensor(cost).double(), atol=6e-7, rtol=0)
    matched = match(LOGITS, BOXES, TRUTH, VALID, Weights())
    assert matched.tolist() == [[0, 1]]
    overlap = generalised_iou(to_corners(BOXES[0, :2]), to_corners(TRUTH[0]))
    assert overlap.tolist() == pytest.approx([0.716000, 0.732627], abs=6e-7)
    losses = set_losses(LOGITS, BOXES, TRUTH, VALID, matched)
    assert [value.item() / 2 for value in losses] == pytest.approx([0.229488, 0.080000, 0.275686], abs=6e-7)
    assert losses.weighted(Weights()).item() / 2 == pytest.approx(1.410349, abs=6e-7)


def test_padding_neither_matches_nor_costs() -> None:
    padded = torch.cat([TRUTH, TRUTH.new_full((1, 2, 4), 0.9)], 1)
    valid = torch.tensor([[True, True, False, False]])
    matched = match(LOGITS, BOXES, padded, valid, Weights())
    assert matched[:, :2].tolist() == [[0, 1]]
    alone = set_losses(LOGITS, BOXES, TRUTH, VALID, match(LOGITS, BOXES, TRUTH, VALID, Weights()))
    assert [x.item() for x in set_losses(LOGITS, BOXES, padded, valid, matched)] == pytest.approx([x.item() for x in alone])


def test_an_empty_image_costs_only_what_is_seen_there() -> None:
    nothing = torch.zeros(1, 2, dtype=torch.bool)
    losses = set_losses(LOGITS, BOXES, TRUTH, nothing, match(LOGITS, BOXES, TRUTH, nothing, Weights()))
    p = LOGITS.sigmoid()
    assert losses.score.item() == pytest.approx((0.75 * p**2 * -torch.log(1 - p)).sum().item())
    assert (losses.box.item(), losses.giou.item()) == (0.0, 0.0)


def test_more_objects_than_queries_are_refused() -> None:
    with pytest.raises(ValueError, match="2 objects in an image for 1 queries"):
        match(LOGITS[:, :1], BOXES[:, :1], TRUTH, VALID, Weights())


def test_a_network_that_diverged_is_matched_so_that_its_loss_can_tell() -> None:
    broken = BOXES * float("nan")
    matched = match(LOGITS, broken, TRUTH, VALID, Weights())
    assert sorted(matched[0].tolist()) != [0, 0]
    assert torch.isnan(set_losses(LOGITS, broken, TRUTH, VALID, matched).box)
