"""A textured patch that moves over a textured ground, and a stand-in for a network: patches of 8x8 pixels, as they are."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

HEIGHT, WIDTH, PATCH = 96, 160, 48


def scene(left: int, top: int, seed: int = 0, patch: int = PATCH) -> Tensor:
    """(3, HEIGHT, WIDTH), zero mean: the patch with its upper left corner at (left, top), cut off at the border."""
    generator = torch.Generator().manual_seed(seed)
    image = _texture(HEIGHT, WIDTH, generator) * 0.5
    shown = image[:, top : top + patch, left : left + patch]
    shown.copy_(_texture(patch, patch, generator)[:, : shown.shape[1], : shown.shape[2]])
    return image


def features(images: Tensor) -> Tensor:
    """(N, C, h, w) of images (N, 3, H, W): means of 4x4 pixels, four such cells a vector, at stride 8."""
    return functional.pixel_unshuffle(functional.avg_pool2d(images, 4), 2)


def _texture(height: int, width: int, generator: torch.Generator) -> Tensor:
    coarse = torch.randn(1, 3, height // 4, width // 4, generator=generator)
    return functional.interpolate(coarse, (height, width), mode="bilinear", align_corners=False)[0]
