"""A light residual network with a feature pyramid (Lin et al. 2017), sized to train on a CPU."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from models.backbones.pyramid import Backbone, MemoryStem, Pyramid, ResidualBlock, conv_bn_relu


class ResnetFpn(Backbone):
    """Residual stages at strides 4, 8, 16 and 32, merged from the coarsest to the finest.

    Most of the depth lies at strides 8 to 32, where a 3x3 convolution costs a fraction of what it costs at stride 4.

    Args:
        width: channels at stride 4; 2, 4 and 8 times as many inside the stages at 8, 16 and 32, and twice as many at every
            level of the pyramid.
        memory: whether to look at the frame before as well.
    """

    def __init__(self, width: int, memory: bool = False) -> None:
        super().__init__()
        merged = 2 * width
        self.channels = (width, merged, merged, merged)
        self.stem = nn.Sequential(conv_bn_relu(3, width // 2, stride=2), conv_bn_relu(width // 2, width, stride=2))
        self.stage4 = _Stage(width, width, blocks=1, stride=1)
        self.stage8 = _Stage(width, 2 * width, blocks=2, stride=2)
        self.stage16 = _Stage(2 * width, 4 * width, blocks=2, stride=2)
        self.stage32 = _Stage(4 * width, 8 * width, blocks=1, stride=2)
        self.lateral32 = conv_bn_relu(8 * width, merged, kernel=1)
        self.lateral16 = conv_bn_relu(4 * width, merged, kernel=1)
        self.lateral8 = conv_bn_relu(2 * width, merged, kernel=1)
        self.smooth16 = conv_bn_relu(merged, merged)
        self.smooth8 = conv_bn_relu(merged, merged)
        self.reduce8 = nn.Conv2d(merged, width, 1)
        self.smooth4 = conv_bn_relu(width, width)
        self.memory = MemoryStem(width // 2, stride=2) if memory else None

    def forward(self, images: Tensor, memory: Tensor | None = None) -> Pyramid:
        """The pyramid of images (N, 3, H, W) float RGB in [0, 1], H and W multiples of 32; `memory` as `MemoryStem` takes it."""
        first = self.stem[0](images)
        if self.memory is not None:
            first = first + self.memory(images, memory)
        at4 = self.stage4(self.stem[1](first))
        at8 = self.stage8(at4)
        at16 = self.stage16(at8)
        top = self.lateral32(self.stage32(at16))
        up16 = self.smooth16(self.lateral16(at16) + _double(top))
        up8 = self.smooth8(self.lateral8(at8) + _double(up16))
        up4 = self.smooth4(at4 + _double(self.reduce8(up8)))
        return Pyramid(up4, up8, up16, top)


class _Stage(nn.Module):
    """Residual blocks; the first one changes stride and channels, its shortcut being projected when it must."""

    def __init__(self, inputs: int, outputs: int, *, blocks: int, stride: int) -> None:
        super().__init__()
        self.project = nn.Identity() if inputs == outputs and stride == 1 else _projection(inputs, outputs, stride)
        self.blocks = nn.ModuleList([ResidualBlock(inputs if i == 0 else outputs, outputs, stride if i == 0 else 1) for i in range(blocks)])

    def forward(self, x: Tensor) -> Tensor:
        shortcut = self.project(x)
        for block in self.blocks:
            x = shortcut = block(x, shortcut)
        return x


def _projection(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


def _double(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")
