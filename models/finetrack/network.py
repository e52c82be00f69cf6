"""FineTrack's network: a backbone, its levels aligned to stride 4, centre heads on that map, and parts of whatever boxes it is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor, nn

from models import backbones
from models.dense.heads import PRIOR_BIAS, Heads
from models.dense.options import STRIDE
from models.finetrack.options import FinetrackOptions
from models.finetrack.parts import PartHead, Parts
from models.finetrack.pyramid import AlignedPyramid
from models.regions.align import align


class FinetrackOutputs(NamedTuple):
    """Maps of N images, h = H/4 and w = W/4; (N, K, C) of `size` and `offset` where they were asked for at cells alone.

    Attributes:
        heatmap: (N, 1, h, w), logits of object centres.
        size: (N, 4, h, w), distances from the centre to left, top, right and bottom, in map cells.
        offset: (N, 2, h, w), x and y of the centre inside its cell, in map cells.
        features: (N, C, h, w), what boxes are read from.
    """

    heatmap: Tensor
    size: Tensor
    offset: Tensor
    features: Tensor

    @property
    def occlusion(self) -> None:
        """There is no such head."""
        return None

    @property
    def occlusion_offset(self) -> None:
        """There is no such head."""
        return None


class FinetrackNetwork(nn.Module):
    """The network on one device.

    Args:
        options: the whole `model` section; only `network` is read.
    """

    def __init__(self, options: FinetrackOptions) -> None:
        super().__init__()
        o = self.options = options.network
        self.backbone = backbones.build(o.backbone, o.width)
        self.pyramid = AlignedPyramid(self.backbone.channels, o.channels, flow=o.alignment == "flow")
        self.heads = Heads(o.channels, o.head_width, {"heatmap": 1, "size": 4, "offset": 2}, priors={"heatmap": PRIOR_BIAS})
        self.parts = PartHead(o.channels, o.parts, o.mask_hidden, o.part_size)

    def forward(self, images: Tensor, cells: Mapping[str, Tensor] | None = None) -> FinetrackOutputs:
        """Maps of each image.

        Args:
            images: (N, 3, H, W) float RGB in [0, 1], H and W multiples of 32.
            cells: for training, flat cells (N, K) by name of an output that is wanted there alone.
        """
        features = self.pyramid(self.backbone(images))
        return FinetrackOutputs(**self.heads(features, cells), features=features)

    def look_at(self, features: Tensor, boxes: Tensor, images: Tensor) -> Parts:
        """Masks and vectors of the parts of boxes.

        Args:
            features: (N, C, h, w) of `FinetrackOutputs`.
            boxes: (R, 4) float32, xyxy pixels of the network's input; outside the image features are 0.
            images: (R,) int64, which image each box lies in.
        """
        o = self.options
        shape = (o.region_height, o.region_width)
        parts: Parts = self.parts(align([features], [STRIDE], boxes, images, size=shape, sampling=o.region_sampling))
        return parts


def build_network(options: FinetrackOptions) -> FinetrackNetwork:
    """The network that `System.build_network` promises; weights are random (seed torch before)."""
    return FinetrackNetwork(options)
