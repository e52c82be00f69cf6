"""MOTIP's ID decoder (Gao et al. 2025): objects ask the observations of the past whose label is theirs.

An observation is a token of two halves, what it looks like and the embedding of its trajectory's label. Labels are random words of a
small vocabulary; objects of the present carry the word "newborn", and the decoder finds their own.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.fdta.temporal import FeedForward


class Past(NamedTuple):
    """S tokens of N scenes.

    Attributes:
        features: (N, S, width).
        labels: (N, S) int64 in [0, V).
        times: (N, S) int64, frame within the window.
        present: (N, S) bool; False is padding, or what was hidden.
    """

    features: Tensor
    labels: Tensor
    times: Tensor
    present: Tensor


class Present(NamedTuple):
    """F frames of M objects each, of N scenes.

    Attributes:
        features: (N, F, M, width).
        times: (N, F) int64, frame within the window.
        present: (N, F, M) bool.
    """

    features: Tensor
    times: Tensor
    present: Tensor


class ZeroAttention(nn.Module):
    """Attention with an additive bias, and a further key and value of zeros, so that a query that may attend to nothing gets zeros.

    Args:
        width: dimensions of a token.
        heads: number of attention heads.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, query: Tensor, memory: Tensor, bias: Tensor) -> Tensor:
        """Attend from queries to memory.

        Args:
            query: (N, Q, width).
            memory: (N, S, width), keys and values.
            bias: of a shape that broadcasts with (N, heads, Q, S); -inf where forbidden.

        Returns:
            (N, Q, width).
        """
        queries, keys, values = self._project(query, memory)
        result: Tensor = self.out_proj((_attention(queries, keys, bias) @ values).transpose(1, 2).flatten(2))
        return result

    def weights(self, query: Tensor, memory: Tensor, bias: Tensor) -> Tensor:
        """The attention weights (N, heads, Q, S) for the arguments of `forward`; what a row lacks to 1 goes to the key of zeros."""
        queries, keys, _ = self._project(query, memory)
        return _attention(queries, keys, bias)

    def _project(self, query: Tensor, memory: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, each (N, heads, Q or S, width / heads)."""
        width = query.shape[-1]
        own = nn.functional.linear(query, self.in_proj_weight[:width], self.in_proj_bias[:width])
        both = nn.functional.linear(memory, self.in_proj_weight[width:], self.in_proj_bias[width:])
        keys, values = both.unflatten(-1, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return own.unflatten(-1, (self.heads, -1)).transpose(1, 2), keys, values


class IdDecoder(nn.Module):
    """Decoder of labels; module names are those of the published weights.

    Args:
        width: dimensions of an observation; tokens have twice as many.
        heads: number of attention heads.
        hidden: width inside the layers.
        layers: number of layers; the first has no self-attention.
        vocabulary: V labels; label V is "newborn".
        frames: T, entries of the table over how long ago an observation was.
    """

    def __init__(self, width: int, heads: int, hidden: int, layers: int, vocabulary: int, frames: int) -> None:
        super().__init__()
        token = 2 * width
        self.vocabulary, self.frames = vocabulary, frames
        self.word_to_embed = nn.Linear(vocabulary + 1, width, bias=False)
        self.embed_to_word = nn.Linear(width, vocabulary + 1, bias=False)
        self.self_attn_layers = nn.ModuleList([ZeroAttention(token, heads) for _ in range(layers - 1)])
        self.self_attn_norm_layers = nn.ModuleList([nn.LayerNorm(token) for _ in range(layers - 1)])
        self.cross_attn_layers = nn.ModuleList([ZeroAttention(token, heads) for _ in range(layers)])
        self.cross_attn_norm_layers = nn.ModuleList([nn.LayerNorm(token) for _ in range(layers)])
        self.ffn_layers = nn.ModuleList([FeedForward(token, hidden) for _ in range(layers)])
        self.ffn_norm_layers = nn.ModuleList([nn.LayerNorm(token) for _ in range(layers)])
        for parameter in self.parameters():
            if parameter.ndim > 1:
                nn.init.xavier_uniform_(parameter)
        self.rel_pos_embeds = nn.Parameter(torch.zeros(layers, frames, heads))

    def forward(self, past: Past, present: Present) -> Tensor:
        """Whose label each object of the present has.

        An object sees the observations of earlier frames than its own, and the objects of its own frame.

        Args:
            past: S observations of each of N scenes.
            present: the objects that ask, in F frames of each scene.

        Returns:
            (N, F, M, V + 1) logits.
        """
        scenes, frames, objects = present.present.shape
        memory = torch.cat([past.features, self._words(past.labels)], -1)
        newborn = self.word_to_embed.weight[:, -1].expand(*present.features.shape[:-1], -1)
        tokens = torch.cat([present.features, newborn.to(present.features.dtype)], -1).flatten(1, 2)
        alone = _barred(~present.present.flatten(0, 1))[:, None, None]
        ago, hidden = self._when(past, present)
        for layer, cross in enumerate(self.cross_attn_layers):
            if layer:
                x = tokens.view(scenes * frames, objects, -1)
                x = x + self.self_attn_layers[layer - 1](x, x, alone)
                tokens = self.self_attn_norm_layers[layer - 1](x).view(scenes, frames * objects, -1)
            bias = self._bias(layer, ago, hidden, objects)
            tokens = self.cross_attn_norm_layers[layer](tokens + cross(tokens, memory, bias))
            tokens = self.ffn_norm_layers[layer](tokens + self.ffn_layers[layer](tokens))
        logits: Tensor = self.embed_to_word(tokens[..., tokens.shape[-1] // 2 :])
        return logits.view(scenes, frames, objects, -1)

    def _words(self, labels: Tensor) -> Tensor:
        return nn.functional.embedding(labels, self.word_to_embed.weight.t())

    def _when(self, past: Past, present: Present) -> tuple[Tensor, Tensor]:
        """How long ago each token was, as a row of the table, and where it may not be seen: both (N, F, S)."""
        ago = relative_times(past.times, present.times)
        return ago.clamp(0, self.frames - 1), (ago <= 0) | ~past.present[:, None]

    def _bias(self, layer: int, ago: Tensor, hidden: Tensor, objects: int) -> Tensor:
        """(N, heads, F * objects, S): what the table says of how long ago a token was; -inf where it may not be seen."""
        learnt = self.rel_pos_embeds[layer][ago].masked_fill(hidden[..., None], -torch.inf)
        return learnt.permute(0, 3, 1, 2).repeat_interleave(objects, 2)


def relative_times(past: Tensor, present: Tensor) -> Tensor:
    """How many frames before each frame of the present (N, F) each observation of the past (N, S) was: (N, F, S)."""
    return present[:, :, None] - past[:, None]


def _attention(queries: Tensor, keys: Tensor, bias: Tensor) -> Tensor:
    """Softmax over the keys and a further logit of 0, in float32 or wider; the weights of the keys, of the queries' precision."""
    logits = queries @ keys.transpose(-1, -2) * queries.shape[-1] ** -0.5 + bias
    wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return nn.functional.pad(wide, (0, 1)).softmax(-1)[..., :-1].to(queries.dtype)


def _barred(mask: Tensor) -> Tensor:
    """-inf where the mask is set, else 0."""
    return torch.zeros(mask.shape, device=mask.device).masked_fill(mask, -torch.inf)
