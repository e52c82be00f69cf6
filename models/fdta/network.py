"""FDTA's network: a detector by queries with the spatial adapter, and an association network that the tracker asks."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models import backbones
from models.backbones.resnet import resnet50
from models.dense.heads import PRIOR_BIAS, Heads
from models.fdta.id_decoder import IdDecoder, Past, Present
from models.fdta.options import HEAT_STRIDES, FdtaOptions, NetworkOptions
from models.fdta.spatial import DepthSeen, SpatialAdapter
from models.fdta.temporal import TemporalAdapter, TrajectoryLayers
from models.queries.boxes import to_centres
from models.queries.detr import DeformableDetr, Encoded, Start
from models.queries.layers import Sizes

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet
PREFIX = "association."  # of the names of what trackers need


class FdtaOutputs(NamedTuple):
    """What the detector says of N images; L decoder layers, Q queries.

    Attributes:
        logits: (N, L, Q, 1) of each layer; the last layer's count, the others train it.
        boxes: (N, L, Q, 4) float32, centre x, centre y, width, height in (0, 1) of the network input.
        queries: (N, Q, width) of the last layer: what an object looks like.
        pixels: (N, 2) float32, width and height of the network input.
        depth: (N, K + 1, H/8, W/8) logits, the last channel background; None without the spatial adapter.
        heatmap: (N, 1, h, w) logits of object centres; None where queries are learned, as the next two.
        sides: (N, 4, h, w) distances from the centre to left, top, right and bottom, in map cells.
        offset: (N, 2, h, w) x and y of the centre inside its cell, in map cells.
    """

    logits: Tensor
    boxes: Tensor
    queries: Tensor
    pixels: Tensor
    depth: Tensor | None = None
    heatmap: Tensor | None = None
    sides: Tensor | None = None
    offset: Tensor | None = None


class FdtaNetwork(nn.Module):
    """The published model: `detector` looks at images, `association` at queries of several frames.

    Args:
        options: the whole `model` section; only `network` is read.
    """

    def __init__(self, options: FdtaOptions) -> None:
        super().__init__()
        self.detector = Detector(options.network)
        self.association = AssociationNetwork(options.network)

    def forward(self, images: Tensor) -> FdtaOutputs:
        """Detect: images (N, 3, H, W) float RGB in [0, 1], H and W multiples of 32."""
        outputs: FdtaOutputs = self.detector(images)
        return outputs


class Detector(nn.Module):
    """Deformable DETR with the spatial adapter.

    Args:
        options: `model.network`.
    """

    def __init__(self, options: NetworkOptions) -> None:
        super().__init__()
        o = options
        self.centres, self.count, self.heat_stride = o.queries == "centres", o.num_queries, HEAT_STRIDES[o.backbone]
        self.depth_detached = o.depth_detached
        for name, values in (("mean", MEAN), ("deviation", DEVIATION)):
            self.register_buffer(name, torch.tensor(values).view(3, 1, 1), persistent=False)
        self.backbone, channels = _backbone(o)
        sizes = Sizes(o.width, o.heads, o.levels, o.points, o.hidden, o.dropout)
        layers = {"encoder_layers": o.encoder_layers, "decoder_layers": o.decoder_layers}
        self.detr = DeformableDetr(channels[-3:], sizes, **layers, queries=o.num_queries, start=o.queries, depth=o.depth_attention)
        if self.centres:
            inputs = channels[0] if self.heat_stride == 4 else o.width
            self.heat = Heads(inputs, o.heat_hidden, {"heatmap": 1, "sides": 4, "offset": 2}, priors={"heatmap": PRIOR_BIAS})
        self.spatial = _spatial(o) if o.uses_depth else None

    def forward(self, images: Tensor) -> FdtaOutputs:
        """What is in images (N, 3, H, W) float RGB in [0, 1]."""
        maps = self.maps(images)
        projected = self.detr.project(maps[-3:])
        encoded = self.detr.encode(projected)
        seen = self.see_depth(projected)
        heat = self.heat(maps[0] if self.heat_stride == 4 else _level(encoded, 0)) if self.centres else {}
        start = self.start(heat, encoded) if self.centres else self.detr.start(len(images))
        found = self.detr.decode(encoded, start, None if seen is None else seen.tokens)
        pixels = torch.tensor([images.shape[-1], images.shape[-2]], dtype=torch.float32, device=images.device).expand(len(images), -1)
        logits, boxes = found.logits.transpose(0, 1), found.boxes.transpose(0, 1)
        return FdtaOutputs(logits, boxes, found.queries, pixels, None if seen is None else seen.logits, **heat)

    def maps(self, images: Tensor) -> tuple[Tensor, ...]:
        """The backbone's maps, finest first; the last three have strides 8, 16 and 32."""
        found: tuple[Tensor, ...] = self.backbone((images - self.mean) / self.deviation)  # type: ignore[operator]
        return found

    def see_depth(self, projected: list[Tensor]) -> DepthSeen | None:
        """The spatial adapter's view of the projected maps; None without it."""
        if self.spatial is None:
            return None
        seen: DepthSeen = self.spatial([x.detach() for x in projected[:3]] if self.depth_detached else projected[:3])
        return seen

    def start(self, heat: dict[str, Tensor], encoded: Encoded) -> Start:
        """Queries at the heat map's best peaks, whose boxes are the first references; no gradient goes back to the head."""
        boxes = peak_boxes({name: x.detach() for name, x in heat.items()}, self.count)
        height, width = encoded.levels.shapes[0]
        column, row = ((boxes[..., axis] * side).long().clamp(max=side - 1) for axis, side in ((0, width), (1, height)))
        cells = (row * width + column)[..., None].expand(-1, -1, encoded.cells.shape[-1])
        return self.detr.start_at(boxes, encoded.cells.gather(1, cells))


class AssociationNetwork(nn.Module):
    """The temporal adapter, the layers over trajectories and the ID decoder: all that a tracker needs of the network.

    Args:
        options: `model.network`.
    """

    def __init__(self, options: NetworkOptions) -> None:
        super().__init__()
        o = options
        self.temporal = TemporalAdapter(o.width, o.heads, o.temporal_hidden, o.temporal_layers, o.temporal_dropout) if o.temporal else None
        self.trajectory_modeling = TrajectoryLayers(o.width, o.trajectory_hidden)
        self.id_decoder = IdDecoder(o.width, o.id_heads, o.id_hidden, o.id_layers, o.vocabulary, o.frames)

    def forward(self, past: Tensor, seen: Tensor, labels: Tensor, times: Tensor, present: Present) -> Tensor:
        """Whose label each object of the present has.

        Args:
            past: (S, N, T, width) raw queries of N trajectories in S scenes, oldest first, zeros where absent.
            seen: (S, N, T) bool.
            labels: (S, N) int64 in [0, V).
            times: (S, T) int64, the frames of the window.
            present: the objects that ask, M in each of F frames of each scene.

        Returns:
            (S, F, M, V + 1) logits; the last column is "newborn".
        """
        features = self.remember(past.flatten(0, 1), seen.flatten(0, 1)).view(past.shape)
        count = past.shape[1]
        tokens = Past(
            features.transpose(1, 2).flatten(1, 2),
            labels[:, None].expand(-1, past.shape[2], -1).flatten(1, 2),
            times[:, :, None].expand(-1, -1, count).flatten(1, 2),
            seen.transpose(1, 2).flatten(1, 2),
        )
        logits: Tensor = self.id_decoder(tokens, present)
        return logits

    def remember(self, past: Tensor, seen: Tensor) -> Tensor:
        """What the ID decoder is shown of trajectories (N, T, width), present where `seen` (N, T)."""
        if self.temporal is not None:
            past = self.temporal(past, seen)
        remembered: Tensor = self.trajectory_modeling(past)
        return remembered


def build_network(options: FdtaOptions) -> FdtaNetwork:
    """The network that `System.build_network` promises; weights are random (seed torch before)."""
    return FdtaNetwork(options)


def build_association(options: FdtaOptions) -> AssociationNetwork:
    """The part of the network that trackers ask (`Association.network`); its weights are random."""
    return AssociationNetwork(options.network)


def peak_boxes(heat: dict[str, Tensor], count: int) -> Tensor:
    """The boxes of the `count` best peaks of each image, best first: (N, count, 4) float32, centre form in [0, 1].

    A peak is the largest of its 3x3 neighbourhood. Where a map has fewer, other cells follow, so that there are always as many.

    Args:
        heat: `heatmap`, `sides` and `offset` as in `FdtaOutputs`.
        count: queries.
    """
    heatmap = heat["heatmap"].float()
    height, width = heatmap.shape[-2:]
    peak = functional.max_pool2d(heatmap, 3, 1, 1) == heatmap
    scores = torch.where(peak, heatmap, heatmap.sigmoid() - 1e4).flatten(1)  # no logit is as low as those of other cells
    cells = scores.topk(min(count, height * width), 1).indices
    if cells.shape[1] < count:  # more queries than cells: the last cell is asked again
        cells = functional.pad(cells, (0, count - cells.shape[1]), mode="replicate")
    sides, offset = (
        heat[name].float().flatten(2).gather(2, cells[:, None].expand(-1, heat[name].shape[1], -1)) for name in ("sides", "offset")
    )
    centre = torch.stack([cells % width, cells // width], 1) + offset
    corners = torch.cat([centre - sides[:, :2], centre + sides[:, 2:]], 1).transpose(1, 2)
    limits = torch.tensor([width, height, width, height], dtype=torch.float32, device=cells.device)
    boxes = to_centres(corners / limits)
    return torch.cat([boxes[..., :2].clamp(0, 1), boxes[..., 2:].clamp(1e-3, 1)], -1)


def _level(encoded: Encoded, index: int) -> Tensor:
    """The map (N, width, h, w) of a level after the encoder."""
    height, width = encoded.levels.shapes[index]
    before = sum(h * w for h, w in encoded.levels.shapes[:index])
    return encoded.cells[:, before : before + height * width].transpose(1, 2).unflatten(2, (height, width))


def _backbone(options: NetworkOptions) -> tuple[nn.Module, tuple[int, ...]]:
    """The backbone and the channels of its maps."""
    if options.backbone == "resnet50":
        staged = resnet50(("layer2", "layer3", "layer4"), frozen_norms=True)
        for part in (staged.conv1, staged.layer1):
            part.requires_grad_(False)
        return staged, staged.channels
    pyramid = backbones.build(options.backbone, options.backbone_width)
    return pyramid, pyramid.channels


def _spatial(options: NetworkOptions) -> SpatialAdapter:
    o = options
    return SpatialAdapter(
        o.width,
        o.heads,
        o.depth_bins,
        (o.depth_min, o.depth_max),
        projection=o.depth_projection,
        stride=o.depth_stride,
        hidden=o.depth_hidden,
        dropout=o.depth_dropout,
        weight_dropout=o.depth_weight_dropout,
    )
