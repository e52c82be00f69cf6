"""FAFPN: levels of a pyramid added from the coarsest to the finest, each moved onto the next by a learnt flow.

The flow's place, between a finer map and the enlarged coarser one, is that of Semantic Flow (Li et al., ECCV 2020), which FineTrack's
feature alignment resembles; where its paper is not known, this is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from models.finetrack.warp import enlarge, warp


class AlignedPyramid(nn.Module):
    """Maps of several strides to one of the finest.

    Args:
        inputs: channels of the levels, finest first.
        channels: of every level from here on, and of the result.
        flow: whether coarse maps are moved by a flow, which is 0 at the start; else they are only enlarged.
    """

    def __init__(self, inputs: Sequence[int], channels: int, *, flow: bool) -> None:
        super().__init__()
        self.lateral = nn.ModuleList([nn.Conv2d(each, channels, 1) for each in inputs])
        self.smooth = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)
        )
        self.flows = nn.ModuleList([_no_flow(2 * channels) for _ in inputs[1:]]) if flow else None

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """Returns one map (N, channels, h, w) of levels (N, inputs[i], h / 2^i, w / 2^i), finest first."""
        maps = [layer(x) for layer, x in zip(self.lateral, levels, strict=True)]
        merged = maps[-1]
        for i in range(len(maps) - 2, -1, -1):
            merged = maps[i] + self._onto(maps[i], merged, i).to(maps[i].dtype)
        return cast(Tensor, self.smooth(merged))

    def _onto(self, fine: Tensor, coarse: Tensor, level: int) -> Tensor:
        """The coarse map on the fine one's grid."""
        enlarged = enlarge(coarse, *fine.shape[-2:])
        if self.flows is None:
            return enlarged
        return warp(coarse, self.flows[level](torch.cat([fine, enlarged.to(fine.dtype)], 1)))


def _no_flow(inputs: int) -> nn.Module:
    """A convolution whose weights are 0 and draw no random numbers, so that all other weights are the same with and without flows."""
    layer = skip_init(nn.Conv2d, inputs, 2, 3, padding=1)
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer
