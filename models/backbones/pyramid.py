"""What every backbone returns, and the one block they are made of."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Pyramid(NamedTuple):
    """Feature maps of an image (N, 3, H, W), H and W multiples of 32.

    Attributes:
        stride4: (N, C4, H/4, W/4), what the heads read.
        stride8: (N, C8, H/8, W/8).
        stride16: (N, C16, H/16, W/16).
        stride32: (N, C32, H/32, W/32).
    """

    stride4: Tensor
    stride8: Tensor
    stride16: Tensor
    stride32: Tensor


class Backbone(nn.Module):
    """A module from images (N, 3, H, W), and what is remembered of the frame before if it was built for that, to a `Pyramid`.

    Attributes:
        channels: of the four levels, finest first.
    """

    channels: tuple[int, int, int, int]


class MemoryStem(nn.Module):
    """First layers for the frame before and the heat map of its objects (CenterTrack, Zhou et al. 2020, section 4.1).

    The released code adds their results to that of the image's own first layer, so that weights trained without memory still fit.

    Args:
        outputs: channels of the image's first layer.
        kernel: of that layer.
        stride: of that layer.
    """

    def __init__(self, outputs: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.image = conv_bn_relu(3, outputs, kernel, stride)
        self.heat = conv_bn_relu(1, outputs, kernel, stride)

    def forward(self, images: Tensor, memory: Tensor | None) -> Tensor:
        """What to add to the first layer's result.

        Args:
            images: (N, 3, H, W), the present frames.
            memory: (N, 4, H, W), the frames before and the heat maps of their objects; None at the start of a sequence, where the
                present frame stands for the one before, without objects.
        """
        if memory is None:
            memory = torch.cat([images, torch.zeros_like(images[:, :1])], 1)
        seen: Tensor = self.image(memory[:, :3]) + self.heat(memory[:, 3:])
        return seen


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with batch normalisation around a shortcut (He et al. 2016, basic block).

    Args:
        inputs: channels of the input.
        outputs: channels of the output.
        stride: of the first convolution.
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor, shortcut: Tensor) -> Tensor:
        """Returns (N, outputs, H/stride, W/stride).

        Args:
            x: (N, inputs, H, W).
            shortcut: (N, outputs, H/stride, W/stride), added before the last activation.
        """
        branch = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(branch + shortcut)


def conv_bn_relu(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, batch normalisation, activation; keeps the size up to the stride."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
