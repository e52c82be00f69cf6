"""DINOv2's vision transformer (arXiv 2304.07193) as Depth Anything uses it; modules bear the published names."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

PATCH = 14  # pixels
GRID = 37  # patches along a side that the position table was made for (518 pixels)
_OFFSET = 0.1  # of a patch, added before the table is resized: the published network was trained with it
_EPSILON = 1e-6


class Size(NamedTuple):
    """An encoder.

    Attributes:
        width: number of channels.
        depth: number of blocks.
        heads: number of attention heads.
        layers: blocks whose output the head reads, counted from 0.
    """

    width: int
    depth: int
    heads: int
    layers: tuple[int, ...]


class Scale(nn.Module):
    """A learnt factor per channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) to the same."""
        return x * self.gamma


class Attention(nn.Module):
    """Self-attention over tokens."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, width) to the same."""
        query, key, value = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed: Tensor = self.proj(functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2))
        return mixed


class Mlp(nn.Module):
    """Two layers, four times as wide between."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) to the same."""
        found: Tensor = self.fc2(functional.gelu(self.fc1(x)))
        return found


class Block(nn.Module):
    """Attention, then the layers, each beside the identity."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, _EPSILON), nn.LayerNorm(width, _EPSILON)
        self.attn = Attention(width, heads)
        self.mlp = Mlp(width)
        self.ls1, self.ls2 = Scale(width), Scale(width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, width) to the same."""
        x = x + self.ls1(self.attn(self.norm1(x)))
        found: Tensor = x + self.ls2(self.mlp(self.norm2(x)))
        return found


class Patches(nn.Module):
    """An image cut into patches, each a token."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, PATCH, PATCH)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) to (B, H/14 * W/14, width)."""
        found: Tensor = self.proj(images).flatten(2).transpose(1, 2)
        return found


class Encoder(nn.Module):
    """The transformer.

    Args:
        size: width, depth, heads and the layers that are returned.
        grid: patches along a side of its position table.
    """

    def __init__(self, size: Size, grid: int = GRID) -> None:
        super().__init__()
        self.layers, self.grid = size.layers, grid
        self.cls_token = nn.Parameter(torch.zeros(1, 1, size.width))
        self.pos_embed = nn.Parameter(torch.zeros(1, grid * grid + 1, size.width))
        self.mask_token = nn.Parameter(torch.zeros(1, size.width))  # of the pretraining; checkpoints hold it
        self.patch_embed = Patches(size.width)
        self.blocks = nn.ModuleList([Block(size.width, size.heads) for _ in range(size.depth)])
        self.norm = nn.LayerNorm(size.width, _EPSILON)

    def forward(self, images: Tensor) -> list[Tensor]:
        """(B, 3, H, W), sides multiples of 14, to the maps of `layers`: (B, width, H/14, W/14) each."""
        rows, columns = (side // PATCH for side in images.shape[-2:])
        x = torch.cat([self.cls_token.expand(len(images), -1, -1), self.patch_embed(images)], 1) + self._positions(rows, columns)
        found = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in self.layers:
                found.append(self.norm(x)[:, 1:].transpose(1, 2).unflatten(2, (rows, columns)))
        return found

    def _positions(self, rows: int, columns: int) -> Tensor:
        """(1, 1 + rows * columns, width): the table, resized where the image is of another size."""
        if rows == columns == self.grid:
            return self.pos_embed
        table = self.pos_embed[:, 1:].transpose(1, 2).unflatten(2, (self.grid, self.grid))
        factors = ((rows + _OFFSET) / self.grid, (columns + _OFFSET) / self.grid)
        resized = functional.interpolate(table, scale_factor=factors, mode="bicubic", antialias=False)
        return torch.cat([self.pos_embed[:, :1], resized.flatten(2).transpose(1, 2)], 1)
