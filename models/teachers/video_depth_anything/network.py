"""The network: encoder, and DPT's head (arXiv 2103.13413) with four motion modules."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.teachers.video_depth_anything.encoder import GRID, PATCH, Encoder, Size
from models.teachers.video_depth_anything.motion import Motion

_LAST = 32  # channels before the depth


class Variant(NamedTuple):
    """A published size.

    Attributes:
        encoder: size of the encoder.
        features: number of channels of the head.
        channels: numbers of channels of the four maps that the head makes of the encoder's.
    """

    encoder: Size
    features: int
    channels: tuple[int, int, int, int]


VARIANTS = {
    "vits": Variant(Size(384, 12, 6, (2, 5, 8, 11)), 64, (48, 96, 192, 384)),
    "vitb": Variant(Size(768, 12, 12, (2, 5, 8, 11)), 128, (96, 192, 384, 768)),
    "vitl": Variant(Size(1024, 24, 16, (4, 11, 17, 23)), 256, (256, 512, 1024, 1024)),
}


class Residual(nn.Module):
    """Two convolutions beside the identity."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(features, features, 3, padding=1)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, features, h, w) to the same."""
        found: Tensor = x + self.conv2(functional.relu(self.conv1(functional.relu(x))))
        return found


class Fusion(nn.Module):
    """Adds a finer map to a coarser one, and enlarges. The coarsest has none to add; checkpoints hold its `resConfUnit1` nevertheless."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.resConfUnit1 = Residual(features)
        self.resConfUnit2 = Residual(features)
        self.out_conv = nn.Conv2d(features, features, 1)

    def forward(self, x: Tensor, finer: Tensor | None, size: tuple[int, int]) -> Tensor:
        """(B, features, h, w) to (B, features, *size)."""
        x = self.resConfUnit2(x if finer is None else x + self.resConfUnit1(finer))
        found: Tensor = self.out_conv(_resize(x, size))
        return found


class Scratch(nn.Module):
    """The head's own layers, under the name that they have had since MiDaS."""

    def __init__(self, features: int, channels: tuple[int, ...]) -> None:
        super().__init__()
        for number, count in enumerate(channels, 1):
            self.add_module(f"layer{number}_rn", nn.Conv2d(count, features, 3, padding=1, bias=False))
            self.add_module(f"refinenet{number}", Fusion(features))
        self.output_conv1 = nn.Conv2d(features, features // 2, 3, padding=1)
        convolution, last = nn.Conv2d(features // 2, _LAST, 3, padding=1), nn.Conv2d(_LAST, 1, 1)
        self.output_conv2 = nn.Sequential(convolution, nn.ReLU(), last, nn.ReLU())


class Head(nn.Module):
    """Four maps of the encoder to inverse depth."""

    def __init__(self, width: int, features: int, channels: tuple[int, int, int, int]) -> None:
        super().__init__()
        first, second, third, fourth = channels
        self.projects = nn.ModuleList([nn.Conv2d(width, count, 1) for count in channels])
        enlarge = [nn.ConvTranspose2d(first, first, 4, 4), nn.ConvTranspose2d(second, second, 2, 2)]
        self.resize_layers = nn.ModuleList([*enlarge, nn.Identity(), nn.Conv2d(fourth, fourth, 3, 2, 1)])
        self.scratch = Scratch(features, channels)
        self.motion_modules = nn.ModuleList([Motion(count) for count in (third, fourth, features, features)])

    def reassemble(self, maps: list[Tensor]) -> list[Tensor]:
        """The encoder's maps at strides 3.5, 7, 14 and 28 pixels; frames apart from each other."""
        return [resize(project(x)) for resize, project, x in zip(self.resize_layers, self.projects, maps, strict=True)]

    def forward(self, maps: list[Tensor], size: tuple[int, int], batch: int) -> Tensor:
        """Inverse depth (frames, *size) from the maps that `reassemble` gave of a whole window.

        Motion modules see all frames; what follows the last of them is computed for `batch` frames at once.
        """
        scratch, (first, second, third, fourth) = self.scratch, maps
        third, fourth = (scratch.get_submodule(f"layer{i + 3}_rn")(self.motion_modules[i](x)) for i, x in enumerate((third, fourth)))
        path = self.motion_modules[2](scratch.get_submodule("refinenet4")(fourth, None, _size(third)))
        path = self.motion_modules[3](scratch.get_submodule("refinenet3")(path, third, _size(second)))
        parts = zip(path.split(batch), second.split(batch), first.split(batch), strict=True)
        return torch.cat([self._finish(*part, size) for part in parts])

    def _finish(self, path: Tensor, second: Tensor, first: Tensor, size: tuple[int, int]) -> Tensor:
        rows, columns = _size(first)
        scratch = self.scratch
        path = scratch.get_submodule("refinenet2")(path, scratch.get_submodule("layer2_rn")(second), (rows, columns))
        path = scratch.get_submodule("refinenet1")(path, scratch.get_submodule("layer1_rn")(first), (2 * rows, 2 * columns))
        found: Tensor = scratch.output_conv2(_resize(scratch.output_conv1(path), size))
        return found[:, 0]


class VideoDepth(nn.Module):
    """The network.

    Args:
        variant: a value of `VARIANTS`, or a smaller one.
        grid: patches along a side of the encoder's position table.
    """

    def __init__(self, variant: Variant, grid: int = GRID) -> None:
        super().__init__()
        self.pretrained = Encoder(variant.encoder, grid)
        self.head = Head(variant.encoder.width, variant.features, variant.channels)

    def forward(self, images: Tensor, batch: int) -> Tensor:
        """Inverse depth of one window, up to a scale and a shift.

        Args:
            images: (T, 3, H, W) float32, normalised; T up to 32, H and W multiples of 14.
            batch: frames that pass the encoder, and the end of the head, at once: what bounds memory.

        Returns:
            (T, H, W) float32, 0 or more.
        """
        size = (images.shape[2] // PATCH * PATCH, images.shape[3] // PATCH * PATCH)
        parts = [self.head.reassemble(self.pretrained(part)) for part in images.split(batch)]
        found: Tensor = self.head([torch.cat(maps) for maps in zip(*parts, strict=True)], size, batch)
        return found


def _resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    return functional.interpolate(x, size=size, mode="bilinear", align_corners=True)


def _size(x: Tensor) -> tuple[int, int]:
    return x.shape[2], x.shape[3]
