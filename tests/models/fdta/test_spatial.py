"""The spatial adapter: bins, depth, tokens and where gradients go."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from models.dense.depth import bin_index, bin_size, bin_values, expected_depth
from models.fdta.depth_loss import depth_loss, pixel_losses
from models.fdta.spatial import SpatialAdapter
from pipeline.contract.spec import count_parameters

NEAR, FAR, BINS = 1e-3, 256.0, 150  # of the paper
LOGITS = (0.0, 1.0, 2.0, -1.0, 0.5)


def adapter(**changes: Any) -> SpatialAdapter:
    torch.manual_seed(0)
    rest = {"projection": "each", "stride": 8, "hidden": 16, "dropout": 0.0, "weight_dropout": 0.0} | changes
    return SpatialAdapter(16, 2, 4, (1.0, 9.0), **rest).eval()


def maps() -> list[torch.Tensor]:
    torch.manual_seed(1)
    return [torch.randn(2, 16, 64 // s, 96 // s) for s in (8, 16, 32)]


def test_bins_are_the_stored_ones() -> None:
    # computed with the released functions
    assert bin_size(NEAR, FAR, BINS) == pytest.approx(0.02260477, abs=6e-9)
    values = bin_values(NEAR, FAR, BINS)
    assert values[[0, 1, 75, 149, 150]].tolist() == pytest.approx([0.001, 0.023605, 64.424589, 252.609285, 256.0], abs=2e-5)
    assert bin_values(1.0, 9.0, 4).tolist() == pytest.approx([1, 1.8, 3.4, 5.8, 9], abs=1e-6)


@pytest.mark.parametrize(
    ("depth", "index"),
    [(0, 150), (0.001, 0), (0.02, 0), (0.03, 1), (1, 8), (10, 29), (64, 74), (128, 105), (250, 148), (255, 149), (256, 150), (300, 150)],
)
def test_depths_fall_into_the_stored_bins(depth: float, index: int) -> None:
    assert bin_index(torch.tensor([depth]), NEAR, FAR, BINS).item() == index


def test_expected_depth_is_the_stored_one() -> None:
    assert expected_depth(torch.zeros(1, BINS + 1, 1, 1), NEAR, FAR).item() == pytest.approx(85.899119, abs=1e-5)
    assert expected_depth(torch.tensor(LOGITS).view(1, 5, 1, 1), 1.0, 9.0).item() == pytest.approx(3.656516, abs=6e-7)


def test_depth_loss_is_the_stored_one() -> None:
    logits = torch.tensor([LOGITS, (1.0, 0.0, 0.0, 0.0, 0.0)]).double().T.view(1, 5, 1, 2)
    classes = torch.tensor([[[2, 4]]])
    assert pixel_losses(logits, classes).flatten().tolist() == pytest.approx([0.027424, 0.344995], abs=6e-7)
    depth = torch.tensor([[[4.0, 10.0]]]).double()  # bin 2, and beyond the last: background
    inside = torch.tensor([[[True, False]]])
    total = depth_loss(logits, depth, inside, (1.0, 9.0), 6.0, zero_is_background=False).item()
    assert total == pytest.approx(0.254771, abs=6e-7)
    assert total / 3 == pytest.approx(0.084924, abs=6e-7)


def test_a_depth_of_zero_is_left_out_or_background() -> None:
    logits = torch.tensor([LOGITS, (1.0, 0.0, 0.0, 0.0, 0.0)]).double().T.view(1, 5, 1, 2)
    depth, inside = torch.tensor([[[4.0, 0.0]]]).double(), torch.tensor([[[False, False]]])
    cost = [depth_loss(logits, depth, inside, (1.0, 9.0), 6.0, zero_is_background=zero).item() for zero in (False, True)]
    assert cost == pytest.approx([0.027424, (0.027424 + 0.344995) / 2], abs=6e-7)
    unknown = depth_loss(logits, depth * 0, inside, (1.0, 9.0), 6.0, zero_is_background=False)
    assert unknown.item() == 0.0


def test_parameters_are_as_many_as_in_the_paper() -> None:
    rest = {"stride": 8, "hidden": 256, "dropout": 0.1, "weight_dropout": 0.1}
    assert count_parameters(SpatialAdapter(256, 8, BINS, (NEAR, FAR), projection="shared", **rest)) == 1_814_167  # type: ignore[arg-type]
    assert count_parameters(SpatialAdapter(256, 8, BINS, (NEAR, FAR), projection="each", **rest)) == 1_814_167 + 66_304  # type: ignore[arg-type]


def test_tokens_have_the_stride_they_are_asked_for() -> None:
    fine, coarse = adapter()(maps()), adapter(stride=16)(maps())
    assert fine.logits.shape == coarse.logits.shape == (2, 5, 8, 12)
    assert fine.tokens.shape == (2, 96, 16)
    assert coarse.tokens.shape == (2, 24, 16)


def test_distances_lie_between_the_rows_of_the_table() -> None:
    network = adapter()
    found = network._distance(torch.tensor([[2.0, 2.25, 9.0, 20.0, -1.0]]))[0]
    table = network.table
    expected = torch.stack([table[2], 0.75 * table[2] + 0.25 * table[3], table[9], table[9], table[0]])
    torch.testing.assert_close(found, expected)


def test_later_losses_reach_the_depth_head_through_the_distance_alone() -> None:
    network, given = adapter(), [x.requires_grad_(True) for x in maps()]
    seen = network(given)
    through_tokens = torch.autograd.grad(seen.tokens.square().sum(), network.classify.weight, retain_graph=True)[0]
    assert through_tokens.abs().max() > 0
    network.table.data.zero_()  # without a table, nothing of the distance is left
    seen = network(given)
    assert torch.autograd.grad(seen.tokens.square().sum(), network.classify.weight, retain_graph=True)[0].abs().max() == 0
    assert torch.autograd.grad(seen.logits.square().sum(), given[0])[0].abs().max() > 0


def test_projections_differ_by_the_normalisation() -> None:
    each, shared = adapter(), adapter(projection="shared")
    shared.load_state_dict({k: v for k, v in each.state_dict().items() if not k.startswith("project.2")})
    each.project[2].load_state_dict(each.project[1].state_dict())
    one, other = each(maps()).logits, shared(maps()).logits
    assert not torch.allclose(one, other, atol=1e-3)
