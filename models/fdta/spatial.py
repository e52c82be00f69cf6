"""The spatial adapter (FDTA, supplement B.1): a depth distribution from the pyramid, and depth tokens that queries attend to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.dense.depth import expected_depth
from models.dense.heads import GroupNorm
from models.fdta.attention import SequenceLayer
from models.queries.positions import cell_positions

STRIDE = 8  # of the depth distribution


class DepthSeen(NamedTuple):
    """What the spatial adapter says of N images.

    Attributes:
        logits: (N, K + 1, H/8, W/8), the last channel background.
        depth: (N, H/8, W/8) float32, the expected depth (Eq. 13).
        tokens: (N, D, width), keys and values of the depth attention.
    """

    logits: Tensor
    depth: Tensor
    tokens: Tensor


class SpatialAdapter(nn.Module):
    """Depth extractor, depth head and depth encoder.

    Args:
        width: channels of the given maps, and of all maps and tokens made of them.
        heads: number of attention heads of the depth encoder.
        bins: K, number of depth bins.
        limits: nearest and farthest depth of the bins, in the unit of the labels.
        projection: `each`: strides 16 and 32 are projected by a layer of their own, then enlarged (Eq. 10); `shared`: they are
            enlarged, then projected by one layer, as in the released code. The two differ by the normalisation.
        stride: of the tokens, 8 or 16.
        hidden: width inside the depth encoder.
        dropout: of the depth encoder.
        weight_dropout: of its attention weights.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        bins: int,
        limits: tuple[float, float],
        *,
        projection: Literal["each", "shared"],
        stride: int,
        hidden: int,
        dropout: float,
        weight_dropout: float,
    ) -> None:
        super().__init__()
        self.limits, self.pooled, self.shared = limits, stride // STRIDE, projection == "shared"
        self.project = nn.ModuleList([_normalised(width, 1) for _ in range(2 if self.shared else 3)])
        self.dense = nn.Sequential(_normalised(width, 3), nn.ReLU(inplace=True), _normalised(width, 3), nn.ReLU(inplace=True))
        self.classify = nn.Conv2d(width, bins + 1, 1)
        self.encoder = SequenceLayer(width, heads, hidden, dropout, weight_dropout)
        self.table = nn.Parameter(torch.randn(math.ceil(limits[1]) + 1, width))

    def forward(self, maps: Sequence[Tensor]) -> DepthSeen:
        """Look at the projected maps (N, width, h, w) of strides 8, 16 and 32."""
        dense = self.dense(self._fused(maps))
        logits = self.classify(dense)
        depth = expected_depth(logits, *self.limits)
        return DepthSeen(logits, depth, self._tokens(dense.detach(), depth))

    def _fused(self, maps: Sequence[Tensor]) -> Tensor:
        """The mean of the projected maps at stride 8 (Eq. 10)."""
        finest, *coarser = maps[:3]
        if self.shared:
            both = [self.project[1](_enlarged(x, finest)) for x in coarser]
        else:
            both = [_enlarged(layer(x), finest) for layer, x in zip(self.project[1:], coarser, strict=True)]  # type: ignore[arg-type]
        fused: Tensor = (self.project[0](finest) + both[0] + both[1]) / 3
        return fused

    def _tokens(self, dense: Tensor, depth: Tensor) -> Tensor:
        """Tokens of what each cell shows and how far away it is.

        Gradients of later losses reach the depth head through the expected depth alone.
        """
        if self.pooled > 1:
            dense = functional.avg_pool2d(dense, self.pooled)
            depth = functional.avg_pool2d(depth[:, None], self.pooled)[:, 0]
        places = cell_positions(dense.shape[-2], dense.shape[-1], dense.shape[1], dense.device)[None]
        seen: Tensor = self.encoder(dense.flatten(2).transpose(1, 2), places)
        return seen + self._distance(depth.flatten(1))

    def _distance(self, depth: Tensor) -> Tensor:
        """The table's rows between which each depth (N, D) lies, linearly interpolated: (N, D, width)."""
        last = len(self.table) - 1
        place = depth.clamp(0, last)
        low = place.detach().floor().clamp(max=last - 1)
        share = (place - low)[..., None]
        below, above = (functional.embedding(low.long() + step, self.table) for step in (0, 1))
        return below * (1 - share) + above * share


def _enlarged(x: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(x, like.shape[-2:], mode="bilinear", align_corners=False)


def _normalised(width: int, kernel: int) -> nn.Sequential:
    groups = max(n for n in range(1, 33) if width % n == 0)
    return nn.Sequential(nn.Conv2d(width, width, kernel, padding=kernel // 2), GroupNorm(groups, width))
