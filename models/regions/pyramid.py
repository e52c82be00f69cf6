"""Levels of one width for region heads, made from a backbone's pyramid (Lin et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

STRIDES = (4, 8, 16, 32, 64)


class FeaturePyramid(nn.Module):
    """Brings strides 4 to 32 to one width; optionally adds stride 64.

    A backbone whose stages are not merged yet (a plain ResNet) gets the top-down path: each level receives the coarser one, enlarged, and
    is smoothed by a 3x3 convolution. The levels of a backbone that merges them itself are only projected.

    Args:
        channels: of the backbone's four levels, finest first.
        width: channels of all results.
        top_down: whether to merge from the coarsest to the finest level.
        stride64: whether every second cell of stride 32 makes one more level.
    """

    def __init__(self, channels: Sequence[int], width: int, *, top_down: bool, stride64: bool) -> None:
        super().__init__()
        self.lateral = nn.ModuleList([nn.Conv2d(each, width, 1) for each in channels])
        self.smooth = nn.ModuleList([nn.Conv2d(width, width, 3, padding=1) for _ in channels] if top_down else [])
        self.stride64 = stride64

    def forward(self, pyramid: Sequence[Tensor]) -> list[Tensor]:
        """Four maps (N, C_s, H/s, W/s), finest first, to four or five (N, width, H/s, W/s); at stride 64 sides are rounded up."""
        maps: list[Tensor] = [layer(each) for layer, each in zip(self.lateral, pyramid, strict=True)]
        if len(self.smooth):
            for level in reversed(range(len(maps) - 1)):
                maps[level] = maps[level] + functional.interpolate(maps[level + 1], scale_factor=2.0, mode="nearest")
            maps = [layer(each) for layer, each in zip(self.smooth, maps, strict=True)]
        if self.stride64:
            maps.append(maps[-1][..., ::2, ::2])
        return maps
