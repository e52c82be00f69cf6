"""Encoder and decoder of Deformable DETR (Zhu et al. 2021); module names are those of the published weights."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.queries.attend import attend
from models.queries.deformable_attention import DeformableAttention, Levels
from models.queries.positions import cell_positions

DepthPlace = Literal["off", "before", "between", "after"]
EDGE = 1e-5  # boxes stay this far from 0 and 1 before the logarithm, as published


class Sizes(NamedTuple):
    """What encoder and decoder layers are made of.

    Attributes:
        width: dimensions of a query.
        heads: number of attention heads.
        levels: number of maps.
        points: number of points that a head reads in each map.
        hidden: width between the two linear layers.
        dropout: share of activations that training zeroes.
    """

    width: int
    heads: int
    levels: int
    points: int
    hidden: int
    dropout: float


class Decoded(NamedTuple):
    """What each decoder layer says; L layers.

    Attributes:
        queries: (L, N, Q, width).
        boxes: (L, N, Q, 4) float32, centre and size in (0, 1).
    """

    queries: Tensor
    boxes: Tensor


class EncoderLayer(nn.Module):
    """Deformable self-attention of cells, then two linear layers; each is added and normalised."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.self_attn = DeformableAttention(sizes.width, sizes.heads, sizes.levels, sizes.points)
        self.norm1 = nn.LayerNorm(sizes.width)
        self.linear1 = nn.Linear(sizes.width, sizes.hidden)
        self.linear2 = nn.Linear(sizes.hidden, sizes.width)
        self.norm2 = nn.LayerNorm(sizes.width)
        self.dropout = nn.Dropout(sizes.dropout)

    def forward(self, cells: Tensor, positions: Tensor, references: Tensor, levels: Levels) -> Tensor:
        """Cells (N, S, width) to cells; positions (1, S, width), references (1, S, 2)."""
        cells = self.norm1(cells + self.dropout(self.self_attn(cells + positions, references, cells, levels)))
        hidden = self.linear2(self.dropout(functional.relu(self.linear1(cells))))
        result: Tensor = self.norm2(cells + self.dropout(hidden))
        return result


class Encoder(nn.Module):
    """Layers over the cells of all maps.

    Args:
        sizes: of each layer.
        count: layers; 0 leaves the cells as they are.
    """

    def __init__(self, sizes: Sizes, count: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList([EncoderLayer(sizes) for _ in range(count)])

    def forward(self, cells: Tensor, level_positions: Tensor, levels: Levels) -> Tensor:
        """Let cells attend to each other.

        Args:
            cells: (N, S, width).
            level_positions: (L, width), added to the sine positions of each map's cells.
            levels: where the maps lie.
        """
        if len(self.layers) == 0:
            return cells
        sines = [cell_positions(*shape, cells.shape[-1], cells.device) for shape in levels.shapes]
        positions = torch.cat([sine + level for sine, level in zip(sines, level_positions, strict=True)])[None]
        references = cell_centres(levels)[None]
        for layer in self.layers:
            cells = layer(cells, positions.to(cells.dtype), references, levels)
        return cells


class DecoderLayer(nn.Module):
    """Self-attention of queries, deformable attention to cells, attention to depth in one of three places, two linear layers.

    Args:
        sizes: of the layer.
        depth: where queries attend to depth tokens (FDTA, Table 9): before self-attention, between it and the visual attention, after
            both, or nowhere.
    """

    def __init__(self, sizes: Sizes, depth: DepthPlace = "off") -> None:
        super().__init__()
        self.depth = depth
        self.self_attn = nn.MultiheadAttention(sizes.width, sizes.heads, dropout=sizes.dropout)
        self.norm2 = nn.LayerNorm(sizes.width)
        self.cross_attn = DeformableAttention(sizes.width, sizes.heads, sizes.levels, sizes.points)
        self.norm1 = nn.LayerNorm(sizes.width)
        if depth != "off":
            self.cross_attn_depth = nn.MultiheadAttention(sizes.width, sizes.heads, dropout=sizes.dropout)
            self.norm_depth = nn.LayerNorm(sizes.width)
        self.linear1 = nn.Linear(sizes.width, sizes.hidden)
        self.linear2 = nn.Linear(sizes.hidden, sizes.width)
        self.norm3 = nn.LayerNorm(sizes.width)
        self.dropout = nn.Dropout(sizes.dropout)

    def forward(
        self, queries: Tensor, positions: Tensor, references: Tensor, cells: Tensor, levels: Levels, depth: Tensor | None = None
    ) -> Tensor:
        """Queries (N, Q, width) to queries.

        Args:
            queries: content, (N, Q, width).
            positions: (N, Q, width).
            references: (N, Q, 2) points or (N, Q, 4) boxes.
            cells: (N, S, width) of the encoder.
            levels: where the maps lie.
            depth: (N, D, width) depth tokens; read only by a layer with depth attention.

        Raises:
            ValueError: the layer has depth attention and `depth` is None.
        """
        x = self._see_depth(queries, depth, "before")
        placed = x + positions
        x = self.norm2(x + self.dropout(attend(self.self_attn, placed, placed, x, need_weights=False)[0]))
        x = self._see_depth(x, depth, "between")
        x = self.norm1(x + self.dropout(self.cross_attn(x + positions, references, cells, levels)))
        x = self._see_depth(x, depth, "after")
        hidden = self.linear2(self.dropout(functional.relu(self.linear1(x))))
        result: Tensor = self.norm3(x + self.dropout(hidden))
        return result

    def depth_weights(self, queries: Tensor, depth: Tensor) -> Tensor:
        """Weights (N, Q, D) of the depth attention, averaged over heads, for queries (N, Q, width) as they are when they reach it."""
        weights = attend(self.cross_attn_depth, queries, depth, depth, need_weights=True)[1]
        assert weights is not None
        return weights

    def _see_depth(self, queries: Tensor, depth: Tensor | None, place: DepthPlace) -> Tensor:
        if self.depth != place:
            return queries
        if depth is None:
            raise ValueError("a decoder with depth attention needs depth tokens")
        looked = attend(self.cross_attn_depth, queries, depth, depth, need_weights=False)[0]
        seen: Tensor = self.norm_depth(queries + self.dropout(looked))
        return seen


class Decoder(nn.Module):
    """Layers whose boxes are refined one after the other.

    Args:
        sizes: of each layer.
        count: number of layers.
        depth: where each layer attends to depth tokens; see `DecoderLayer`.
    """

    def __init__(self, sizes: Sizes, count: int, depth: DepthPlace = "off") -> None:
        super().__init__()
        self.layers = nn.ModuleList([DecoderLayer(sizes, depth) for _ in range(count)])

    def forward(
        self,
        queries: Tensor,
        positions: Tensor,
        references: Tensor,
        cells: Tensor,
        levels: Levels,
        box_heads: nn.ModuleList,
        depth: Tensor | None = None,
    ) -> Decoded:
        """Queries and boxes after each layer.

        Each layer looks around the boxes of the one before, whose gradient ends there. Boxes are float32 also under autocast.

        Args:
            queries: content, (N, Q, width).
            positions: (N, Q, width).
            references: (N, Q, 2) points or (N, Q, 4) boxes in [0, 1].
            cells: (N, S, width) of the encoder.
            levels: where the maps lie.
            box_heads: one per layer, (N, Q, width) to (N, Q, 4).
            depth: (N, D, width) depth tokens; None without depth attention.

        Raises:
            ValueError: the layers have depth attention and `depth` is None.
        """
        found, boxes = [], []
        for layer, head in zip(self.layers, box_heads, strict=True):
            queries = layer(queries, positions, references, cells, levels, depth)
            refined = refine(head(queries), references)
            found.append(queries)
            boxes.append(refined)
            references = refined.detach()
        return Decoded(torch.stack(found), torch.stack(boxes))


def refine(steps: Tensor, references: Tensor) -> Tensor:
    """Boxes (N, Q, 4), centre and size in (0, 1), that lie `steps` (N, Q, 4) from their references in logits.

    References (N, Q, 2) are points, which give a centre alone, or (N, Q, 4) boxes. The result is float32, or wider if the steps are.
    """
    wide = steps.to(torch.promote_types(steps.dtype, torch.float32))
    start = inverse_sigmoid(references.to(wide.dtype))
    if references.shape[-1] == 2:
        start = functional.pad(start, (0, 2))
    return (wide + start).sigmoid()


def inverse_sigmoid(values: Tensor) -> Tensor:
    """Logits of values in [0, 1], kept `EDGE` away from both ends."""
    inside = values.clamp(0, 1)
    return torch.log(inside.clamp(min=EDGE) / (1 - inside).clamp(min=EDGE))


def cell_centres(levels: Levels) -> Tensor:
    """(S, 2) float32 x, y in (0, 1) of the cells of all maps."""
    centres = []
    for height, width in levels.shapes:
        y = (torch.arange(height, dtype=torch.float32, device=levels.sizes.device) + 0.5) / height
        x = (torch.arange(width, dtype=torch.float32, device=levels.sizes.device) + 0.5) / width
        centres.append(torch.stack([x[None].expand(height, -1), y[:, None].expand(-1, width)], -1).flatten(0, 1))
    return torch.cat(centres)
