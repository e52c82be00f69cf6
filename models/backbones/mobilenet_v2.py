"""MobileNetV2 (Sandler et al. 2018) with torchvision's tensor names; the classifier has no place here."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

from torch import Tensor, nn

from models.backbones.mobile import ConvNorm, initialise
from models.backbones.norms import batch_norm
from models.backbones.staged import Layer, StagedBackbone, select, strided

# Expansion, output channels, blocks and stride of the first one (Table 2 of the paper).
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
STEM, LAST = 32, 1280


class MobilenetV2(StagedBackbone):
    """A stem, seventeen inverted residual blocks and a 1x1 convolution: `features.0` to `features.18`.

    Args:
        returned: the maps that `forward` gives, such as `features.13` (96 channels, the last of stride 16). What lies behind the
            last of them is not built.
        frozen_norms: whether batch normalisation always uses its stored statistics and has no parameters.
        largest_stride: layers that would go beyond it have stride 1 instead, without dilation.

    Raises:
        ValueError: a layer is unknown.
    """

    def __init__(self, returned: Sequence[str] = ("features.18",), *, frozen_norms: bool = False, largest_stride: int = 32) -> None:
        super().__init__()
        rows = [(expansion, width, stride if i == 0 else 1) for expansion, width, count, stride in STAGES for i in range(count)]
        steps = strided([2, *(stride for _, _, stride in rows), 1], largest_stride)
        widths = [STEM, *(width for _, width, _ in rows), LAST]
        layers = [Layer(f"features.{i}", width, reached) for i, (width, (_, reached)) in enumerate(zip(widths, steps, strict=True))]
        self.chain, chosen = select(layers, returned, "mobilenet_v2")
        self.returned = tuple(layer.name for layer in chosen)
        self.channels, self.strides = tuple(layer.channels for layer in chosen), tuple(layer.stride for layer in chosen)
        norm = partial(batch_norm, frozen=frozen_norms)
        blocks: list[nn.Module] = [ConvNorm(3, STEM, 3, steps[0][0], norm)]
        for (before, after), (expansion, _, _), (step, _) in zip(pairwise(widths[:-1]), rows, steps[1:-1], strict=True):
            blocks.append(InvertedResidual(before, after, expansion, step, residual=step == 1 and before == after, norm=norm))
        blocks.append(ConvNorm(widths[-2], LAST, 1, 1, norm))
        self.features = nn.Sequential(*blocks[: len(self.chain)])
        initialise(self)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """The maps named by `returned`; see `StagedBackbone.forward`."""
        x, maps = images, []
        for layer, block in zip(self.chain, self.features, strict=True):
            x = block(x)
            if layer.name in self.returned:
                maps.append(x)
        return tuple(maps)


class InvertedResidual(nn.Module):
    """A wide depthwise convolution between two 1x1 ones, the last without activation.

    Args:
        inputs: channels of the input.
        outputs: channels of the output.
        expansion: the depthwise convolution has this many times `inputs` channels; 1 leaves out the first 1x1 convolution.
        stride: of the depthwise convolution.
        residual: whether the input is added to the output.
        norm: makes a normalisation of so many channels.
    """

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int, *, residual: bool, norm: partial[nn.Module]) -> None:
        super().__init__()
        wide, self.residual = inputs * expansion, residual
        layers: list[nn.Module] = [] if expansion == 1 else [ConvNorm(inputs, wide, 1, 1, norm)]
        layers += [ConvNorm(wide, wide, 3, stride, norm, groups=wide), nn.Conv2d(wide, outputs, 1, bias=False), norm(outputs)]
        self.conv = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, ceil(H / stride), ceil(W / stride))."""
        branch: Tensor = self.conv(x)
        return x + branch if self.residual else branch
