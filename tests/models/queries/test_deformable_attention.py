"""Attention against stored numbers and a loop that reads one cell at a time."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from models.queries.deformable_attention import DeformableAttention, attend, lay_out, sampling_places

CPU = torch.device("cpu")
# computed by the published grid_sample formulation and by a loop of its own (two levels, two heads of two numbers, two points)
GOLDEN = {
    "points": ([[0.25, 0.5], [0.8, 0.1]], [[0.340860, -0.004227, 0.123256, -0.044161], [0.191784, -0.029273, -0.031930, -0.077523]]),
    "boxes": (
        [[0.25, 0.5, 0.4, 0.6], [0.8, 0.1, 0.2, 0.3]],
        [[0.398905, 0.062396, -0.057658, -0.370105], [0.252395, 0.165061, -0.038047, -0.132173]],
    ),
}


@pytest.mark.parametrize("kind", GOLDEN)
def test_core_gives_the_stored_numbers(kind: str) -> None:
    references, expected = GOLDEN[kind]
    levels = lay_out([(2, 3), (1, 2)], CPU)
    cell, head, channel = torch.meshgrid(torch.arange(8), torch.arange(2), torch.arange(2), indexing="ij")
    value = torch.sin(0.5 * cell + 1.1 * head + 0.7 * channel.double())[None]
    query, head, level, point = torch.meshgrid(*[torch.arange(2).double()] * 4, indexing="ij")
    offsets = torch.stack([torch.cos(query + 2 * head + level + 0.5 * point), torch.sin(2 * query + head - level + point)], -1)[None]
    weights = torch.sin(query + 2 * head + 3 * (2 * level + point)).flatten(2).softmax(-1).view(1, 2, 8)
    places = sampling_places(torch.tensor([references], dtype=torch.float64), offsets, levels)
    torch.testing.assert_close(attend(value, levels, places, weights)[0], torch.tensor(expected).double(), atol=6e-7, rtol=0)


def test_core_and_its_gradients_equal_a_loop_over_cells() -> None:
    torch.manual_seed(0)
    shapes = [(4, 5), (2, 3), (1, 2)]
    levels = lay_out(shapes, CPU)
    value = torch.randn(2, 28, 2, 3, dtype=torch.float64, requires_grad=True)
    locations = (torch.rand(2, 6, 2, 3, 2, 2, dtype=torch.float64) * 1.6 - 0.3).requires_grad_(True)  # some outside of the image
    weights = torch.rand(2, 6, 2, 3, 2, dtype=torch.float64, requires_grad=True)
    inputs = (value, locations, weights)
    direction = torch.randn(2, 6, 6, dtype=torch.float64)
    sizes = torch.tensor([(width, height) for height, width in shapes]).double()[:, None]
    places = (locations * sizes - 0.5).flatten(2, 4)
    found, expected = attend(value, levels, (places[..., 0], places[..., 1]), weights.flatten(2)), loop(value, shapes, locations, weights)
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=0)
    for ours, theirs in zip(
        torch.autograd.grad((found * direction).sum(), inputs), torch.autograd.grad((expected * direction).sum(), inputs), strict=True
    ):
        torch.testing.assert_close(ours, theirs, atol=1e-11, rtol=0)


def test_positions_and_sums_stay_float32_under_bfloat16() -> None:
    torch.manual_seed(0)
    layer = DeformableAttention(16, 2, 1, 2)
    query, cells = torch.randn(1, 3, 16), torch.randn(1, 64 * 64, 16)
    references = torch.tensor([[[0.501, 0.502], [0.25, 0.125], [0.9, 0.3]]])
    levels = lay_out([(64, 64)], CPU)
    expected = layer(query, references, cells, levels)
    with torch.autocast("cpu", torch.bfloat16):
        found = layer(query, references, cells, levels)
    # a bfloat16 position would be up to 1/8 of a cell off at cell 32, which moves these sums by a tenth of their size
    assert (found.float() - expected).abs().max() < 0.01 * expected.abs().max()


def test_heads_start_in_directions_of_their_own() -> None:
    bias = DeformableAttention(16, 4, 2, 3).sampling_offsets.bias.detach().view(4, 2, 3, 2)
    directions = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    for point in range(3):
        torch.testing.assert_close(bias[:, 0, point], directions * (point + 1), atol=1e-6, rtol=0)
    assert torch.equal(bias[:, 0], bias[:, 1])
    eighth = DeformableAttention(16, 8, 1, 1).sampling_offsets.bias.detach().view(8, 2)[1]
    torch.testing.assert_close(eighth, torch.ones(2))  # 45 degrees, scaled until the larger coordinate is 1


def neighbours(place: Tensor) -> tuple[int, int]:
    low = math.floor(place.item())
    return low, low + 1


def loop(value: Tensor, shapes: list[tuple[int, int]], locations: Tensor, weights: Tensor) -> Tensor:
    """The sum as it is written down, cell by cell."""
    images, queries, heads, _, points, _ = locations.shape
    rows = []
    for image in range(images):
        for query in range(queries):
            parts = []
            for head in range(heads):
                total, start = value.new_zeros(value.shape[-1]), 0
                for level, (height, width) in enumerate(shapes):
                    for point in range(points):
                        x, y = locations[image, query, head, level, point] * torch.tensor([width, height]) - 0.5
                        for row in neighbours(y):
                            for column in neighbours(x):
                                if 0 <= row < height and 0 <= column < width:
                                    near = (1 - (y - row).abs()) * (1 - (x - column).abs())
                                    seen = value[image, start + row * width + column, head]
                                    total = total + weights[image, query, head, level, point] * near * seen
                    start += height * width
                parts.append(total)
            rows.append(torch.cat(parts))
    return torch.stack(rows).view(images, queries, -1)
