"""The appearance model: a frozen backbone whose chosen layer has stride 8 (section 2.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.backbones.efficientnet_lite import EfficientnetLite0
from models.backbones.mobilenet_v2 import MobilenetV2
from models.backbones.resnet import resnet18, resnet50
from models.backbones.staged import StagedBackbone
from models.unitrack.options import RepresentationOptions, UnitrackOptions
from pipeline.errors import UserError

STRIDE = 8
NETWORKS: dict[str, Callable[..., StagedBackbone]] = {
    "resnet18": resnet18,
    "resnet50": resnet50,
    "mobilenet_v2": MobilenetV2,
    "efficientnet_lite0": EfficientnetLite0,
}


class Maps(NamedTuple):
    """What a representation gives.

    Attributes:
        features: (N, C, ceil(H / 8), ceil(W / 8)).
    """

    features: Tensor


class Representation(nn.Module):
    """A backbone with the input that its weights were trained on; always in evaluation mode, never with gradients.

    Args:
        backbone: with one returned layer of stride 8.
        channels: of that layer's map.
        mean: per channel of RGB in [0, 1].
        deviation: standard deviation per channel of RGB in [0, 1].
        gray: whether the network sees lightness (L of CIE Lab over 100) three times instead of colours.

    Attributes:
        channels: of the map.
    """

    def __init__(
        self, backbone: nn.Module, channels: int, mean: Sequence[float], deviation: Sequence[float], *, gray: bool = False
    ) -> None:
        super().__init__()
        self.backbone, self.channels, self._gray = backbone, channels, gray
        self.mean: Tensor
        self.deviation: Tensor
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).view(3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(deviation, dtype=torch.float32).view(3, 1, 1), persistent=False)
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> Representation:
        """Stay in evaluation mode, whatever `mode` is: statistics of normalisation belong to the representation."""
        return super().train(False)

    def normalised(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) RGB in [0, 1] as the backbone wants it; 0 is the mean colour."""
        seen = lightness(images).expand_as(images) if self._gray else images
        return (seen - self.mean) / self.deviation

    def features(self, normalised: Tensor) -> Tensor:
        """The map (N, C, h, w) of images that are normalised already, such as crops of them."""
        with torch.no_grad():
            found: Tensor = self.backbone(normalised)[0]
        return found

    def forward(self, images: Tensor) -> Maps:
        """The map of images (N, 3, H, W) float RGB in [0, 1], of any size."""
        return Maps(self.features(self.normalised(images)))


def build(options: RepresentationOptions) -> Representation:
    """A representation with random weights.

    Raises:
        ValueError: the network has no such layer, or its map is not an eighth of the image.
    """
    backbone = NETWORKS[options.network]((options.layer,), largest_stride=STRIDE)
    if backbone.strides != (STRIDE,):
        fine = [layer.names[-1] for layer in backbone.chain if layer.stride == STRIDE]
        raise ValueError(
            f"{options.network}'s {options.layer} has a map of 1/{backbone.strides[0]} of the image, not of 1/{STRIDE}"
            + (f"; {fine[0]} is the first that has" if fine else "; name a later layer")
        )
    return Representation(backbone, backbone.channels[0], options.mean, options.deviation, gray=options.gray)


def build_network(options: UnitrackOptions) -> Representation:
    """The network that `System.build_network` promises; weights are random. See `build`.

    Raises:
        UserError: the network has no such layer, or its map is not an eighth of the image.
    """
    try:
        return build(options.network)
    except ValueError as error:
        raise UserError(f"model.network.layer: {error}\nnext: set model.network.layer") from None


def lightness(images: Tensor) -> Tensor:
    """L of CIE Lab over 100: (N, 3, H, W) sRGB in [0, 1] to (N, 1, H, W) in [0, 1]."""
    linear = torch.where(images > 0.04045, ((images + 0.055) / 1.055).clamp(min=0) ** 2.4, images / 12.92)
    weights = linear.new_tensor([0.2126729, 0.7151522, 0.0721750]).view(3, 1, 1)
    luminance = (linear * weights).sum(1, keepdim=True)
    curved = torch.where(luminance > (6 / 29) ** 3, luminance.clamp(min=0) ** (1 / 3), luminance * (841 / 108) + 4 / 29)
    return (116 * curved - 16) / 100
