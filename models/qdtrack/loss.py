"""What QDTrack minimises (Eq. 7): detection, the contrastive loss of a pair's regions, and the auxiliary loss of their cosines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.embedding.quasi_dense import auxiliary_loss, embedding_loss, pair_masks
from models.embedding.utrack import Utrack
from models.qdtrack.network import MASK_SIZE, QdtrackNetwork, QdtrackOutputs
from models.qdtrack.options import QdtrackOptions, QdtrackTraining
from models.qdtrack.samples import Regions, Samples, Truth, anchor_samples, box_samples, key_regions, reference_regions
from models.regions.heads import touch
from models.regions.losses import box_losses, mask_loss, proposal_losses
from models.regions.masks import in_regions
from models.regions.proposals import Proposals
from pipeline.contract.clips import Batch, Losses, to_float
from pipeline.contract.spec import TrainingSettings


class QdtrackTask(nn.Module):
    """Network and loss of a training step.

    total = L_objectness + L_proposal_box + class_weight L_class + box_weight L_box (+ mask_weight L_mask)
    + id_weight (embed_weight L_embed + auxiliary_weight L_aux), or + id_weight L_utrack.

    Args:
        network: from `build_network`.
        options: the whole `model` section.
        id_weight: weight of everything that trains the embedding (paper: 1).
    """

    def __init__(self, network: QdtrackNetwork, options: QdtrackOptions, id_weight: float) -> None:
        super().__init__()
        self.network = network
        self.options = options
        self.id_weight = id_weight
        self.utrack = Utrack(options.loss.utrack) if options.loss.reid == "utrack" else None

    def forward(self, batch: Batch) -> Losses:
        """One forward pass over both images of all pairs, then the losses.

        Args:
            batch: images (B, 2, 3, H, W) uint8, the key image first, and targets as models/qdtrack/targets.py lists them.
        """
        outputs: QdtrackOutputs = self.network(to_float(batch.images.flatten(0, 1)))
        truths = _truths(batch.targets)
        seeds = [2 * seed + frame for seed in batch.targets["seed"].tolist() for frame in range(2)]
        proposals = self._proposals(outputs)
        images = range(0, len(truths), 1 if self.options.loss.reference_detection else 2)
        chosen = [box_samples(proposals[i].boxes, truths[i], seeds[i], self.options.loss) for i in images]
        regions = self._regions(truths, proposals, seeds)
        # one reading serves both heads: its gradient fills the maps once
        detected, embedded = (
            _together([each.boxes for each in chosen], images),
            _together([each.boxes for each in regions], range(len(regions))),
        )
        features = self.network.read(outputs, *(torch.cat(parts) for parts in zip(detected, embedded, strict=True)))
        boxes, embeddings = features.split([len(detected[0]), len(embedded[0])])
        terms = self._proposal_terms(outputs, truths, seeds, images)
        terms |= self._box_terms(boxes, truths, chosen, images)
        if self.network.mask_head is not None:
            terms["mask"] = self._mask_term(outputs, truths, chosen, images)
        terms |= self._embedding_terms(embeddings, regions, batch)
        return self._weighted(terms)

    def _proposals(self, outputs: QdtrackOutputs) -> list[Proposals]:
        """The proposals of each image; before suppression a level of a reference image has the limit of the test setting."""
        o, found = self.options.loss, []
        for frame, limit in enumerate((o.level_limit, o.reference_level_limit)):
            part = outputs._replace(objectness=outputs.objectness[frame::2].detach(), deltas=outputs.deltas[frame::2].detach())
            found.append(self.network.propose(part, level_limit=limit, limit=o.proposals, overlap=o.proposal_overlap))
        return [each for pair in zip(*found, strict=True) for each in pair]

    def _regions(self, truths: list[Truth], proposals: list[Proposals], seeds: list[int]) -> list[Regions]:
        """The regions of each image at which embeddings are compared."""
        o = self.options.loss
        if o.reid != "quasi_dense":
            everyone = [Regions(each.boxes, each.identities, torch.ones_like(each.identities, dtype=torch.bool)) for each in truths]
            return everyone if o.reid == "utrack" else [_none_of(each) for each in everyone]
        choose = (key_regions, reference_regions)
        found = [choose[i % 2](proposals[i].boxes, truths[i], seeds[i], o) for i in range(len(truths))]
        # without anyone in common a pair adds 0, so its regions need not be looked at
        for i in range(0, len(found), 2):
            if not torch.isin(found[i].identities, found[i + 1].identities).any():
                found[i : i + 2] = [_none_of(each) for each in found[i : i + 2]]
        return found

    def _box_terms(self, features: Tensor, truths: list[Truth], chosen: list[Samples], images: range) -> dict[str, Tensor]:
        logits, deltas = self.network.box_head(features)
        goals = torch.cat([each.goals(truths[i]) for each, i in zip(chosen, images, strict=True)])
        classes = torch.cat([each.classes(truths[i], deltas.shape[1]) for each, i in zip(chosen, images, strict=True)])
        with torch.autocast(goals.device.type, enabled=False):
            classification, box = box_losses(logits, deltas, torch.cat([each.boxes for each in chosen]), goals, classes)
        return {"classification": classification, "box": box}

    def _proposal_terms(self, outputs: QdtrackOutputs, truths: list[Truth], seeds: list[int], images: range) -> dict[str, Tensor]:
        anchors = torch.cat(self.network.anchors(outputs))
        objectness, box, count = [], [], 0
        with torch.autocast(anchors.device.type, enabled=False):
            for i in images:
                chosen = anchor_samples(anchors, truths[i], seeds[i], self.options.loss)
                logits, deltas = outputs.objectness[i, chosen.numbers], outputs.deltas[i, chosen.numbers]
                found = proposal_losses(logits, deltas, chosen.boxes, chosen.goals(truths[i]), chosen.objects >= 0)
                objectness.append(found[0])
                box.append(found[1])
                count += len(chosen.numbers)
        return {"objectness": torch.stack(objectness).sum() / max(1, count), "proposal_box": torch.stack(box).sum() / max(1, count)}

    def _mask_term(self, outputs: QdtrackOutputs, truths: list[Truth], chosen: list[Samples], images: range) -> Tensor:
        """Cross entropy of the positive regions of the box head."""
        boxes, grids, goals, classes = [], [], [], []
        for each, i in zip(chosen, images, strict=True):
            positive = torch.nonzero(each.objects >= 0)[:, 0]
            objects = each.objects[positive]
            boxes.append(each.boxes[positive])
            goals.append(truths[i].boxes[objects])
            classes.append(truths[i].classes[objects])
            grids.append(cast(Tensor, truths[i].masks)[objects])
        regions, owner = _together(boxes, images)
        if len(regions) == 0:
            return touch(cast(nn.Module, self.network.mask_head))
        logits = self.network.masks_at(outputs, regions, owner)
        wanted = in_regions(torch.cat(grids), torch.cat(goals), regions, 2 * MASK_SIZE)
        with torch.autocast(regions.device.type, enabled=False):
            return mask_loss(logits, wanted, torch.cat(classes))

    def _embedding_terms(self, features: Tensor, regions: list[Regions], batch: Batch) -> dict[str, Tensor]:
        if self.options.loss.reid == "none":
            return {"reid": touch(self.network.embedding_head)}
        embeddings = self._embeddings(features)
        if self.utrack is not None:
            return self._utrack_terms(embeddings, batch)
        parts = embeddings.split([len(each.boxes) for each in regions])
        with torch.autocast(batch.images.device.type, enabled=False):
            pairs = [self._pair_terms(*parts[i : i + 2], *regions[i : i + 2]) for i in range(0, len(regions), 2)]
        embed, auxiliary = (torch.stack(terms).mean() for terms in zip(*pairs, strict=True))
        o = self.options.loss
        return {"embed": embed, "auxiliary": auxiliary, "reid": o.embed_weight * embed + o.auxiliary_weight * auxiliary}

    def _pair_terms(self, key: Tensor, reference: Tensor, keys: Regions, references: Regions) -> tuple[Tensor, Tensor]:
        """L_embed and L_aux of one pair, from embeddings (V, D) and (K, D)."""
        o = self.options.loss
        masks = pair_masks(keys.identities, references.identities, references.true if o.matching == "one" else None)
        embed = embedding_loss(key @ reference.T, masks, o.equation)
        if not o.auxiliary:
            return embed, torch.zeros_like(embed)
        cosines = functional.normalize(key, dim=1) @ functional.normalize(reference, dim=1).T
        margin, ratio = o.auxiliary_margin, o.auxiliary_negatives
        return embed, auxiliary_loss(cosines, masks, margin=margin, negatives_per_positive=ratio)

    def _utrack_terms(self, embeddings: Tensor, batch: Batch) -> dict[str, Tensor]:
        """UTrack at the true boxes: no identity is read."""
        valid = batch.targets["valid"]
        padded = embeddings.new_zeros((*valid.shape, embeddings.shape[1]))
        padded[valid] = embeddings
        with torch.autocast(valid.device.type, enabled=False):
            found: dict[str, Tensor] = cast(nn.Module, self.utrack)(padded, valid, batch.same_scene, None)
        return found

    def _embeddings(self, features: Tensor) -> Tensor:
        """(R, D) float32; without regions the head still takes part, with gradients of 0."""
        if len(features) == 0:
            return features.new_zeros((0, self.options.network.embedding)) + touch(self.network.embedding_head)
        embeddings: Tensor = self.network.embedding_head(features)
        return embeddings.float()

    def _weighted(self, terms: dict[str, Tensor]) -> Losses:
        o = self.options.loss
        detection = terms["objectness"] + terms["proposal_box"] + o.class_weight * terms["classification"] + o.box_weight * terms["box"]
        if "mask" in terms:
            detection = detection + o.mask_weight * terms["mask"]
        total = detection + self.id_weight * terms["reid"]
        terms |= {"detection": detection, "total": total}
        return Losses(total, {name: value.detach().clone() for name, value in terms.items()})


def build_task(
    network: QdtrackNetwork, options: QdtrackOptions, settings: TrainingSettings[QdtrackTraining], identities: int
) -> QdtrackTask:
    """The task that `Training.build_task` promises; how many identities there are does not matter here."""
    return QdtrackTask(network, options, settings.model.id_weight)


def _truths(targets: dict[str, Tensor]) -> list[Truth]:
    """What is true of each image, key and reference in turn, without padding."""
    parts = {name: value.flatten(0, 1) for name, value in targets.items() if name != "seed"}
    found = []
    for i, (valid, ignored) in enumerate(zip(parts["valid"], parts["ignored_valid"], strict=True)):
        identities = (
            parts["identities"][i][valid] if "identities" in parts else parts["classes"][i][valid].new_full((int(valid.sum()),), -1)
        )
        masks = parts["masks"][i][valid] if "masks" in parts else None
        found.append(Truth(parts["boxes"][i][valid], parts["classes"][i][valid], identities, parts["ignored"][i][ignored], masks))
    return found


def _none_of(regions: Regions) -> Regions:
    return Regions(*(part[:0] for part in regions))


def _together(boxes: Sequence[Tensor], images: Sequence[int]) -> tuple[Tensor, Tensor]:
    """(R, 4) boxes of all images and (R,) int64, which image each lies in."""
    counts = torch.tensor([len(each) for each in boxes], device=boxes[0].device)
    owner = torch.tensor(list(images), device=boxes[0].device).repeat_interleave(counts)
    return torch.cat(list(boxes)), owner
