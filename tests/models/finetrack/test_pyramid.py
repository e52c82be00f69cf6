"""Levels of a pyramid on the finest grid."""

from __future__ import annotations

import torch

from models.finetrack.pyramid import AlignedPyramid

CHANNELS = (4, 6, 8)


def levels() -> list[torch.Tensor]:
    torch.manual_seed(1)
    return [torch.randn(2, channels, 16 >> i, 24 >> i) for i, channels in enumerate(CHANNELS)]


def built(*, flow: bool) -> AlignedPyramid:
    torch.manual_seed(0)
    return AlignedPyramid(CHANNELS, 8, flow=flow)


def test_at_the_start_the_flow_changes_nothing() -> None:
    aligned, plain = built(flow=True)(levels()), built(flow=False)(levels())
    assert aligned.shape == (2, 8, 16, 24)
    torch.testing.assert_close(aligned, plain, atol=1e-5, rtol=1e-5)


def test_flows_are_learnt_from_the_first_step() -> None:
    pyramid = built(flow=True)
    pyramid(levels()).square().sum().backward()
    assert pyramid.flows is not None
    assert all(layer.weight.grad.abs().sum() > 0 for layer in pyramid.flows)  # type: ignore[union-attr,operator]


def test_a_flow_moves_what_comes_from_coarser_levels() -> None:
    still, moving = built(flow=True).eval(), built(flow=True).eval()
    assert moving.flows is not None
    with torch.no_grad():
        moving.flows[0].bias.fill_(1.0)  # type: ignore[union-attr,operator]
        assert not torch.allclose(still(levels()), moving(levels()))
