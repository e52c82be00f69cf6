"""Trajectories see their own past and nothing else (FDTA, Figs. 8 and 12)."""

from __future__ import annotations

import pytest
import torch

from models.fdta.temporal import TemporalAdapter, TrajectoryLayers, forbidden
from pipeline.contract.spec import count_parameters
from tests.models.fdta.golden import OBSERVATIONS, PRESENT, miniature

FRAMES = 5


def adapter() -> TemporalAdapter:
    torch.manual_seed(0)
    return TemporalAdapter(16, 2, 16, 3, 0.1).double().eval()


def test_mask_is_the_stored_one() -> None:
    # four frames, the second is missing (released code); 1: forbidden
    expected = ["0111", "0011", "0101", "0100"]
    found = forbidden(torch.tensor([[True, False, True, True]]))[0]
    assert ["".join(str(int(x)) for x in row) for row in found] == expected


def test_modules_in_miniature_give_the_stored_numbers() -> None:
    temporal, layers, _ = miniature()
    seen = temporal(OBSERVATIONS, PRESENT)
    last = [[1.464676, 0.289082, -0.535346, -1.218412], [-1.004453, -0.753836, 0.216961, 1.541328]]
    torch.testing.assert_close(seen[:, 2], torch.tensor(last).double(), atol=6e-7, rtol=0)
    first = [0.840947, 0.777433, 0.021110, -1.639490]
    assert seen[0, 0].tolist() == pytest.approx(first, abs=6e-7)
    after = [[1.312882, 0.526692, -0.528070, -1.311504], [-0.741375, -0.878708, -0.016355, 1.636438]]
    torch.testing.assert_close(layers(seen)[:, 2], torch.tensor(after).double(), atol=6e-7, rtol=0)


def test_parameters_are_as_many_as_in_the_paper() -> None:
    assert count_parameters(TemporalAdapter(256, 8, 512, 6, 0.1)) == 3_162_624
    assert count_parameters(TrajectoryLayers(256, 512)) == 526_848


@pytest.mark.parametrize("changed", range(FRAMES))
def test_a_changed_observation_alters_no_earlier_frame_and_no_other_trajectory(changed: int) -> None:
    network = adapter()
    torch.manual_seed(changed)
    past = torch.randn(3, FRAMES, 16, dtype=torch.float64)
    present = torch.ones(3, FRAMES, dtype=torch.bool)
    other = past.clone()
    other[1, changed] += 1.0
    before, after = network(past, present), network(other, present)
    assert torch.equal(before[[0, 2]], after[[0, 2]])
    assert torch.equal(before[1, :changed], after[1, :changed])
    assert (before[1, changed:] != after[1, changed:]).any(1).all()


def test_what_is_absent_is_not_seen_by_later_frames() -> None:
    network = adapter()
    past = torch.randn(1, FRAMES, 16, dtype=torch.float64)
    present = torch.tensor([[True, True, False, True, True]])
    other = past.clone()
    other[0, 2] = 7.0
    keep = [0, 1, 3, 4]
    assert torch.equal(network(past, present)[0, keep], network(other, present)[0, keep])


def test_forbidden_weights_are_exactly_zero() -> None:
    network = adapter()
    present = torch.tensor([[True, True, False, True, True], [True] * 5])
    weights = network.weights(torch.randn(2, FRAMES, 16, dtype=torch.float64), present)
    assert (weights[forbidden(present)] == 0).all()
    assert (weights[~forbidden(present)] > 0).all()
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, FRAMES, dtype=torch.float64))


def test_bfloat16_gives_finite_trajectories() -> None:
    network = adapter().float()
    with torch.autocast("cpu", torch.bfloat16):
        found = network(torch.zeros(1, FRAMES, 16), torch.zeros(1, FRAMES, dtype=torch.bool))
    assert torch.isfinite(found).all()
