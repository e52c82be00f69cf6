"""What CenterTrack minimises: detection and occlusion in the present frame, displacement, and depth."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.centertrack.network import CentertrackNetwork, CentertrackOutputs
from models.centertrack.options import CentertrackOptions, CentertrackTraining
from models.dense.losses import cells_of, depth_terms, detection_terms, detection_total, l1_loss
from pipeline.contract.clips import Batch, Losses, to_float
from pipeline.contract.spec import TrainingSettings


class CenterTrackTask(nn.Module):
    """Network and loss of a training step.

    total = L_det + displacement_weight L_dis + depth_weight L_depth, where L_det holds the occlusion loss, as OUTrack's, and
    L_dis is the L1 loss of Eq. 3 of CenterTrack over the objects that both frames show. There is nothing to balance, so no weight is
    learnt. The second frame of a pair is only looked back at. In a negative pair that is another scene, which CenterTrack never shows:
    it teaches that peaks of the heat map may be wrong, and has no displacement.

    Args:
        network: from `build_network`.
        options: the whole `model` section.
    """

    def __init__(self, network: CentertrackNetwork, options: CentertrackOptions) -> None:
        super().__init__()
        self.network = network
        self.options = options

    def forward(self, batch: Batch) -> Losses:
        """One forward pass over the present frames, then the losses.

        Args:
            batch: images (B, 2, 3, H, W) uint8, the present frame first, and targets as models/centertrack/targets.py lists them.
        """
        present, previous = to_float(batch.images[:, 0]), to_float(batch.images[:, 1])
        cells = cells_of(self.network, batch.targets)
        outputs = self.network(present, torch.cat([previous, batch.targets["prior"]], 1), cells)
        with torch.autocast(batch.images.device.type, enabled=False):
            return self.losses(outputs, batch.targets)

    def losses(self, outputs: CentertrackOutputs, targets: dict[str, Tensor]) -> Losses:
        """Losses of the outputs of B frames, at `cells_of`, against targets (B, ...)."""
        found = {name: x.float() for name, x in outputs._asdict().items() if x is not None}
        terms = detection_terms(found, targets)
        terms["displacement"] = l1_loss(found["displacement"], targets["displacement"], targets["displacement_valid"])
        weights = self.options.loss
        terms["detection"] = detection_total(terms, weights)
        total = terms["detection"] + weights.displacement_weight * terms["displacement"]
        if "depth" in found:
            terms |= depth_terms(found["depth"], targets, self.options)
            total = total + weights.depth_weight * terms["depth"]
        terms["total"] = total
        return Losses(total, {name: value.detach().clone() for name, value in terms.items()})


def build_task(
    network: CentertrackNetwork, options: CentertrackOptions, settings: TrainingSettings[CentertrackTraining], identities: int
) -> CenterTrackTask:
    """The task that `Training.build_task` promises; without embeddings there is no re-identification to weigh."""
    return CenterTrackTask(network, options)
