"""OUTrack's network: a stride-4 backbone and the heads of FairMOT, of occlusion estimation and, optionally, of depth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor, nn

from models import backbones
from models.dense.heads import PRIOR_BIAS, RARE_PRIOR_BIAS, DepthHead, Heads
from models.outrack.options import OutrackOptions, looks_back

STRIDE = 4
DEPTH_STRIDE = 8


class OutrackOutputs(NamedTuple):
    """Raw maps; h = H/4, w = W/4. Of heads that were asked for at cells alone: (N, K, C) instead of (N, C, h, w).

    Attributes:
        heatmap: (N, 1, h, w) logits of object centres.
        size: (N, 4, h, w) distances from the centre to left, top, right and bottom, in map cells.
        offset: (N, 2, h, w) x and y of the centre inside its cell, in map cells.
        embedding: (N, D, h, w), not normalised; None in the CenterTrack style.
        occlusion: (N, 1, h, w) logits of occlusion centres; None without the occlusion heads.
        occlusion_offset: (N, 2, h, w) as `offset`; None without the occlusion heads.
        depth: (N, bins + 1, H/8, W/8) logits, the last channel background; None without the depth head.
        displacement: (N, 2, h, w) x and y from the centre to where it was in the frame before, in map cells; None in FairMOT's style.
    """

    heatmap: Tensor
    size: Tensor
    offset: Tensor
    embedding: Tensor | None = None
    occlusion: Tensor | None = None
    occlusion_offset: Tensor | None = None
    depth: Tensor | None = None
    displacement: Tensor | None = None


class OutrackNetwork(nn.Module):
    """Section 3 of the OUTrack paper on one device, on FairMOT or on CenterTrack; images in, maps out.

    Args:
        options: the whole `model` section; only `network` is read.
    """

    def __init__(self, options: OutrackOptions) -> None:
        super().__init__()
        o = options.network
        self.backbone = backbones.build(o.backbone, o.width, looks_back(options))
        # the heads share one wide first convolution: displacement takes embedding's place, so that weights of one style fit the other
        fourth = {"displacement": 2} if looks_back(options) else {"embedding": o.embedding}
        channels = {"heatmap": 1, "size": 4, "offset": 2} | fourth
        if o.occlusion:
            channels |= {"occlusion": 1, "occlusion_offset": 2}
        at4, at8, at16, at32 = self.backbone.channels
        self.heads = Heads(at4, o.head_width, channels, priors={"heatmap": PRIOR_BIAS, "occlusion": RARE_PRIOR_BIAS})
        self.depth_head = DepthHead((at8, at16, at32), o.head_width, o.depth_bins) if o.depth_head else None
        self.depth_detached = o.depth_detached

    def forward(self, images: Tensor, memory: Tensor | None = None, cells: Mapping[str, Tensor] | None = None) -> OutrackOutputs:
        """Maps of each image.

        Args:
            images: (N, 3, H, W) float RGB in [0, 1], H and W multiples of 32.
            memory: (N, 4, H, W), CenterTrack style only: the frame before and the heat map of its objects at full size
                (models/centertrack/prior.py); None at the start of a sequence.
            cells: for training, flat cells (N, K) by name of an output that is wanted there alone.
        """
        pyramid = self.backbone(images, memory)
        return OutrackOutputs(**self.heads(pyramid.stride4, cells), depth=self._depth(pyramid))

    def _depth(self, pyramid: backbones.Pyramid) -> Tensor | None:
        if self.depth_head is None:
            return None
        coarser = (pyramid.stride8, pyramid.stride16, pyramid.stride32)
        logits: Tensor = self.depth_head(*[x.detach() for x in coarser] if self.depth_detached else coarser)
        return logits


def build_network(options: OutrackOptions) -> OutrackNetwork:
    """The network that `ModelSpec.build_network` promises; weights are random (seed torch before)."""
    return OutrackNetwork(options)
