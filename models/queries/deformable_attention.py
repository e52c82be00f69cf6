"""Multi-scale deformable attention (Zhu et al. 2021, Eq. 3) without compiled operators.

Each query of each head reads a few points of several maps. A point between four cells is a weighted sum of their rows, so the whole
is one `embedding_bag`: a bag of 4 x levels x points rows for each query and head, weighted by attention times bilinear weight.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


class Levels(NamedTuple):
    """Where the maps of L levels lie in their concatenated cells.

    Attributes:
        shapes: (height, width) of each map.
        sizes: (L, 2) float32, width and height of each map.
        widths: (L,) int64.
        starts: (L,) int64, the first cell of each map.
    """

    shapes: tuple[tuple[int, int], ...]
    sizes: Tensor
    widths: Tensor
    starts: Tensor


class DeformableAttention(nn.Module):
    """Deformable attention of one layer; names and start values are those of the published code.

    Args:
        width: numbers of a query and of a cell.
        heads: attention heads; must divide `width`.
        levels: maps.
        points: points that a head reads in each map.
    """

    def __init__(self, width: int, heads: int, levels: int, points: int) -> None:
        super().__init__()
        self.heads, self.levels, self.points = heads, levels, points
        self.sampling_offsets = nn.Linear(width, heads * levels * points * 2)
        self.attention_weights = nn.Linear(width, heads * levels * points)
        self.value_proj = nn.Linear(width, width)
        self.output_proj = nn.Linear(width, width)
        self.reset()

    def reset(self) -> None:
        """Start values: each head looks in a direction of its own, further out with every point, and weighs all points alike."""
        nn.init.zeros_(self.sampling_offsets.weight)
        nn.init.zeros_(self.attention_weights.weight)
        nn.init.zeros_(self.attention_weights.bias)
        angles = torch.arange(self.heads, dtype=torch.float32) * (2 * math.pi / self.heads)
        directions = torch.stack([angles.cos(), angles.sin()], -1)
        directions = directions / directions.abs().amax(-1, keepdim=True)
        reach = torch.arange(1, self.points + 1, dtype=torch.float32)
        offsets = directions[:, None, None] * reach[None, None, :, None]
        with torch.no_grad():
            self.sampling_offsets.bias.copy_(offsets.expand(-1, self.levels, -1, -1).flatten())
        for layer in (self.value_proj, self.output_proj):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, query: Tensor, references: Tensor, cells: Tensor, levels: Levels) -> Tensor:
        """Attend to the maps around each query's reference.

        Positions, weights and sums are float32 (or wider, as the input is), also under bfloat16 autocast.

        Args:
            query: (N, Q, width).
            references: (N or 1, Q, 2) points or (N or 1, Q, 4) boxes (centre, size), in [0, 1] of the image.
            cells: (N, S, width), the maps one after the other, row by row.
            levels: where they lie.

        Returns:
            (N, Q, width).
        """
        heads = (len(query), -1, self.heads)
        value = _wide(self.value_proj(cells)).unflatten(-1, (self.heads, -1))
        with torch.autocast(query.device.type, enabled=False):
            wide = _wide(query)
            offsets = self.sampling_offsets(wide).view(*heads, self.levels, self.points, 2)
            weights = self.attention_weights(wide).view(*heads, self.levels * self.points).softmax(-1)
            locations = sampling_locations(_wide(references), offsets, levels)
            found = attend(value, levels, locations, weights.view(*heads, self.levels, self.points))
        result: Tensor = self.output_proj(found)
        return result


def lay_out(shapes: Sequence[tuple[int, int]], device: torch.device) -> Levels:
    """The `Levels` of maps of these (height, width)."""
    sizes = torch.tensor([(width, height) for height, width in shapes], dtype=torch.float32, device=device)
    counts = [height * width for height, width in shapes]
    starts = torch.tensor([sum(counts[:i]) for i in range(len(counts))], device=device)
    return Levels(tuple(shapes), sizes, sizes[:, 0].long(), starts)


def sampling_locations(references: Tensor, offsets: Tensor, levels: Levels) -> Tensor:
    """Where each head looks: offsets count in cells around points, and in parts of the box around boxes.

    Args:
        references: (N or 1, Q, 2 or 4) in [0, 1].
        offsets: (N, Q, heads, L, P, 2), x before y.
        levels: of the maps.

    Returns:
        (N, Q, heads, L, P, 2) in [0, 1] of the image.
    """
    spread = references[:, :, None, None, None]
    if references.shape[-1] == 2:
        return spread + offsets / levels.sizes[:, None].to(offsets.dtype)
    return spread[..., :2] + offsets / offsets.shape[-2] * spread[..., 2:] * 0.5


def attend(value: Tensor, levels: Levels, locations: Tensor, weights: Tensor) -> Tensor:
    """The weighted sum of bilinear samples of the maps; 0 outside of them, cell i's centre at (i + .5) / size.

    Args:
        value: (N, S, heads, C).
        levels: of the maps, whose cells add up to S.
        locations: (N, Q, heads, L, P, 2) in [0, 1].
        weights: (N, Q, heads, L, P).

    Returns:
        (N, Q, heads * C).
    """
    images, cells, heads, channels = value.shape
    index, share = _corners(levels, locations)
    image = torch.arange(images, device=value.device).view(-1, 1, 1, 1, 1, 1, 1) * cells
    head = torch.arange(heads, device=value.device).view(-1, 1, 1, 1, 1)
    rows = ((image + index) * heads + head).flatten(3).flatten(0, 2)
    shares = (share * weights[..., None, None]).flatten(3).flatten(0, 2)
    table = value.reshape(-1, channels)
    found = functional.embedding_bag(rows, table, per_sample_weights=shares, mode="sum")
    return found.view(images, -1, heads * channels)


def _corners(levels: Levels, locations: Tensor) -> tuple[Tensor, Tensor]:
    """The four cells around each location, counted through all levels, and their bilinear weights; both (N, Q, heads, L, P, 2, 2)."""
    place = locations * levels.sizes[:, None].to(locations.dtype) - 0.5
    low = place.detach().floor()
    upper = place - low
    both = torch.stack([1 - upper, upper], -1)  # weights of the lower and the upper neighbour: (..., x or y, 2)
    steps = torch.arange(2, device=locations.device, dtype=locations.dtype)
    neighbours = low[..., None] + steps
    ends = (levels.sizes - 1)[:, None, :, None].to(locations.dtype)
    both = both * ((neighbours >= 0) & (neighbours <= ends))
    whole = torch.minimum(neighbours.clamp(min=0), ends).long()
    x, y = whole[..., 0, :], whole[..., 1, :]
    index = levels.starts[:, None, None, None] + y[..., :, None] * levels.widths[:, None, None, None] + x[..., None, :]
    return index, both[..., 1, :, None] * both[..., 0, None, :]


def _wide(values: Tensor) -> Tensor:
    """At least float32."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
