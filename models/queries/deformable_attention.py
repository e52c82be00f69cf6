"""Multi-scale deformable attention (Zhu et al. 2021, Eq. 3) without compiled operators.

Each query of each head reads a few points of several maps. A point between four cells is a weighted sum of their rows, so the whole
is one `embedding_bag`: a bag of 4 x levels x points rows for each query and head, weighted by attention times bilinear weight.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional


class Levels(NamedTuple):
    """Where the maps of L levels lie in their concatenated cells.

    Attributes:
        shapes: (height, width) of each map.
        sizes: (L, 2) float32, width and height of each map.
        starts: (L,) int32, the first cell of each map.
    """

    shapes: tuple[tuple[int, int], ...]
    sizes: Tensor
    starts: Tensor


class DeformableAttention(nn.Module):
    """Deformable attention of one layer; names and start values are those of the published code.

    Args:
        width: dimensions of a query and of a cell.
        heads: number of attention heads; must divide `width`.
        levels: number of maps.
        points: number of points that a head reads in each map.
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
        value = _wide(self.value_proj(cells)).unflatten(-1, (self.heads, -1))
        with torch.autocast(query.device.type, enabled=False):
            wide = _wide(query)
            offsets = self.sampling_offsets(wide).unflatten(-1, (self.heads, self.levels, self.points, 2))
            weights = self.attention_weights(wide).unflatten(-1, (self.heads, self.levels * self.points)).softmax(-1)
            places = sampling_places(_wide(references), offsets, levels)
            found = attend(value, levels, places, weights.flatten(2))
        result: Tensor = self.output_proj(found)
        return result


def lay_out(shapes: Sequence[tuple[int, int]], device: torch.device) -> Levels:
    """The `Levels` of maps of these (height, width)."""
    sizes = torch.tensor([(width, height) for height, width in shapes], dtype=torch.float32, device=device)
    counts = [height * width for height, width in shapes]
    starts = torch.tensor([sum(counts[:i]) for i in range(len(counts))], dtype=torch.int32, device=device)
    return Levels(tuple(shapes), sizes, starts)


def sampling_places(references: Tensor, offsets: Tensor, levels: Levels) -> tuple[Tensor, Tensor]:
    """Where each head looks: offsets count in cells around points, and in parts of the box around boxes.

    Args:
        references: (N or 1, Q, 2 or 4) in [0, 1].
        offsets: (N, Q, heads, L, P, 2), x before y.
        levels: of the maps.

    Returns:
        x and y, each (N, Q, heads * L * P), in cells from the middle of each map's first cell.
    """
    found = []
    for axis in (0, 1):
        size = _columns(levels.sizes[:, axis].to(offsets.dtype), offsets)
        steps, centre = offsets[..., axis].flatten(2), references[..., axis : axis + 1]
        if references.shape[-1] == 4:
            steps = steps * (references[..., axis + 2 : axis + 3] * (0.5 / offsets.shape[4])) * size
        found.append(centre * size - 0.5 + steps)
    return found[0], found[1]


def attend(value: Tensor, levels: Levels, places: tuple[Tensor, Tensor], weights: Tensor) -> Tensor:
    """The weighted sum of bilinear samples of the maps; 0 outside of them.

    Args:
        value: (N, S, heads, C).
        levels: of the maps, whose cells add up to S.
        places: x and y from `sampling_places`.
        weights: (N, Q, heads * L * P).

    Returns:
        (N, Q, heads * C).
    """
    images, cells, heads, channels = value.shape
    rows, shares = _corners(levels, places, weights, heads, cells)
    found = weighted_rows(value.reshape(-1, channels), rows, shares)
    return found.view(images, -1, heads * channels)


def weighted_rows(table: Tensor, rows: Tensor, shares: Tensor) -> Tensor:
    """(B, C) weighted sums of rows of `table` (R, C): row b sums those at `rows[b]` (B, K) int32, weighted by `shares[b]` (B, K)."""
    if table.device.type == "cpu" and torch.is_grad_enabled():
        found: Tensor = _WeightedRows.apply(table, rows, shares)  # type: ignore[no-untyped-call]
        return found
    return functional.embedding_bag(rows, table, per_sample_weights=shares, mode="sum")


class _WeightedRows(torch.autograd.Function):
    """PyTorch's own gradient of an embedding bag takes 90 ms on a CPU where this takes 4: it sorts all rows."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, rows: Tensor, shares: Tensor) -> Tensor:
        ctx.save_for_backward(table, rows, shares)
        return functional.embedding_bag(rows, table, per_sample_weights=shares, mode="sum")

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, None, Tensor | None]:
        table, rows, shares = ctx.saved_tensors
        gradient, (bags, size) = gradient.contiguous(), rows.shape
        for_table = for_shares = None
        if ctx.needs_input_grad[0]:
            ends = np.arange(0, bags * size + 1, size, dtype=np.int32)
            parts = (shares.detach().flatten().numpy(), rows.flatten().numpy(), ends)
            for_table = torch.from_numpy(csr_matrix(parts, shape=(bags, len(table))).T @ gradient.numpy())
        if ctx.needs_input_grad[2]:
            starts = torch.arange(0, bags * size, size, dtype=torch.int32)
            bag = torch.arange(bags, dtype=torch.int32)[:, None].expand(-1, size).flatten()
            found = torch.ops.aten._embedding_bag_per_sample_weights_backward(gradient, table, rows.flatten(), starts, bag, 0)
            for_shares = found.view(bags, size)
        return for_table, None, for_shares


def _corners(levels: Levels, places: tuple[Tensor, Tensor], weights: Tensor, heads: int, cells: int) -> tuple[Tensor, Tensor]:
    """Rows (N * Q * heads, 4 L P) int32 of the four cells around each place, and the weights of these rows, of the same shape."""
    images, _, columns = weights.shape
    like = weights.view(*weights.shape[:2], heads, len(levels.shapes), -1, 1)
    width, height, start = (_columns(x, like) for x in (levels.sizes[:, 0], levels.sizes[:, 1], levels.starts))
    first = start * heads + torch.arange(heads, dtype=torch.int32, device=start.device).repeat_interleave(columns // heads)
    if images > 1:
        first = first + (torch.arange(images, dtype=torch.int32, device=start.device) * (cells * heads))[:, None, None]
    left, right, near_left, near_right = _neighbours(places[0], width)
    upper, lower, near_upper, near_lower = _neighbours(places[1], height)
    across = [(x * heads).int() for x in (left, right)]
    down = [(y * (width * heads)).int() + first for y in (upper, lower)]
    shares = [y * weights for y in (near_upper, near_lower)]
    bags = (-1, columns // heads)
    rows = torch.cat([(y + x).view(bags) for y in down for x in across], 1)
    return rows, torch.cat([(y * x).view(bags) for y in shares for x in (near_left, near_right)], 1)


def _neighbours(place: Tensor, size: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The cells before and after each place, moved onto the map, and their bilinear weights, 0 for those that were moved."""
    low = place.detach().floor()
    high, last, share = low + 1, (size - 1).to(place.dtype), place - low
    before, after = (torch.minimum(x.clamp(min=0), last) for x in (low, high))
    return before, after, (1 - share) * (before == low), share * (after == high)


def _columns(by_level: Tensor, like: Tensor) -> Tensor:
    """Values (L,) repeated for each head and point of (N, Q, heads, L, P, 2): (heads * L * P,)."""
    return by_level.repeat_interleave(like.shape[4]).repeat(like.shape[2])


def _wide(values: Tensor) -> Tensor:
    """The values in float32, or wider if they are."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
