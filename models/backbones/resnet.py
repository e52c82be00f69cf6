"""ResNet-18 and ResNet-50 (He et al. 2016) with torchvision's tensor names, so that public weights fit as they are.

As torchvision's, the bottleneck has its stride in the 3x3 convolution. The classifier (`fc`) has no place here.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from models.backbones.norms import batch_norm
from models.backbones.staged import Layer, StagedBackbone, select, strided

STAGES = ("layer1", "layer2", "layer3", "layer4")
WIDTHS = (64, 128, 256, 512)


def resnet18(returned: Sequence[str] = STAGES, *, frozen_norms: bool = False, largest_stride: int = 32) -> Resnet:
    """ResNet-18; the stages have 64, 128, 256 and 512 channels. See `Resnet`."""
    return Resnet("resnet18", BasicBlock, (2, 2, 2, 2), returned, frozen_norms=frozen_norms, largest_stride=largest_stride)


def resnet50(returned: Sequence[str] = STAGES, *, frozen_norms: bool = False, largest_stride: int = 32) -> Resnet:
    """ResNet-50; the stages have 256, 512, 1024 and 2048 channels. See `Resnet`."""
    return Resnet("resnet50", Bottleneck, (3, 4, 6, 3), returned, frozen_norms=frozen_norms, largest_stride=largest_stride)


class Resnet(StagedBackbone):
    """A stem at stride 4 and four stages of residual blocks at strides 4, 8, 16 and 32.

    Args:
        name: for messages.
        block: `BasicBlock` or `Bottleneck`.
        blocks: how many blocks each stage has.
        returned: the maps that `forward` gives: `stem`, a stage such as `layer3`, or one of its blocks such as `layer3.0`. What
            lies behind the last of them is not built.
        frozen_norms: whether batch normalisation always uses its stored statistics and has no parameters.
        largest_stride: stages that would go beyond it have stride 1 instead, without dilation; 8 makes `layer3` and `layer4` of
            stride 8, as UniTrack wants them.

    Raises:
        ValueError: a layer is unknown.
    """

    def __init__(
        self,
        name: str,
        block: type[BasicBlock | Bottleneck],
        blocks: Sequence[int],
        returned: Sequence[str] = STAGES,
        *,
        frozen_norms: bool = False,
        largest_stride: int = 32,
    ) -> None:
        super().__init__()
        steps = strided((4, 1, 2, 2, 2), largest_stride)
        self.chain, chosen = select(_layers(block.expansion, blocks, [reached for _, reached in steps]), returned, name)
        self.returned = tuple(layer.name for layer in chosen)
        self.channels, self.strides = tuple(layer.channels for layer in chosen), tuple(layer.stride for layer in chosen)
        norm = partial(batch_norm, frozen=frozen_norms)
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = norm(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        built, inputs = {layer.name for layer in self.chain}, 64
        for stage, width, count, (step, _) in zip(STAGES, WIDTHS, blocks, steps[1:], strict=True):
            kept = sum(f"{stage}.{index}" in built for index in range(count))
            rows = [block(inputs if i == 0 else width * block.expansion, width, step if i == 0 else 1, norm) for i in range(kept)]
            if rows:
                setattr(self, stage, nn.Sequential(*rows))
            inputs = width * block.expansion
        _initialise(self)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """The maps named by `returned`; see `StagedBackbone.forward`."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        maps = [x] if "stem" in self.returned else []
        for layer in self.chain[1:]:
            x = self.get_submodule(layer.name)(x)
            if layer.name in self.returned:
                maps.append(x)
        return tuple(maps)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut; the first one has the stride."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int, norm: partial[nn.Module]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn1 = norm(width)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = norm(width)
        self.downsample = _projection(inputs, width, stride, norm)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, width, H / stride, W / stride)."""
        branch = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(branch + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions around a shortcut; the 3x3 one has the stride."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int, norm: partial[nn.Module]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = norm(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = norm(width)
        self.conv3 = nn.Conv2d(width, width * self.expansion, 1, bias=False)
        self.bn3 = norm(width * self.expansion)
        self.relu = nn.ReLU()
        self.downsample = _projection(inputs, width * self.expansion, stride, norm)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, 4 width, H / stride, W / stride)."""
        branch = self.relu(self.bn1(self.conv1(x)))
        branch = self.bn3(self.conv3(self.relu(self.bn2(self.conv2(branch)))))
        return self.relu(branch + (x if self.downsample is None else self.downsample(x)))


def _layers(expansion: int, blocks: Sequence[int], strides: Sequence[int]) -> list[Layer]:
    layers = [Layer("stem", 64, strides[0])]
    for stage, width, count, stride in zip(STAGES, WIDTHS, blocks, strides[1:], strict=True):
        aliases: list[tuple[str, ...]] = [()] * (count - 1) + [(stage,)]
        layers += [Layer(f"{stage}.{i}", width * expansion, stride, aliases[i]) for i in range(count)]
    return layers


def _projection(inputs: int, outputs: int, stride: int, norm: partial[nn.Module]) -> nn.Sequential | None:
    """The shortcut of a block that changes its input's shape; torchvision keeps it when only the stride was taken away."""
    if inputs == outputs and stride == 1:
        return None
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), norm(outputs))


def _initialise(network: nn.Module) -> None:
    """Normal weights whose variance keeps that of the gradients (He et al. 2015), as torchvision starts."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            with torch.no_grad():
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
