"""Which anchors and regions of an image are learnt from, and their targets, for detection and the embedding (sections 3.1 and 3.2)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from models.qdtrack.options import LossOptions
from models.regions.matcher import BACKGROUND, IGNORED, match_boxes, spare
from models.regions.overlaps import intersection_over_area
from models.regions.sampler import Sample, random_keys, sample

ANCHORS, BOXES, KEYS, REFERENCES = range(4)  # streams of random numbers
BOX_SHARE = 0.25  # of the box head's samples may be positive


class Truth(NamedTuple):
    """What is true of one image.

    Attributes:
        boxes: (G, 4) float32, xyxy pixels of the network's input.
        classes: (G,) int64.
        identities: (G,) int64, -1 where unknown.
        ignored: (I, 4) float32, regions where absence teaches nothing.
        masks: (G, g, g) over the boxes, or None.
    """

    boxes: Tensor
    classes: Tensor
    identities: Tensor
    ignored: Tensor
    masks: Tensor | None = None


class Samples(NamedTuple):
    """Chosen boxes of one image.

    Attributes:
        boxes: (S, 4) float32, xyxy pixels.
        numbers: (S,) int64, of the boxes among those that were chosen from.
        objects: (S,) int64, number of the object that each is a sample of, `BACKGROUND` where of none.
    """

    boxes: Tensor
    numbers: Tensor
    objects: Tensor

    def goals(self, truth: Truth) -> Tensor:
        """(S, 4) boxes of the objects, the samples' own where of none."""
        return torch.where((self.objects >= 0)[:, None], _of(truth.boxes, self.objects, self.boxes[:0]), self.boxes)

    def classes(self, truth: Truth, background: int) -> Tensor:
        """(S,) int64 classes of the objects, `background` where of none."""
        return torch.where(self.objects >= 0, _of(truth.classes, self.objects, self.objects[:0]), background)


class Regions(NamedTuple):
    """Samples of one image for the embedding.

    Attributes:
        boxes: (S, 4) float32, xyxy pixels.
        identities: (S,) int64, -1 for background.
        true: (S,) bool, whether the box is an object's own.
    """

    boxes: Tensor
    identities: Tensor
    true: Tensor


def anchor_samples(anchors: Tensor, truth: Truth, seed: int, options: LossOptions) -> Samples:
    """Anchors (A, 4) that train the proposal head: at most half of them positive, the rest background.

    Each object's best anchors count as positive, from an IoU of `anchor_negative` on.
    """
    matched, _ = match_boxes(anchors, truth.boxes, options.anchor_positive, options.anchor_negative, options.anchor_negative)
    matched = _spared(matched, anchors, truth, options)
    keys = random_keys(seed, ANCHORS, len(anchors), anchors.device)
    return _chosen(anchors, matched, sample(matched, keys, count=options.anchor_samples, positive_share=0.5))


def box_samples(proposals: Tensor, truth: Truth, seed: int, options: LossOptions) -> Samples:
    """Regions that train the box head, out of the true boxes and proposals (P, 4): at most a quarter of them positive."""
    boxes = torch.cat([truth.boxes, proposals])
    matched, _ = match_boxes(boxes, truth.boxes, options.box_positive, options.box_positive)
    matched = _spared(matched, boxes, truth, options)
    keys = random_keys(seed, BOXES, len(boxes), boxes.device)
    return _chosen(boxes, matched, sample(matched, keys, count=options.box_samples, positive_share=BOX_SHARE))


def key_regions(proposals: Tensor, truth: Truth, seed: int, options: LossOptions) -> Regions:
    """Samples of the key image, out of the true boxes and proposals (P, 4): positive regions of objects of known identity.

    Each object has an equal share of them. With `matching: sparse` they are these objects' own boxes alone.
    """
    if options.matching == "sparse":
        return _true_regions(truth)
    boxes, matched, _ = _matched(proposals, truth, options)
    keys = random_keys(seed, KEYS, len(boxes), boxes.device)
    chosen = sample(matched, keys, count=options.key_regions, positive_share=1.0, balanced_positives=True).positives
    return _regions(boxes, matched, truth, chosen)


def reference_regions(proposals: Tensor, truth: Truth, seed: int, options: LossOptions) -> Regions:
    """Samples of the reference image: positive regions as in `key_regions`, at most half of all, and background.

    With `matching: one` all true boxes of known identity are among them; with `matching: sparse` there are these alone.
    """
    if options.matching == "sparse":
        return _true_regions(truth)
    boxes, matched, most = _matched(proposals, truth, options)
    keys = random_keys(seed, REFERENCES, len(boxes), boxes.device)
    found = sample(
        matched,
        keys,
        count=options.reference_regions,
        positive_share=0.5,
        balanced_positives=True,
        negative_overlaps=most if options.negatives == "iou_balanced" else None,
        negatives_per_positive=options.reference_negatives,
    )
    positives = found.positives
    if options.matching == "one":
        positives = torch.cat([positives, torch.nonzero(truth.identities >= 0)[:, 0]]).unique()
    return _regions(boxes, matched, truth, torch.cat([positives, found.negatives]))


def _matched(proposals: Tensor, truth: Truth, options: LossOptions) -> tuple[Tensor, Tensor, Tensor]:
    """True boxes and proposals, what each is matched with, and its largest IoU. Regions of objects without a known identity are ignored,
    since they may show anyone."""
    boxes = torch.cat([truth.boxes, proposals])
    matched, most = match_boxes(boxes, truth.boxes, options.region_positive, options.region_negative)
    known = _of(truth.identities, matched, matched[:0]) >= 0
    matched = torch.where((matched >= 0) & ~known, IGNORED, matched)
    return boxes, _spared(matched, boxes, truth, options), most


def _spared(matched: Tensor, boxes: Tensor, truth: Truth, options: LossOptions) -> Tensor:
    if len(truth.ignored) == 0:
        return matched
    return spare(matched, intersection_over_area(boxes, truth.ignored), options.ignore_overlap)


def _chosen(boxes: Tensor, matched: Tensor, found: Sample) -> Samples:
    index = torch.cat(found)
    return Samples(boxes[index], index, matched[index])


def _regions(boxes: Tensor, matched: Tensor, truth: Truth, index: Tensor) -> Regions:
    objects = matched[index]
    identities = torch.where(objects >= 0, _of(truth.identities, objects, objects[:0]), BACKGROUND)
    return Regions(boxes[index], identities, index < len(truth.boxes))


def _true_regions(truth: Truth) -> Regions:
    known = torch.nonzero(truth.identities >= 0)[:, 0]
    return Regions(truth.boxes[known], truth.identities[known], torch.ones_like(known, dtype=torch.bool))


def _of(values: Tensor, objects: Tensor, empty: Tensor) -> Tensor:
    """Values (G, ...) of the objects (S,), anything where there is none."""
    if len(values) == 0:
        return empty.new_zeros((len(objects), *values.shape[1:]))
    return values[objects.clamp(min=0)]
