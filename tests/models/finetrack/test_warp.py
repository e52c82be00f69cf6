"""Reading a coarse map on a finer grid that a flow has moved."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from models.finetrack.warp import enlarge, plain_warp, warp

Warp = Callable[[Tensor, Tensor], Tensor]
WAYS = pytest.mark.parametrize("way", [warp, plain_warp])


@WAYS
@pytest.mark.parametrize(
    ("step", "row"),
    [
        (0.0, [0, 0.25, 0.75, 1]),  # bilinear enlargement
        (1.0, [0.25, 0.75, 1, 1]),  # one fine cell to the right
        (-9.0, [0, 0, 0, 0]),  # beyond the border
    ],
)
def test_golden_rows(way: Warp, step: float, row: list[float]) -> None:
    """F6 of the facts about FineTrack."""
    flow = torch.zeros(1, 2, 4, 4)
    flow[:, 0] = step
    assert way(torch.tensor([[[[0.0, 1], [2, 3]]]]), flow)[0, 0, 0].tolist() == pytest.approx(row, abs=1e-6)


@WAYS
def test_a_flow_of_one_cell_down_reads_the_row_below(way: Warp) -> None:
    flow = torch.zeros(1, 2, 4, 4)
    flow[:, 1] = 1
    assert way(torch.tensor([[[[0.0, 1], [2, 3]]]]), flow)[0, 0, :, 0].tolist() == pytest.approx([0.5, 1.5, 2, 2], abs=1e-6)


@WAYS
def test_no_flow_is_bilinear_enlargement(way: Warp) -> None:
    torch.manual_seed(0)
    coarse = torch.randn(2, 3, 4, 6)
    enlarged = functional.interpolate(coarse, (8, 12), mode="bilinear", align_corners=False)
    torch.testing.assert_close(way(coarse, torch.zeros(2, 2, 8, 12)), enlarged, atol=1e-5, rtol=1e-5)


def moved() -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    return torch.randn(2, 5, 4, 6, requires_grad=True), (3 * torch.randn(2, 2, 8, 12)).requires_grad_()


def test_both_ways_agree_with_their_gradients() -> None:
    coarse, flow = moved()
    ours, plain = warp(coarse, flow), plain_warp(coarse, flow)
    torch.testing.assert_close(ours, plain, atol=1e-5, rtol=1e-5)
    slopes = torch.randn_like(ours)
    for one, other in zip(*(torch.autograd.grad(each, (coarse, flow), slopes) for each in (ours, plain)), strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


@WAYS
def test_gradients_are_the_same_bytes_each_time(way: Warp) -> None:
    coarse, flow = moved()
    once, again = (torch.autograd.grad(way(coarse, flow).square().sum(), (coarse, flow)) for _ in range(2))
    assert all(torch.equal(one, other) for one, other in zip(once, again, strict=True))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_reads_the_same_and_gives_the_same_bytes_each_time() -> None:
    coarse, flow = moved()
    given = tuple(x.detach().cuda().requires_grad_() for x in (coarse, flow))
    torch.testing.assert_close(warp(*given).cpu(), warp(coarse, flow), atol=1e-4, rtol=1e-4)
    once, again = (torch.autograd.grad(warp(*given).square().sum(), given) for _ in range(2))
    assert all(torch.equal(one, other) for one, other in zip(once, again, strict=True))


@WAYS
def test_a_flow_that_is_not_finite_ends_nothing(way: Warp) -> None:
    """What is no number gives none, and infinity reads the border; neither moves anything."""
    flow = torch.zeros(1, 2, 4, 4)
    flow[0, 0, 0] = torch.tensor([torch.nan, torch.inf, -torch.inf, 0])
    flow.requires_grad_()
    read = way(torch.tensor([[[[1.0, 2], [1, 2]]]]), flow)
    assert read.isnan().nonzero().tolist() == [[0, 0, 0, 0]]
    assert read[0, 0, 0, 1:].tolist() == [2, 1, 2]
    read[0, 0, 0, 1:].sum().backward()
    assert flow.grad is not None
    assert flow.grad[0, 0, 0, 1:3].tolist() == [0, 0]


def test_enlargement_and_its_gradient_are_those_of_torch() -> None:
    torch.manual_seed(0)
    coarse = torch.randn(2, 5, 4, 6, requires_grad=True)
    ours = enlarge(coarse, 8, 12)
    theirs = functional.interpolate(coarse, (8, 12), mode="bilinear", align_corners=False)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    slopes = torch.randn_like(ours)
    one, other = (torch.autograd.grad(each, coarse, slopes)[0] for each in (ours, theirs))
    torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)
