"""The whole network: maps, and parts of boxes wherever they are."""

from __future__ import annotations

import torch

from models.finetrack.network import build_network
from tests.models.finetrack.samples import small_options


def test_maps_have_stride_4() -> None:
    options = small_options()
    outputs = build_network(options).eval()(torch.rand(2, 3, 64, 96))
    assert [tuple(x.shape) for x in outputs] == [(2, channels, 16, 24) for channels in (1, 4, 2, options.network.channels)]


def test_with_and_without_alignment_networks_start_alike() -> None:
    images, found = torch.rand(1, 3, 64, 96), []
    for alignment in ("flow", "none"):
        torch.manual_seed(0)
        found.append(build_network(small_options(alignment=alignment)).eval()(images))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


def test_boxes_outside_the_image_and_many_boxes_are_looked_at() -> None:
    network = build_network(small_options()).eval()
    features = network(torch.rand(1, 3, 64, 96)).features
    corners = torch.tensor([[-300.0, -300, -200, -100], [10, 10, 30, 60], [80, -40, 200, 300]]).repeat(100, 1)
    parts = network.look_at(features, corners, torch.zeros(300, dtype=torch.int64))
    assert parts.vectors.isfinite().all()
    assert torch.equal(parts.vectors[:3], parts.vectors[3:6])
    # nothing but zeros is seen out there, so that branches say what their bias says
    torch.testing.assert_close(parts.vectors[0, -1], network.parts.layers[-1].bias)
