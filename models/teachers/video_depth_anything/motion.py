"""Attention over time at each place of a map: what makes Video Depth Anything's head temporal (arXiv 2501.12375, section 3.1).

Module names are those of the published checkpoints, which follow AnimateDiff's motion module.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

FRAMES = 32  # positions in time that a module knows
HEADS = 8
_GROUPS = 32
_PLACES = 65535  # places per call of attention: CUDA's limit for its grid


class Positions(nn.Module):
    """Sines and cosines of the frame's place in the window; a buffer, since checkpoints hold it."""

    pe: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        angles = torch.arange(FRAMES)[:, None] / 10000 ** (torch.arange(0, width, 2) / width)
        self.register_buffer("pe", torch.stack([angles.sin(), angles.cos()], -1).flatten(1)[None])

    def forward(self, x: Tensor) -> Tensor:
        """(places, frames, width) to the same."""
        return x + self.pe[:, : x.shape[1]]


class TimeAttention(nn.Module):
    """Each place attends to itself in the other frames."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.to_q, self.to_k, self.to_v = (nn.Linear(width, width, bias=False) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(width, width)])
        self.pos_encoder = Positions(width)

    def forward(self, x: Tensor) -> Tensor:
        """(places, frames, width) to the same."""
        return torch.cat([self._attend(part) for part in self.pos_encoder(x).split(_PLACES)])

    def _attend(self, x: Tensor) -> Tensor:
        query, key, value = (layer(x).unflatten(-1, (HEADS, -1)).transpose(1, 2) for layer in (self.to_q, self.to_k, self.to_v))
        mixed: Tensor = self.to_out[0](functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2))
        return mixed


class Gated(nn.Module):
    """One half of a projection, weighted by GELU of the other (arXiv 2002.05202)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width, 8 * width)

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) to (..., 4 width)."""
        values, gate = self.proj(x).chunk(2, -1)
        found: Tensor = values * functional.gelu(gate)
        return found


class Layers(nn.Module):
    """The gated projection and the way back; checkpoints number them 0 and 2 (1 was dropout)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.Sequential(Gated(width), nn.Identity(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) to the same."""
        found: Tensor = self.net(x)
        return found


class Block(nn.Module):
    """Two attentions over time, then the layers, each beside the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention_blocks = nn.ModuleList([TimeAttention(width) for _ in range(2)])
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(2)])
        self.ff = Layers(width)
        self.ff_norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """(places, frames, width) to the same."""
        for attention, norm in zip(self.attention_blocks, self.norms, strict=True):
            x = x + attention(norm(x))
        found: Tensor = x + self.ff(self.ff_norm(x))
        return found


class Transformer(nn.Module):
    """The block between two projections, beside the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(_GROUPS, width, eps=1e-6)
        self.proj_in = nn.Linear(width, width)
        self.transformer_blocks = nn.ModuleList([Block(width)])
        self.proj_out = nn.Linear(width, width)
        nn.init.zeros_(self.proj_out.weight)  # training starts from the image network
        nn.init.zeros_(self.proj_out.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(frames, width, h, w) of one window to the same."""
        height = x.shape[2]
        places = self.transformer_blocks[0](self.proj_in(self.norm(x).flatten(2).permute(2, 0, 1)))
        found: Tensor = x + self.proj_out(places).permute(1, 2, 0).unflatten(2, (height, -1))
        return found


class Motion(nn.Module):
    """A motion module; the checkpoints' names have this level above the transformer's."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.temporal_transformer = Transformer(width)

    def forward(self, x: Tensor) -> Tensor:
        """(frames, width, h, w) of one window to the same."""
        found: Tensor = self.temporal_transformer(x)
        return found
