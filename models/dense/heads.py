"""Prediction heads on the stride-4 map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

PRIOR_BIAS = -2.19  # sigmoid(-2.19) = 0.1, CenterNet's start for heat maps
# sigmoid(-4.6) = 0.01 (Lin et al. 2017, focal loss): from 0.1, the thousands of cells around a few peaks push so hard in the first steps
# that a small head may never fire again
RARE_PRIOR_BIAS = -4.6


class Heads(nn.Module):
    """A 3x3 convolution, ReLU and a 1x1 convolution for each output, all at the input's stride.

    The heads share no weight. Their first convolutions are held as one wide convolution, which gives the same numbers and
    reads the input once.

    Args:
        inputs: channels of the map.
        hidden: channels between the two convolutions of each head.
        outputs: channels of each head, by name.
        priors: last bias at the start, by name of a heat map's head; the others start at 0.
    """

    def __init__(self, inputs: int, hidden: int, outputs: dict[str, int], priors: dict[str, float]) -> None:
        super().__init__()
        self.names = tuple(outputs)
        self.hidden = nn.Conv2d(inputs, hidden * len(outputs), 3, padding=1)
        self.last = nn.ModuleDict({name: nn.Conv2d(hidden, channels, 1) for name, channels in outputs.items()})
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.constant_(parameter, priors.get(name.split(".")[1], 0.0))

    def forward(self, features: Tensor, cells: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Maps, or, of heads that a loss reads at objects alone, what the maps would hold there: a small part of the work.

        Args:
            features: (N, inputs, h, w).
            cells: flat cells (N, K) by name of a head, with a K of its own, at least 1; heads that are given one and the same tensor
                share their work. None: all heads give maps.

        Returns:
            By name, (N, channels, h, w); (N, K, channels) of the heads in `cells`.
        """
        if cells is None:
            return self._maps(features, self.names)
        found: dict[str, Tensor] = {}
        for name in self.names:
            if name not in cells:
                # one head per call: if several shared a convolution, their gradients would be gathered in another memory order
                found |= self._maps(features, (name,))
        places = list({id(where): where for where in cells.values()}.values())
        around = neighbourhoods(features, torch.cat(places, 1)).split([where.shape[1] for where in places], 1)
        for where, part in zip(places, around, strict=True):
            found |= self._at_cells(part, tuple(name for name in self.names if cells.get(name) is where))
        return found

    def _maps(self, features: Tensor, names: tuple[str, ...]) -> dict[str, Tensor]:
        weight, bias = self._first(names)
        hidden = functional.relu(functional.conv2d(features, weight, bias, padding=1), inplace=True).chunk(len(names), dim=1)
        return {name: self.last[name](part) for name, part in zip(names, hidden, strict=True)}

    def _at_cells(self, around: Tensor, names: tuple[str, ...]) -> dict[str, Tensor]:
        weight, bias = self._first(names)
        hidden = functional.relu(functional.linear(around, weight.permute(0, 2, 3, 1).flatten(1), bias), inplace=True)
        columns = hidden.transpose(1, 2)[..., None].chunk(len(names), dim=1)  # each (N, hidden, K, 1), an image to the last convolutions
        return {name: self.last[name](part)[..., 0].transpose(1, 2) for name, part in zip(names, columns, strict=True)}

    def _first(self, names: tuple[str, ...]) -> tuple[Tensor, Tensor]:
        """Weight and bias of the first convolution of these heads side by side."""
        if names == self.names:
            return self.hidden.weight, cast(Tensor, self.hidden.bias)
        chosen = [self.names.index(name) for name in names]
        parts = [cast(Tensor, parameter).chunk(len(self.names)) for parameter in (self.hidden.weight, self.hidden.bias)]
        weight, bias = (torch.cat([part[i] for i in chosen]) for part in parts)
        return weight, bias


class DepthHead(nn.Module):
    """Depth distribution from strides 8, 16 and 32 (FDTA, supplement B.1): Eq. 10, two 3x3 blocks, one 1x1 classifier.

    Args:
        inputs: channels of the three maps.
        hidden: channels c of the fused map (FDTA: 256).
        bins: K; the output has K + 1 channels, the last being background.
    """

    def __init__(self, inputs: tuple[int, int, int], hidden: int, bins: int) -> None:
        super().__init__()
        self.project = nn.ModuleList([_normalised(channels, hidden, kernel=1) for channels in inputs])
        self.dense = nn.Sequential(
            _normalised(hidden, hidden, kernel=3), nn.ReLU(inplace=True), _normalised(hidden, hidden, kernel=3), nn.ReLU(inplace=True)
        )
        self.classify = nn.Conv2d(hidden, bins + 1, 1)

    def forward(self, stride8: Tensor, stride16: Tensor, stride32: Tensor) -> Tensor:
        """Depth logits (N, K + 1, H/8, W/8).

        Args:
            stride8: (N, inputs[0], H/8, W/8).
            stride16: (N, inputs[1], H/16, W/16).
            stride32: (N, inputs[2], H/32, W/32).
        """
        size = stride8.shape[-2:]
        maps = [layer(x) for layer, x in zip(self.project, (stride8, stride16, stride32), strict=True)]
        middle, top = (functional.interpolate(x, size, mode="bilinear", align_corners=False) for x in maps[1:])
        logits: Tensor = self.classify(self.dense((maps[0] + middle + top) / 3))
        return logits


class GroupNorm(nn.GroupNorm):
    """PyTorch's group normalisation over maps made contiguous first: over channels-last bfloat16 maps its backward pass takes 30 times as
    long on a CPU."""

    def forward(self, input: Tensor) -> Tensor:
        """Normalise maps (N, C, h, w) of any memory format."""
        return super().forward(input.contiguous())


def at_cells(maps: Tensor, cells: Tensor) -> Tensor:
    """Values (N, K, C) float32 of maps (N, C, h, w), of any precision, at flat cells (N, K); channels-last maps are not copied."""
    rows = maps.permute(0, 2, 3, 1).flatten(1, 2)
    return rows.gather(1, cells[..., None].expand(-1, -1, maps.shape[1])).float()


def neighbourhoods(maps: Tensor, cells: Tensor) -> Tensor:
    """Each cell's 3x3 surroundings, 0 beyond the edge: (N, K, 9 C), row by row, channels innermost; of the maps' precision.

    Channels-last maps are not copied. Gradients add up in float32, in the order of cells.

    Args:
        maps: (N, C, h, w).
        cells: flat cells (N, K).
    """
    height, width = maps.shape[-2:]
    steps = torch.arange(-1, 2, device=cells.device)
    rows = (cells // width)[..., None] + steps  # (N, K, 3)
    columns = (cells % width)[..., None] + steps
    inside = ((rows >= 0) & (rows < height))[..., :, None] & ((columns >= 0) & (columns < width))[..., None, :]
    images = torch.arange(len(maps), device=cells.device)[:, None, None, None]
    flat = (images * height + rows.clamp(0, height - 1)[..., :, None]) * width + columns.clamp(0, width - 1)[..., None, :]
    values = cast(Tensor, _Rows.apply(maps, flat.flatten())).unflatten(0, flat.shape)
    return (values * inside[..., None]).flatten(2)


class _Rows(torch.autograd.Function):
    """Channels (M, C) of maps (N, C, h, w) at cells (M,) counted through all maps: torch's own gradient would add up in bfloat16."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, cells: Tensor) -> Tensor:
        ctx.save_for_backward(cells)
        ctx.shape, ctx.dtype = maps.shape, maps.dtype
        return maps.permute(0, 2, 3, 1).flatten(0, 2).index_select(0, cells)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (cells,) = ctx.saved_tensors
        images, channels, height, width = ctx.shape
        rows = torch.zeros(images * height * width, channels, device=gradient.device)
        rows.index_add_(0, cells, gradient.float())
        return rows.to(ctx.dtype).view(images, height, width, channels).permute(0, 3, 1, 2), None


def _normalised(inputs: int, outputs: int, *, kernel: int) -> nn.Sequential:
    """Convolution and group normalisation, in as many groups as divide the channels, at most FDTA's 32."""
    groups = max(n for n in range(1, 33) if outputs % n == 0)
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2), GroupNorm(groups, outputs))
