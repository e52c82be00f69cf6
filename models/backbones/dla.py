"""DLA-34 (Yu et al. 2018) with the iterative up path of CenterNet, plain 3x3 convolutions in place of deformable ones.

Modules carry the names of the public ImageNet weights (`base_layer`, `level0` .. `level5`, `tree1`, `root`, `project`), so
that those load into `.base` as they are; what is absent on purpose is `project` of trees that hold trees, whose result the
network never uses.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.backbones.pyramid import Backbone, MemoryStem, Pyramid, ResidualBlock, conv_bn_relu

CHANNELS = (16, 32, 64, 128, 256, 512)


class Dla34(Backbone):
    """Deep layer aggregation with 34 layers and a stride-4 output of 64 channels.

    Args:
        width: 64, the only width there is.
        memory: whether to look at the frame before as well.

    Raises:
        ValueError: another width.
    """

    def __init__(self, width: int = 64, memory: bool = False) -> None:
        super().__init__()
        if width != CHANNELS[2]:
            raise ValueError(f"DLA-34 has {CHANNELS[2]} channels at stride 4, not {width}")
        self.channels = (64, 128, 256, 512)
        self.base = _Base(memory)
        self.dla_up = _DeepUp(self.channels)
        self.ida_up = _IterativeUp(self.channels[0], self.channels[:3], (1, 2, 4))

    def forward(self, images: Tensor, memory: Tensor | None = None) -> Pyramid:
        """The pyramid of images (N, 3, H, W) float RGB in [0, 1], H and W multiples of 32; `memory` as `MemoryStem` takes it."""
        at4, at8, at16, at32 = self.dla_up(self.base(images, memory))
        return Pyramid(self.ida_up([at4, at8, at16])[-1], at8, at16, at32)


class _Base(nn.Module):
    """Down path; returns the levels of strides 4, 8, 16 and 32."""

    def __init__(self, memory: bool) -> None:
        super().__init__()
        c = CHANNELS
        self.base_layer = conv_bn_relu(3, c[0], kernel=7)
        self.level0 = conv_bn_relu(c[0], c[0])
        self.level1 = conv_bn_relu(c[0], c[1], stride=2)
        self.level2 = _Tree(1, c[1], c[2], stride=2, level_root=False)
        self.level3 = _Tree(2, c[2], c[3], stride=2, level_root=True)
        self.level4 = _Tree(2, c[3], c[4], stride=2, level_root=True)
        self.level5 = _Tree(1, c[4], c[5], stride=2, level_root=True)
        self.memory = MemoryStem(c[0], kernel=7) if memory else None

    def forward(self, images: Tensor, memory: Tensor | None) -> list[Tensor]:
        x = self.base_layer(images)
        if self.memory is not None:
            x = x + self.memory(images, memory)
        x = self.level1(self.level0(x))
        levels = []
        for level in (self.level2, self.level3, self.level4, self.level5):
            x = level(x)
            levels.append(x)
        return levels


class _Tree(nn.Module):
    """Hierarchical aggregation: two subtrees (blocks at the leaves) whose results, and those handed down, meet in a root."""

    def __init__(self, levels: int, inputs: int, outputs: int, *, stride: int = 1, level_root: bool = False, handed_down: int = 0) -> None:
        super().__init__()
        handed_down += inputs if level_root else 0
        self.level_root = level_root
        self.is_leaf = levels == 1
        self.downsample = nn.MaxPool2d(stride, stride) if stride > 1 else nn.Identity()
        if self.is_leaf:
            self.tree1: nn.Module = ResidualBlock(inputs, outputs, stride)
            self.tree2: nn.Module = ResidualBlock(outputs, outputs)
            self.root = _Root(2 * outputs + handed_down, outputs)
            self.project = nn.Identity() if inputs == outputs else _projection(inputs, outputs)
        else:
            self.tree1 = _Tree(levels - 1, inputs, outputs, stride=stride)
            self.tree2 = _Tree(levels - 1, outputs, outputs, handed_down=handed_down + outputs)

    def forward(self, x: Tensor, handed_down: tuple[Tensor, ...] = ()) -> Tensor:
        bottom = self.downsample(x)
        if self.level_root:
            handed_down = (*handed_down, bottom)
        if not self.is_leaf:
            first = self.tree1(x)
            return self.tree2(first, (*handed_down, first))
        first = self.tree1(x, self.project(bottom))
        second = self.tree2(first, first)
        return self.root(second, first, *handed_down)


class _Root(nn.Module):
    """1x1 convolution over the concatenated children."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.bn = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, *children: Tensor) -> Tensor:
        return self.relu(self.bn(self.conv(torch.cat(children, 1))))


class _IterativeUp(nn.Module):
    """Brings maps of growing stride to the first one's, adding each to its finer neighbour.

    Args:
        outputs: channels of all results.
        inputs: channels of the maps, finest first.
        factors: how much coarser each map is than the first.
    """

    def __init__(self, outputs: int, inputs: tuple[int, ...], factors: tuple[int, ...]) -> None:
        super().__init__()
        self.count = len(inputs)
        for i in range(1, self.count):
            setattr(self, f"proj_{i}", conv_bn_relu(inputs[i], outputs))
            setattr(self, f"up_{i}", _bilinear(outputs, factors[i]))
            setattr(self, f"node_{i}", conv_bn_relu(outputs, outputs))

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """Returns the maps at the first one's stride; the last has seen all."""
        merged = [maps[0]]
        for i in range(1, self.count):
            risen = getattr(self, f"up_{i}")(getattr(self, f"proj_{i}")(maps[i]))
            merged.append(getattr(self, f"node_{i}")(risen + merged[-1]))
        return merged


class _DeepUp(nn.Module):
    """Applies the iterative merge from the two coarsest maps to all; returns the best map of each stride, finest first."""

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.steps = len(channels) - 1
        for step in range(self.steps):
            finest = self.steps - 1 - step
            # after the first step every coarser map has been brought to the previous step's stride and channels
            coarser = (channels[finest + 1],) * (step + 1)
            setattr(self, f"ida_{step}", _IterativeUp(channels[finest], (channels[finest], *coarser), (1, *(2,) * (step + 1))))

    def forward(self, levels: list[Tensor]) -> list[Tensor]:
        results = [levels[-1]]
        merged = [levels[-1]]
        for step in range(self.steps):
            finest = self.steps - 1 - step
            merged = getattr(self, f"ida_{step}")([levels[finest], *merged])
            results.insert(0, merged[-1])
        return results


def _projection(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))


def _bilinear(channels: int, factor: int) -> nn.ConvTranspose2d:
    """Depthwise transposed convolution that starts as bilinear interpolation."""
    up = nn.ConvTranspose2d(channels, channels, 2 * factor, factor, factor // 2, groups=channels, bias=False)
    ramp = 1 - (torch.arange(2 * factor) - (factor - 0.5)).abs() / factor
    with torch.no_grad():
        up.weight.copy_((ramp[:, None] * ramp[None, :]).expand_as(up.weight))
    return up
