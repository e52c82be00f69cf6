"""What OUTrack minimises: detection, occlusion and re-identification in a learnt balance, plus depth."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.dense.heads import at_cells
from models.dense.losses import cells_of, depth_terms, detection_terms, detection_total
from models.embedding import objectives
from models.outrack.cell_samples import cell_samples
from models.outrack.network import OutrackNetwork, OutrackOutputs
from models.outrack.options import OutrackOptions, OutrackTraining, uses_samples
from pipeline.contract.clips import Batch, Losses, to_float
from pipeline.contract.spec import TrainingSettings

EVERYWHERE = ("size", "offset", "embedding")  # outputs that samples of all cells need as maps


class OutrackTask(nn.Module):
    """Network and loss of a training step.

    total = 0.5 (exp(-s_det) L_det + exp(-s_id) id_weight L_id + s_det + s_id) + depth_weight L_depth, with learnt s_det and s_id;
    L_det and depth alone when `id_weight` is 0 or no objective trains re-identification.

    Args:
        network: from `build_network`.
        options: the whole `model` section.
        id_weight: weight of the re-identification loss (paper: 1 on MOTChallenge; 10 on CrowdHuman in the released scripts).
        identities: how many people the sample set names, for the objective that classifies them.
    """

    def __init__(self, network: OutrackNetwork, options: OutrackOptions, id_weight: float, identities: int = 0) -> None:
        super().__init__()
        self.network = network
        self.options = options
        self.objective = objectives.build(options.loss, options.network.embedding, identities)
        self.id_weight = 0.0 if options.loss.reid == "none" else id_weight
        if self.id_weight > 0:
            self.s_det = nn.Parameter(torch.tensor(options.loss.s_det))
            self.s_id = nn.Parameter(torch.tensor(options.loss.s_id))

    def forward(self, batch: Batch) -> Losses:
        """One forward pass over both frames of all pairs, then the losses.

        Args:
            batch: images (B, 2, 3, H, W) uint8, the current frame first, and targets as models/dense/targets.py lists them.
        """
        cells = cells_of(self.network, {name: x.flatten(0, 1) for name, x in batch.targets.items()})
        if uses_samples(self.options):  # samples are drawn by what every cell predicts
            cells = {name: where for name, where in cells.items() if name not in EVERYWHERE}
        outputs = self.network(to_float(batch.images.flatten(0, 1)), cells=cells or None)
        with torch.autocast(batch.images.device.type, enabled=False):  # similarities need all their digits under bfloat16 training
            return self.losses(outputs, batch.targets, batch.same_scene)

    def losses(self, outputs: OutrackOutputs, targets: dict[str, Tensor], same_scene: Tensor) -> Losses:
        """Losses of the outputs of (B * 2) frames, pair by pair.

        Args:
            outputs: of frame 1 and 2 of pair 1, then of pair 2, and so on, at `cells_of`.
            targets: tensors (B, 2, ...).
            same_scene: (B,) bool, False for negative pairs.
        """
        everywhere, outputs = outputs, self._at_objects(outputs, targets)
        frames = 2 if self.options.loss.partner_detection else 1
        truth = {name: x[:, :frames].flatten(0, 1) for name, x in targets.items()}
        found = {
            name: x.unflatten(0, (-1, 2))[:, :frames].flatten(0, 1).float()
            for name, x in outputs._asdict().items()
            if x is not None and name != "embedding"
        }
        terms = detection_terms(found, truth)
        terms |= self._reid_terms(everywhere, targets, same_scene)
        if "depth" in found:
            terms |= depth_terms(found["depth"], truth, self.options)
        return self._weighted(terms)

    def _at_objects(self, outputs: OutrackOutputs, targets: dict[str, Tensor]) -> OutrackOutputs:
        """The outputs with sizes and offsets at the objects' cells, where they are maps."""
        if not uses_samples(self.options):
            return outputs
        cells = targets["object_cells"].flatten(0, 1)
        return outputs._replace(size=at_cells(outputs.size, cells), offset=at_cells(outputs.offset, cells))

    def _reid_terms(self, outputs: OutrackOutputs, targets: dict[str, Tensor], same_scene: Tensor) -> dict[str, Tensor]:
        embedding, valid, identities = outputs.embedding, targets["object_valid"], targets.get("object_identities")
        if uses_samples(self.options):
            truth = {name: x.flatten(0, 1) for name, x in targets.items()}
            chosen = cell_samples(outputs.size, outputs.offset, truth, self.options.loss.quasi_dense)
            embedding = at_cells(embedding, chosen.cells)
            valid, identities = (x.unflatten(0, (-1, 2)) for x in (chosen.valid, chosen.identities))
        found: dict[str, Tensor] = self.objective(embedding.float().unflatten(0, (-1, 2)), valid, same_scene, identities)
        return found

    def _weighted(self, terms: dict[str, Tensor]) -> Losses:
        weights = self.options.loss
        detection = detection_total(terms, weights)
        if self.id_weight > 0:
            terms |= {"s_det": self.s_det, "s_id": self.s_id}
            reid = torch.exp(-self.s_id) * self.id_weight * terms["reid"]
            total = 0.5 * (torch.exp(-self.s_det) * detection + reid + self.s_det + self.s_id)
        else:
            total = detection + 0.0 * terms["reid"]  # gradients of 0 reach the embedding head, as data-parallel training needs
        if "depth" in terms:
            total = total + weights.depth_weight * terms["depth"]
        terms |= {"detection": detection, "total": total}
        return Losses(total, {name: value.detach().clone() for name, value in terms.items()})


def build_task(
    network: OutrackNetwork, options: OutrackOptions, settings: TrainingSettings[OutrackTraining], identities: int
) -> OutrackTask:
    """The task that `Training.build_task` promises."""
    return OutrackTask(network, options, settings.model.id_weight, identities)
