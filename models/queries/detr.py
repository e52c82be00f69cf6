"""Deformable DETR (Zhu et al. 2021) behind a backbone, with refined boxes, for one class; names are those of the published weights.

Images of a batch have one size and no padding, so nothing is masked.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.dense.heads import GroupNorm
from models.queries.deformable_attention import DeformableAttention, Levels, lay_out
from models.queries.layers import Decoder, DepthPlace, Encoder, Sizes
from models.queries.positions import box_positions

Queries = Literal["learned", "centres"]
PRIOR = 0.01  # probability of an object at the start


class Encoded(NamedTuple):
    """The encoder's cells.

    Attributes:
        cells: (N, S, width).
        levels: where the maps lie in them.
    """

    cells: Tensor
    levels: Levels


class Start(NamedTuple):
    """Where queries start; Q of them.

    Attributes:
        content: (N, Q, width).
        positions: (N, Q, width).
        references: (N, Q, 2) points or (N, Q, 4) boxes in [0, 1].
    """

    content: Tensor
    positions: Tensor
    references: Tensor


class Found(NamedTuple):
    """What every decoder layer found; L layers, the last is the answer, the others train it.

    Attributes:
        logits: (L, N, Q, 1).
        boxes: (L, N, Q, 4) float32, centre and size in (0, 1).
        queries: (N, Q, width) of the last layer.
    """

    logits: Tensor
    boxes: Tensor
    queries: Tensor


class DeformableDetr(nn.Module):
    """Projections, encoder, queries, decoder and heads.

    Args:
        inputs: channels of the given maps, finest first; further levels are made of the last map at twice the stride each.
        sizes: of encoder and decoder layers.
        encoder_layers: 0 or more.
        decoder_layers: 1 or more.
        queries: number of learned queries; not read where queries start at centres.
        start: `learned` content and places, or `centres` of objects that `start_at` is given.
        depth: where decoder layers attend to depth tokens; see `DecoderLayer`.
    """

    def __init__(
        self,
        inputs: Sequence[int],
        sizes: Sizes,
        *,
        encoder_layers: int,
        decoder_layers: int,
        queries: int,
        start: Queries = "learned",
        depth: DepthPlace = "off",
    ) -> None:
        super().__init__()
        width, self.width = sizes.width, sizes.width
        kernels = [(channels, 1) for channels in inputs] + [(inputs[-1] if i == 0 else width, 3) for i in range(sizes.levels - len(inputs))]
        self.input_proj = nn.ModuleList([_project(channels, width, kernel) for channels, kernel in kernels])
        self.level_embed = nn.Parameter(torch.empty(sizes.levels, width))
        self.encoder, self.decoder = Encoder(sizes, encoder_layers), Decoder(sizes, decoder_layers, depth)
        if start == "learned":
            self.query_embed = nn.Embedding(queries, 2 * width)  # the first half is the position
            self.reference_points = nn.Linear(width, 2)
        else:
            self.centre_content = nn.Sequential(nn.Linear(width, width), nn.LayerNorm(width))
            self.centre_position = nn.Sequential(nn.Linear(2 * width, width), nn.LayerNorm(width))
        self.class_embed = nn.ModuleList([nn.Linear(width, 1) for _ in range(decoder_layers)])
        self.bbox_embed = nn.ModuleList([BoxHead(width) for _ in range(decoder_layers)])
        self._initialise(start)

    def project(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Maps (N, C_l, h_l, w_l), finest first, to one map (N, width, h_l, w_l) per level."""
        found = [layer(x) for layer, x in zip(self.input_proj, maps, strict=False)]
        for index, layer in enumerate(self.input_proj[len(maps) :]):
            found.append(layer(maps[-1] if index == 0 else found[-1]))
        return found

    def encode(self, projected: Sequence[Tensor]) -> Encoded:
        """The cells of all levels after the encoder."""
        levels = lay_out([(x.shape[-2], x.shape[-1]) for x in projected], projected[0].device)
        cells = torch.cat([x.flatten(2).transpose(1, 2) for x in projected], 1)
        return Encoded(self.encoder(cells, self.level_embed, levels), levels)

    def start(self, images: int) -> Start:
        """Learned queries, the same for each of the images."""
        positions, content = (x[None].expand(images, -1, -1) for x in self.query_embed.weight.chunk(2, -1))
        with torch.autocast(positions.device.type, enabled=False):
            return Start(content, positions, self.reference_points(positions).sigmoid())

    def start_at(self, boxes: Tensor, content: Tensor) -> Start:
        """Queries at boxes (N, Q, 4) in [0, 1], with the features (N, Q, width) there."""
        positions = self.centre_position(box_positions(boxes, self.width // 2))
        return Start(self.centre_content(content), positions, boxes)

    def decode(self, encoded: Encoded, start: Start, depth: Tensor | None = None) -> Found:
        """Queries to objects; `depth` are tokens (N, D, width) for decoders that attend to depth."""
        decoded = self.decoder(*start, *encoded, self.bbox_embed, depth)
        logits = torch.stack([head(queries) for head, queries in zip(self.class_embed, decoded.queries, strict=True)])
        return Found(logits, decoded.boxes, decoded.queries[-1])

    def _initialise(self, start: Queries) -> None:
        for part in (self.encoder, self.decoder):
            for parameter in part.parameters():
                if parameter.ndim > 1:
                    nn.init.xavier_uniform_(parameter)
            for module in part.modules():
                if isinstance(module, DeformableAttention):
                    module.reset()
        nn.init.normal_(self.level_embed)
        if start == "learned":
            nn.init.xavier_uniform_(self.reference_points.weight)
            nn.init.zeros_(self.reference_points.bias)
        with torch.no_grad():
            for head in self.class_embed:
                head.bias.fill_(-math.log((1 - PRIOR) / PRIOR))  # type: ignore[operator, union-attr]
            if start == "learned":  # boxes of centres have a size already
                self.bbox_embed[0].layers[-1].bias[2:].fill_(-2.0)  # type: ignore[union-attr, index]


class BoxHead(nn.Module):
    """Three linear layers to the step of a box from its reference, in logits; the last one starts at 0."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(width, width), nn.Linear(width, width), nn.Linear(width, 4)])
        nn.init.zeros_(self.layers[-1].weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.layers[-1].bias)  # type: ignore[arg-type]

    def forward(self, queries: Tensor) -> Tensor:
        """(N, Q, width) to (N, Q, 4)."""
        for layer in self.layers[:-1]:
            queries = functional.relu(layer(queries))
        result: Tensor = self.layers[-1](queries)
        return result


def _project(inputs: int, width: int, kernel: int) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, width, kernel, stride=2 if kernel == 3 else 1, padding=kernel // 2)
    nn.init.xavier_uniform_(convolution.weight)
    nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
    groups = max(n for n in range(1, 33) if width % n == 0)
    return nn.Sequential(convolution, GroupNorm(groups, width))
