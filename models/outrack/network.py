"""OUTrack's network: a stride-4 backbone and the heads of FairMOT, of occlusion estimation and, optionally, of depth."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from models import backbones
from models.heads import DenseHeads, DepthHead
from models.outrack.options import OutrackOptions

STRIDE = 4
DEPTH_STRIDE = 8


class OutrackOutputs(NamedTuple):
    """Raw maps; h = H/4, w = W/4.

    Attributes:
        heatmap: (N, 1, h, w) logits of object centres.
        size: (N, 4, h, w) distances from the centre to left, top, right and bottom, in map cells.
        offset: (N, 2, h, w) x and y of the centre inside its cell, in map cells.
        embedding: (N, D, h, w), not normalised.
        occlusion: (N, 1, h, w) logits of occlusion centres; None without the occlusion heads.
        occlusion_offset: (N, 2, h, w) as `offset`; None without the occlusion heads.
        depth: (N, bins + 1, H/8, W/8) logits, the last channel background; None without the depth head.
    """

    heatmap: Tensor
    size: Tensor
    offset: Tensor
    embedding: Tensor
    occlusion: Tensor | None = None
    occlusion_offset: Tensor | None = None
    depth: Tensor | None = None


class OutrackNetwork(nn.Module):
    """Section 3 of the OUTrack paper on one device; images in, maps out.

    Args:
        options: the whole `model` section; only `network` is read.
    """

    def __init__(self, options: OutrackOptions) -> None:
        super().__init__()
        o = options.network
        self.backbone = backbones.build(o.backbone, o.width)
        channels = {"heatmap": 1, "size": 4, "offset": 2, "embedding": o.embedding}
        if o.occlusion:
            channels |= {"occlusion": 1, "occlusion_offset": 2}
        at4, at8, at16, at32 = self.backbone.channels
        self.heads = DenseHeads(at4, o.head_width, channels, heat_maps=("heatmap", "occlusion"))
        self.depth_head = DepthHead((at8, at16, at32), o.head_width, o.depth_bins) if o.depth_head else None
        self.depth_detached = o.depth_detached

    def forward(self, images: Tensor) -> OutrackOutputs:
        """Args: images (N, 3, H, W) float RGB in [0, 1], H and W multiples of 32."""
        pyramid = self.backbone(images)
        return OutrackOutputs(**self.heads(pyramid.stride4), depth=self._depth(pyramid))

    def _depth(self, pyramid: backbones.Pyramid) -> Tensor | None:
        if self.depth_head is None:
            return None
        coarser = (pyramid.stride8, pyramid.stride16, pyramid.stride32)
        logits: Tensor = self.depth_head(*[x.detach() for x in coarser] if self.depth_detached else coarser)
        return logits


def build_network(options: OutrackOptions) -> OutrackNetwork:
    """The network that `ModelSpec.build_network` promises; weights are random (seed torch before)."""
    return OutrackNetwork(options)
