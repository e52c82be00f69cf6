"""Regions to detections: class, box, embedding, mask; and what the network says about boxes that are given."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.qdtrack.detections import QdtrackDetections
from models.qdtrack.network import QdtrackNetwork, QdtrackOutputs
from models.qdtrack.options import QdtrackOptions
from models.regions.coder import BOX_SPREAD, clip
from models.regions.coder import decode as decode_deltas
from models.regions.nms import nms
from models.regions.overlaps import area
from pipeline.contract.detections import NotFiniteError


@torch.no_grad()
def decode(network: QdtrackNetwork, outputs: QdtrackOutputs, options: QdtrackOptions) -> list[QdtrackDetections]:
    """The detections of each image, in network input pixels, best first; reads `decodes_with(options)` of the tracker's options.

    Regions are proposed and classified; each class is suppressed by itself (`nms`), and the best `detections` of an image stay.

    Raises:
        NotFiniteError: logits of an image are not finite.
    """
    _check(outputs)
    o, count = options.tracker, len(outputs.objectness)
    proposals = network.propose(outputs, level_limit=o.level_limit, limit=o.proposals, overlap=options.loss.proposal_overlap)
    regions, owner = _together([each.boxes for each in proposals])
    with _precision(outputs):
        logits, deltas = network.boxes_at(outputs, regions, owner)
    scores = logits.float().softmax(dim=1)[:, :-1]
    _check_regions(scores, deltas, owner)
    rows, classes = torch.nonzero(scores >= o.min_score, as_tuple=True)
    boxes = _decoded(regions[rows], deltas[rows, classes], outputs, options)
    chosen = scores[rows, classes]
    kept = nms(boxes, chosen.where(area(boxes) > 0, torch.nan), owner[rows] * scores.shape[1] + classes, o.nms)  # best first
    per_image = [kept[owner[rows[kept]] == image][: o.detections] for image in range(count)]
    return _described(
        network,
        outputs,
        options,
        [boxes[index] for index in per_image],
        [chosen[index] for index in per_image],
        [classes[index] for index in per_image],
    )


@torch.no_grad()
def describe(
    network: QdtrackNetwork,
    outputs: QdtrackOutputs,
    boxes: Sequence[NDArray[np.float32]],
    scores: Sequence[NDArray[np.float32]],
    classes: Sequence[NDArray[np.int64]],
    options: QdtrackOptions,
) -> list[QdtrackDetections]:
    """What the network says about given boxes: embeddings and masks there.

    Args:
        network: that gave `outputs`.
        outputs: of N images.
        boxes: for each image (N_i, 4) float32, xyxy in network input pixels.
        scores: for each image (N_i,) float32.
        classes: for each image (N_i,) int64.
        options: the whole `model` section.
    """
    device = outputs.objectness.device
    corners = [torch.from_numpy(np.asarray(each, np.float32).reshape(-1, 4)).to(device) for each in boxes]
    given = [torch.from_numpy(np.asarray(each, np.float32)).to(device) for each in scores]
    kinds = [torch.from_numpy(np.asarray(each, np.int64)).to(device) for each in classes]
    return _described(network, outputs, options, corners, given, kinds)


def decodes_with(options: QdtrackOptions) -> tuple[str, ...]:
    """The tracker's options that detections depend on; `cues` only where the box head looks at the last frame's boxes."""
    names = ("level_limit", "proposals", "min_score", "nms", "detections")
    return (*names, "cues") if "regression" in options.tracker.cues else names


def _described(
    network: QdtrackNetwork,
    outputs: QdtrackOutputs,
    options: QdtrackOptions,
    boxes: list[Tensor],
    scores: list[Tensor],
    classes: list[Tensor],
) -> list[QdtrackDetections]:
    regions, owner = _together(boxes)
    counts, kinds = [len(each) for each in boxes], torch.cat(classes)
    with _precision(outputs):
        learnt = options.loss.reid != "none"  # an embedding that nothing trained is noise, by which nobody should track or score
        embeddings = network.embeddings_at(outputs, regions, owner) if learnt else regions.new_zeros((len(regions), 0))
        if network.mask_head is not None:
            masks = network.masks_at(outputs, regions, owner)[torch.arange(len(kinds), device=kinds.device), kinds].float().sigmoid()
        else:
            masks = regions.new_zeros((len(regions), 0, 0))
    previous, regressed = _regressed(network, outputs, options)
    parts = zip(boxes, scores, embeddings.float().split(counts), classes, previous, regressed, masks.split(counts), strict=True)
    return [
        QdtrackDetections(
            boxes=_numpy(box),
            scores=_numpy(score),
            embeddings=_numpy(embedding),
            classes=kind.cpu().numpy(),
            previous=_numpy(before),
            regressed=_numpy(now),
            masks=_numpy(mask),
        )
        for box, score, embedding, kind, before, now, mask in parts
    ]


def _regressed(network: QdtrackNetwork, outputs: QdtrackOutputs, options: QdtrackOptions) -> tuple[list[Tensor], list[Tensor]]:
    """Boxes of the frame before, and what the box head makes of them here (Tracktor's regression), for each image (P, 4)."""
    count = len(outputs.objectness)
    if outputs.remembered is None:
        nothing = [outputs.objectness.new_zeros((0, 4), dtype=torch.float32)] * count
        return nothing, nothing
    previous, classes = outputs.remembered[..., :4].float(), outputs.remembered[..., 4].long()
    regions, owner = _together(list(previous))
    with _precision(outputs):
        deltas = network.boxes_at(outputs, regions, owner)[1]
    own = deltas[torch.arange(len(regions), device=regions.device), classes.flatten()]
    return list(previous), list(_decoded(regions, own, outputs, options).view(previous.shape))


def _decoded(regions: Tensor, deltas: Tensor, outputs: QdtrackOutputs, options: QdtrackOptions) -> Tensor:
    boxes = decode_deltas(regions, deltas, BOX_SPREAD)
    return clip(boxes, *outputs.size) if options.network.clip_boxes else boxes


def _check(outputs: QdtrackOutputs) -> None:
    """Refuse what the proposal head says if it is not finite."""
    # sums of squares are finite where the values are, and quick
    squares = outputs.objectness.float().square().sum(1) + outputs.deltas.float().square().sum((1, 2))
    for image in torch.nonzero(~squares.isfinite())[:, 0].tolist():
        raise NotFiniteError(image, "objectness or deltas")


def _check_regions(scores: Tensor, deltas: Tensor, owner: Tensor) -> None:
    bad = ~(scores.isfinite().all(1) & deltas.flatten(1).isfinite().all(1))
    for image in owner[bad][:1].tolist():
        raise NotFiniteError(image, "classes or boxes of regions")


def _precision(outputs: QdtrackOutputs) -> torch.autocast:
    """Autocast under which heads on regions run in the precision that the maps were made in."""
    return torch.autocast(outputs.stride4.device.type, torch.bfloat16, enabled=outputs.stride4.dtype == torch.bfloat16)


def _together(boxes: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """(R, 4) boxes of all images and (R,) int64, which image each lies in."""
    counts = torch.tensor([len(each) for each in boxes], device=boxes[0].device)
    return torch.cat(list(boxes)), torch.arange(len(boxes), device=boxes[0].device).repeat_interleave(counts)


def _numpy(values: Tensor) -> NDArray[np.float32]:
    return np.ascontiguousarray(values.float().cpu().numpy())
