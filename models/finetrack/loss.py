"""What FineTrack minimises: detection and identity in OUTrack's learnt balance; identity of each branch, and what keeps the parts apart."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from models.dense.losses import detection_terms
from models.embedding.classification import Classification
from models.embedding.diversity import mean_cosine, soft_overlap
from models.embedding.triplet import batch_hard
from models.embedding.utrack import Utrack
from models.finetrack.network import FinetrackNetwork, FinetrackOutputs
from models.finetrack.options import FinetrackOptions, FinetrackTraining
from models.finetrack.parts import Parts, embedding_of
from pipeline.contract.clips import Batch, Losses, to_float
from pipeline.contract.spec import TrainingSettings


class FinetrackTask(nn.Module):
    """Network and loss of a training step.

    total = 0.5 (exp(-s_det) L_det + exp(-s_id) id_weight L_id + s_det + s_id), with learnt s_det and s_id; L_det alone for an `id_weight`
    of 0.
    L_id = identity_weight * (cross entropy, the mean over branches, or UTrack's objective) + triplet_weight * triplets
    + diversity_weight * diversity. Boxes are the true ones.

    Args:
        network: from `build_network`.
        options: the whole `model` section.
        settings: of the stage: `id_weight`, and how many frames a run has.
        identities: how many people the sample set names.

    Raises:
        ValueError: UTrack's objective without runs of frames.
    """

    def __init__(
        self, network: FinetrackNetwork, options: FinetrackOptions, settings: TrainingSettings[FinetrackTraining], identities: int
    ) -> None:
        super().__init__()
        self.network, self.options, self.run, self.id_weight = network, options, settings.group, settings.model.id_weight
        self.classifiers, self.objective = None, None
        if options.loss.identity == "supervised":
            branches, size = options.network.parts + 1, options.network.part_size
            self.classifiers = nn.ModuleList([Classification(size, identities) for _ in range(branches)])
        elif settings.group < 2:
            raise ValueError("UTrack's objective compares the ends of a run: sampling must be groups")
        else:
            self.objective = Utrack(options.loss)
        if self.id_weight > 0:
            self.s_det = nn.Parameter(torch.tensor(options.loss.s_det))
            self.s_id = nn.Parameter(torch.tensor(options.loss.s_id))

    def forward(self, batch: Batch) -> Losses:
        """One forward pass over all frames, another over all boxes, then the losses.

        Args:
            batch: images (B, 1, 3, H, W) uint8, whole runs one after the other, and targets as targets.py lists them.
        """
        truth = {name: x.flatten(0, 1) for name, x in batch.targets.items()}
        images, slots = torch.nonzero(truth["object_valid"], as_tuple=True)
        outputs = self.network(to_float(batch.images.flatten(0, 1)), cells=dict.fromkeys(("size", "offset"), truth["object_cells"]))
        parts = self.network.look_at(outputs.features, truth["boxes"][images, slots], images)
        with torch.autocast(batch.images.device.type, enabled=False):
            return self.losses(outputs, parts, truth)

    def losses(self, outputs: FinetrackOutputs, parts: Parts, truth: dict[str, Tensor]) -> Losses:
        """Losses of N frames.

        Args:
            outputs: of the frames, sizes and offsets at the objects.
            parts: of the valid boxes, frame after frame.
            truth: targets (N, ...).
        """
        found = {name: getattr(outputs, name).float() for name in ("heatmap", "size", "offset")}
        terms = detection_terms(found, truth)
        weights = self.options.loss
        terms["detection"] = terms["heatmap"] + weights.size_weight * terms["size"] + weights.offset_weight * terms["offset"]
        terms |= self._identity_terms(parts, truth)
        terms["diversity"] = self._diversity(parts)
        with torch.no_grad():  # shown over epochs, whatever diversity is trained
            terms |= {"overlap": soft_overlap(parts.masks.flatten(2)), "part_cosine": mean_cosine(parts.vectors[:, :-1])}
        reid = weights.identity_weight * terms["identity"] + weights.diversity_weight * terms["diversity"]
        terms["reid"] = reid + weights.triplet_weight * terms["triplet"] if "triplet" in terms else reid
        return self._balanced(terms)

    def _identity_terms(self, parts: Parts, truth: dict[str, Tensor]) -> dict[str, Tensor]:
        valid = truth["object_valid"]
        if self.objective is not None:
            return {"identity": self._utrack(embedding_of(parts.vectors), valid)}
        known, classifiers = truth["object_identities"][valid], cast(nn.ModuleList, self.classifiers)
        given = (torch.ones_like(known, dtype=torch.bool), valid.new_ones(1), known)
        entropies = [layer(x, *given)["reid"] for layer, x in zip(classifiers, parts.vectors.unbind(1), strict=True)]
        return {"identity": torch.stack(entropies).mean(), "triplet": batch_hard(parts.vectors, known)}

    def _utrack(self, embeddings: Tensor, valid: Tensor) -> Tensor:
        """Of the first and the last frame of each run; embeddings (R, D) of the valid of (N, K) slots."""
        slots = embeddings.new_zeros(*valid.shape, embeddings.shape[1])
        slots[valid] = embeddings
        ends = [x.unflatten(0, (-1, self.run))[:, [0, -1]] for x in (slots, valid)]
        objective = cast(Utrack, self.objective)
        return objective(ends[0], ends[1], valid.new_ones(len(ends[0])), None)["reid"]

    def _diversity(self, parts: Parts) -> Tensor:
        floor = self.options.loss.diversity_floor
        match self.options.loss.diversity:
            case "mask":
                return soft_overlap(parts.masks.flatten(2))
            case "pooled":
                return mean_cosine(parts.pooled, floor)
            case "embedding":
                return mean_cosine(parts.vectors[:, :-1], floor)
            case "none":
                return 0.0 * parts.vectors.sum()

    def _balanced(self, terms: dict[str, Tensor]) -> Losses:
        # without a box, no part of the head takes part: gradients of 0 reach it all the same, as data-parallel training needs
        nothing = 0.0 * cast(Tensor, sum(parameter.sum() for parameter in self.network.parts.parameters()))
        reid = terms["reid"] + nothing
        if self.id_weight > 0:
            terms |= {"s_det": self.s_det, "s_id": self.s_id}
            detection = torch.exp(-self.s_det) * terms["detection"]
            total = 0.5 * (detection + torch.exp(-self.s_id) * self.id_weight * reid + self.s_det + self.s_id)
        else:
            total = terms["detection"] + 0.0 * reid
        terms["total"] = total
        return Losses(total, {name: value.detach().clone() for name, value in terms.items()})


def build_task(
    network: FinetrackNetwork, options: FinetrackOptions, settings: TrainingSettings[FinetrackTraining], identities: int
) -> FinetrackTask:
    """The task that `Training.build_task` promises."""
    return FinetrackTask(network, options, settings, identities)
