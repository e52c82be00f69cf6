"""Dense prediction heads on the stride-4 map."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

PRIOR_BIAS = -2.19  # sigmoid(-2.19) = 0.1, CenterNet's start for heat maps
# sigmoid(-4.6) = 0.01 (Lin et al. 2017, focal loss): from 0.1, the thousands of cells around a few peaks push so hard in the first steps
# that a small head may never fire again
RARE_PRIOR_BIAS = -4.6


class DenseHeads(nn.Module):
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

    def forward(self, features: Tensor) -> dict[str, Tensor]:
        """Args: features (N, inputs, h, w). Returns (N, channels, h, w) for each name."""
        hidden = functional.relu(self.hidden(features), inplace=True).chunk(len(self.names), dim=1)
        return {name: self.last[name](part) for name, part in zip(self.names, hidden, strict=True)}


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
        """Returns logits (N, K + 1, H/8, W/8)."""
        size = stride8.shape[-2:]
        maps = [layer(x) for layer, x in zip(self.project, (stride8, stride16, stride32), strict=True)]
        risen = [functional.interpolate(x, size, mode="bilinear", align_corners=False) for x in maps[1:]]
        logits: Tensor = self.classify(self.dense(torch.stack([maps[0], *risen]).mean(0)))
        return logits


class GroupNorm(nn.GroupNorm):
    """Torch's over contiguous maps: through channels-last bfloat16 ones its backward pass takes 30 times as long on a CPU."""

    def forward(self, input: Tensor) -> Tensor:
        """Args: input (N, C, h, w) in any order of memory."""
        return super().forward(input.contiguous())


def at_cells(maps: Tensor, cells: Tensor) -> Tensor:
    """Values (N, K, C) float32 of maps (N, C, h, w), of any precision, at flat cells (N, K).

    Channels-last maps are neither copied nor converted as a whole, nor are their gradients, which add up in float32 where cells repeat.
    """
    return cast(Tensor, _AtCells.apply(maps, cells))


class _AtCells(torch.autograd.Function):
    """`at_cells` with its gradient: torch's own would be a map in float32, in another order of memory than the network's."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, cells: Tensor) -> Tensor:
        ctx.save_for_backward(cells)
        ctx.shape, ctx.dtype = maps.shape, maps.dtype
        rows = maps.permute(0, 2, 3, 1).flatten(1, 2)
        found = rows.gather(1, cells[..., None].expand(-1, -1, maps.shape[1])).float()
        return found.transpose(1, 2).contiguous().transpose(1, 2)  # lies as torch's own would: sums over it round alike

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (cells,) = ctx.saved_tensors
        images, channels, height, width = ctx.shape
        slots = torch.arange(cells.shape[1], device=cells.device).expand_as(cells)
        holder = cells.new_zeros(images, height * width).scatter_(1, cells, slots).gather(1, cells)[..., None].expand_as(gradient)
        sums = torch.zeros_like(gradient).scatter_add_(1, holder, gradient).gather(1, holder)
        rows = gradient.new_zeros(images, height * width, channels, dtype=ctx.dtype)
        # where cells repeat, equal values are written; scatter_ would copy the map twice when asked for deterministic work
        rows[torch.arange(images, device=cells.device)[:, None], cells] = sums.to(ctx.dtype)
        return rows.unflatten(1, (height, width)).permute(0, 3, 1, 2), None


def _normalised(inputs: int, outputs: int, *, kernel: int) -> nn.Sequential:
    """Convolution and group normalisation, in 32 groups where the channels divide into them, as FDTA."""
    groups = max(n for n in range(1, 33) if outputs % n == 0)
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2), GroupNorm(groups, outputs))
