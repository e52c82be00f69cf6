"""CenterTrack's network: the frame before and its objects go in beside the image, displacements come out beside detections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor

from models.centertrack.options import CentertrackOptions
from models.dense.network import CentreNetwork


class CentertrackOutputs(NamedTuple):
    """Maps as `CentreNetwork` lists them; None without the heads in question.

    Attributes:
        displacement: (N, 2, h, w), or (N, K, 2) at cells alone: x and y from the centre to where it was in the frame before, in map cells.
    """

    heatmap: Tensor
    size: Tensor
    offset: Tensor
    displacement: Tensor
    occlusion: Tensor | None = None
    occlusion_offset: Tensor | None = None
    depth: Tensor | None = None


class CentertrackNetwork(CentreNetwork):
    """CenterTrack (Zhou et al. 2020) with OUTrack's occlusion heads, on one device.

    Args:
        options: the whole `model` section; only `network` is read.
    """

    def __init__(self, options: CentertrackOptions) -> None:
        super().__init__(options.network, {"displacement": 2}, memory=True)

    def forward(self, images: Tensor, memory: Tensor | None = None, cells: Mapping[str, Tensor] | None = None) -> CentertrackOutputs:
        """Maps of each image; see `CentreNetwork.maps`.

        `memory` (N, 4, H, W) holds the frame before and the heat map of its objects at full size (models/centertrack/prior.py).
        """
        return CentertrackOutputs(**self.maps(images, memory, cells))  # type: ignore[arg-type]  # heads that always are there


def build_network(options: CentertrackOptions) -> CentertrackNetwork:
    """The network that `System.build_network` promises; weights are random (seed torch before)."""
    return CentertrackNetwork(options)
