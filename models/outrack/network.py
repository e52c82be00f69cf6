"""OUTrack's network: a stride-4 backbone and the heads of FairMOT, of occlusion estimation and, optionally, of depth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor

from models.dense.network import CentreNetwork
from models.outrack.options import OutrackOptions


class OutrackOutputs(NamedTuple):
    """Maps as `CentreNetwork` lists them; None without the heads in question.

    Attributes:
        embedding: (N, D, h, w), or (N, K, D) at cells alone; not normalised.
    """

    heatmap: Tensor
    size: Tensor
    offset: Tensor
    embedding: Tensor
    occlusion: Tensor | None = None
    occlusion_offset: Tensor | None = None
    depth: Tensor | None = None


class OutrackNetwork(CentreNetwork):
    """Section 3 of the OUTrack paper on one device, on FairMOT; images in, maps out.

    Args:
        options: the whole `model` section; only `network` is read.
    """

    def __init__(self, options: OutrackOptions) -> None:
        super().__init__(options.network, {"embedding": options.network.embedding})

    def forward(self, images: Tensor, cells: Mapping[str, Tensor] | None = None) -> OutrackOutputs:
        """Maps of each image; see `CentreNetwork.maps`."""
        return OutrackOutputs(**self.maps(images, cells=cells))  # type: ignore[arg-type]  # heads that always are there


def build_network(options: OutrackOptions) -> OutrackNetwork:
    """The network that `System.build_network` promises; weights are random (seed torch before)."""
    return OutrackNetwork(options)
