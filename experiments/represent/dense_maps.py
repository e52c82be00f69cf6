"""Maps of a detector of centre points that was trained here, as a representation of stride 8."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from models.dense.network import CentreNetwork
from models.unitrack.network import STRIDE

Level = Literal["stride4", "stride8", "embedding"]
SIDE = 32  # the sides of a network's input are multiples of it


class DenseMaps(nn.Module):
    """The map of one level; maps of stride 4 are averaged over 2 x 2 cells.

    Args:
        network: of OUTrack or CenterTrack.
        level: of the backbone, or the embedding before it is normalised.

    Attributes:
        channels: of the map.

    Raises:
        ValueError: the network has no embedding.
    """

    def __init__(self, network: CentreNetwork, level: Level) -> None:
        super().__init__()
        self.network, self.level = network, level
        if level == "embedding" and "embedding" not in network.heads.last:
            raise ValueError("the model has no embedding; name stride4 or stride8")
        at4, at8, *_ = network.backbone.channels
        last = network.heads.last["embedding"].out_channels if level == "embedding" else None
        self.channels: int = {"stride4": at4, "stride8": at8}.get(level) or int(last)  # type: ignore[arg-type]  # of a convolution

    def forward(self, images: Tensor) -> tuple[Tensor]:
        """(N, 3, H, W) in [0, 1] to (N, C, ceil(H / 8), ceil(W / 8)); images are padded with 0 to the right and below."""
        height, width = images.shape[-2:]
        padded = functional.pad(images, (0, -width % SIDE, 0, -height % SIDE))
        if self.level == "embedding":
            found = self.network.maps(padded)["embedding"]
            assert found is not None
        else:
            found = getattr(self.network.backbone(padded, None), self.level)
        pooled = found if self.level == "stride8" else functional.avg_pool2d(found, 2)
        return (pooled[..., : -(-height // STRIDE), : -(-width // STRIDE)],)
