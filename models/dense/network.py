"""The network of detectors of centre points: a stride-4 backbone, heads on its finest map and, optionally, one of depth."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from models import backbones
from models.dense.heads import PRIOR_BIAS, RARE_PRIOR_BIAS, DepthHead, Heads
from models.dense.options import CentreNetworkOptions


class CentreNetwork(nn.Module):
    """Images in, maps by name out: `heatmap`, `size`, `offset`, what the system adds, `occlusion`, `occlusion_offset`, `depth`.

    The maps, with h = H/4 and w = W/4; a head that is asked for at cells alone gives (N, K, C) instead:

        heatmap (N, 1, h, w)            logits of object centres
        size (N, 4, h, w)               distances from the centre to left, top, right and bottom, in map cells
        offset (N, 2, h, w)             x and y of the centre inside its cell, in map cells
        occlusion (N, 1, h, w)          logits of occlusion centres; only with the occlusion heads
        occlusion_offset (N, 2, h, w)   as `offset`; only with the occlusion heads
        depth (N, bins + 1, H/8, W/8)   logits, the last channel background; only with the depth head

    Args:
        options: `model.network`.
        further: channels of the heads that a system adds, by name. The heads share one wide first convolution, and a system's own come
            fourth, so that weights of systems with the same number of heads fit each other but for the last layer of these.
        memory: whether the backbone takes the frame before as well.
    """

    def __init__(self, options: CentreNetworkOptions, further: Mapping[str, int], *, memory: bool = False) -> None:
        super().__init__()
        self.backbone = backbones.build(options.backbone, options.width, memory)
        channels = {"heatmap": 1, "size": 4, "offset": 2, **further}
        if options.occlusion:
            channels |= {"occlusion": 1, "occlusion_offset": 2}
        at4, at8, at16, at32 = self.backbone.channels
        self.heads = Heads(at4, options.head_width, channels, priors={"heatmap": PRIOR_BIAS, "occlusion": RARE_PRIOR_BIAS})
        self.depth_head = DepthHead((at8, at16, at32), options.head_width, options.depth_bins) if options.depth_head else None
        self.depth_detached = options.depth_detached

    def maps(self, images: Tensor, memory: Tensor | None = None, cells: Mapping[str, Tensor] | None = None) -> dict[str, Tensor | None]:
        """Maps of each image by name; depth is None without its head.

        Args:
            images: (N, 3, H, W) float RGB in [0, 1], H and W multiples of 32.
            memory: (N, 4, H, W), what a network that looks back is shown of the frame before; None at the start of a sequence.
            cells: for training, flat cells (N, K) by name of an output that is wanted there alone.
        """
        pyramid = self.backbone(images, memory)
        return {**self.heads(pyramid.stride4, cells), "depth": self._depth(pyramid)}

    def _depth(self, pyramid: backbones.Pyramid) -> Tensor | None:
        if self.depth_head is None:
            return None
        coarser = (pyramid.stride8, pyramid.stride16, pyramid.stride32)
        logits: Tensor = self.depth_head(*[x.detach() for x in coarser] if self.depth_detached else coarser)
        return logits
