"""QDTrack's network: Faster R-CNN with a feature pyramid, and an embedding head beside the box head (section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from models import backbones
from models.backbones.resnet import resnet50
from models.qdtrack.options import QdtrackOptions
from models.regions.align import align
from models.regions.anchors import anchors
from models.regions.heads import BoxHead, EmbeddingHead, MaskHead
from models.regions.proposals import ProposalHead, Proposals, propose
from models.regions.pyramid import STRIDES, FeaturePyramid

MASK_SIZE = 14  # cells along a side of the features that masks are read from; a mask has twice as many
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's RGB in [0, 1], which torchvision's weights expect
READ = 4  # levels that regions are read from: strides 4 to 32


class QdtrackOutputs(NamedTuple):
    """What is known of whole images; the heads on regions are asked later (`QdtrackNetwork.boxes_at` and so on).

    Attributes:
        stride4: (N, C, H/4, W/4).
        stride8: (N, C, H/8, W/8).
        stride16: (N, C, H/16, W/16).
        stride32: (N, C, H/32, W/32).
        objectness: (N, A) logits of the anchors, level by level.
        deltas: (N, A, 4) of the anchors, level by level.
        stride64: (N, C, H/64, W/64), sides rounded up; None without that level.
        remembered: (N, P, 5), what `remember` kept of the frame before: xyxy in network input pixels, and the class; None without.
    """

    stride4: Tensor
    stride8: Tensor
    stride16: Tensor
    stride32: Tensor
    objectness: Tensor
    deltas: Tensor
    stride64: Tensor | None = None
    remembered: Tensor | None = None

    @property
    def maps(self) -> tuple[Tensor, ...]:
        """The levels that regions are read from."""
        return (self.stride4, self.stride8, self.stride16, self.stride32)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the images, pixels."""
        height, width = self.stride4.shape[-2:]
        return STRIDES[0] * width, STRIDES[0] * height


class QdtrackNetwork(nn.Module):
    """Images to maps and anchors' scores; regions of these maps to classes, boxes, embeddings and masks.

    Args:
        options: the whole `model` section; only `network` is read.
    """

    def __init__(self, options: QdtrackOptions) -> None:
        super().__init__()
        o = options.network
        self.options = o
        plain = o.backbone == "resnet50"  # its stages are not merged yet, and public weights want the images standardised
        self.backbone = resnet50(frozen_norms=o.frozen_norms) if plain else backbones.build(o.backbone, o.width)
        self.pyramid = FeaturePyramid(self.backbone.channels, o.pyramid, top_down=plain, stride64=o.stride64)
        self.standardised = plain
        self.proposal_head = ProposalHead(o.pyramid, len(o.anchor_ratios))
        self.box_head = BoxHead(o.pyramid, o.region_size, o.box_width, o.classes)
        self.embedding_head = EmbeddingHead(
            o.pyramid, o.region_size, o.embedding_convolutions, o.embedding_hidden, o.embedding_width, o.embedding
        )
        self.mask_head = MaskHead(o.pyramid, o.mask_hidden, o.classes) if o.mask_head else None
        self._anchors: dict[tuple[int, int, torch.device], list[Tensor]] = {}

    def forward(self, images: Tensor, memory: Tensor | None = None) -> QdtrackOutputs:
        """Maps of each image, and what the proposal head says at each anchor.

        Args:
            images: (N, 3, H, W) float RGB in [0, 1], H and W multiples of 32.
            memory: (N, P, 5), boxes and classes of the frame before, handed on to `decode`; None without the regression cue.
        """
        if self.standardised:
            images = (images - images.new_tensor(MEAN)[:, None, None]) / images.new_tensor(DEVIATION)[:, None, None]
        maps = self.pyramid(self.backbone(images))
        objectness, deltas = self.proposal_head(maps)
        fine, eighth, sixteenth, coarse = maps[:READ]
        return QdtrackOutputs(fine, eighth, sixteenth, coarse, objectness, deltas, maps[READ] if len(maps) > READ else None, memory)

    def anchors(self, outputs: QdtrackOutputs) -> list[Tensor]:
        """(A_l, 4) float32 anchors of each level, xyxy in network input pixels."""
        key = (*outputs.size, outputs.stride4.device)
        if key not in self._anchors:
            maps = [*outputs.maps, *([] if outputs.stride64 is None else [outputs.stride64])]
            shapes = [(m.shape[-2], m.shape[-1]) for m in maps]
            o = self.options
            with torch.inference_mode(False):  # kept for training as well, which refuses tensors made in inference
                self._anchors = {key: anchors(shapes, STRIDES[: len(maps)], o.anchor_scale, o.anchor_ratios, key[2])}
        return self._anchors[key]

    def propose(self, outputs: QdtrackOutputs, *, level_limit: int, limit: int, overlap: float) -> list[Proposals]:
        """The regions of each image, best first (see `proposals.propose`)."""
        size = outputs.size if self.options.clip_boxes else None
        levels = self.anchors(outputs)
        return propose(levels, outputs.objectness, outputs.deltas, size, level_limit=level_limit, limit=limit, overlap=overlap)

    def read(self, outputs: QdtrackOutputs, boxes: Tensor, images: Tensor) -> Tensor:
        """(R, C, s, s) float32 features of regions, which the box head and the embedding head take.

        Args:
            outputs: of N images.
            boxes: (R, 4) float32, xyxy in network input pixels.
            images: (R,) int64, which image each lies in.
        """
        return self._read(outputs, boxes, images, self.options.region_size)

    def boxes_at(self, outputs: QdtrackOutputs, boxes: Tensor, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (R, classes + 1), the last of background, and deltas (R, classes, 4) at regions; arguments as `read`."""
        return cast(tuple[Tensor, Tensor], self.box_head(self.read(outputs, boxes, images)))

    def embeddings_at(self, outputs: QdtrackOutputs, boxes: Tensor, images: Tensor) -> Tensor:
        """(R, D) embeddings, of any length, at regions; arguments as `read`."""
        return cast(Tensor, self.embedding_head(self.read(outputs, boxes, images)))

    def masks_at(self, outputs: QdtrackOutputs, boxes: Tensor, images: Tensor) -> Tensor:
        """(R, classes, 28, 28) mask logits over the regions; arguments as `read`."""
        assert self.mask_head is not None
        return cast(Tensor, self.mask_head(self._read(outputs, boxes, images, MASK_SIZE)))

    def _read(self, outputs: QdtrackOutputs, boxes: Tensor, images: Tensor, size: int) -> Tensor:
        o = self.options
        return align(outputs.maps, STRIDES[:READ], boxes, images, size=size, sampling=o.region_sampling, finest=o.finest)


def build_network(options: QdtrackOptions) -> QdtrackNetwork:
    """The network that `System.build_network` promises; weights are random (seed torch before)."""
    return QdtrackNetwork(options)


def foreign_names(tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """What `System.foreign_names` promises: torchvision's ResNet-50 fills the backbone, but for its classifier; others keep their names."""
    if "conv1.weight" not in tensors:
        return tensors
    return {f"backbone.{name}": tensor for name, tensor in tensors.items() if not name.startswith("fc.")}
