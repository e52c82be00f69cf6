"""Parts of the small networks made of depthwise convolutions: MobileNetV2 and EfficientNet-Lite."""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import nn


class ConvNorm(nn.Sequential):
    """Convolution, normalisation and ReLU6, numbered 0 to 2; keeps the size up to the stride."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, norm: partial[nn.Module], groups: int = 1) -> None:
        convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
        super().__init__(convolution, norm(outputs), nn.ReLU6(inplace=True))


def initialise(network: nn.Module) -> None:
    """Normal weights of variance 2 over the fan-out of a single group.

    torchvision's MobileNetV2 counts the outputs of all groups, from which depthwise layers start with almost no signal; untrained
    networks are representations here, so that they start as EfficientNet's authors start theirs.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.out_channels // module.groups * module.kernel_size[0] * module.kernel_size[1]
            with torch.no_grad():
                module.weight.normal_(0.0, math.sqrt(2.0 / fan_out))
