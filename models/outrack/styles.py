"""Training in either style: FairMOT's lies in this folder, CenterTrack's in its own."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray
from torch import nn

from models.centertrack import targets as displacement_targets
from models.centertrack.loss import CenterTrackTask
from models.outrack import loss, targets
from models.outrack.network import OutrackNetwork
from models.outrack.options import OutrackOptions, looks_back
from pipeline.contract.clips import TrainingClip
from pipeline.params.sections.training import Training as TrainingSection


def build_task(network: OutrackNetwork, options: OutrackOptions, settings: TrainingSection, identities: int) -> nn.Module:
    """The task that `Training.build_task` promises."""
    if looks_back(options):
        return CenterTrackTask(network, options)  # without embeddings there is no re-identification to weigh
    return loss.OutrackTask(network, options, settings.id_weight, identities)


def make_targets(clip: TrainingClip, options: OutrackOptions) -> dict[str, NDArray[Any]]:
    """Targets of one sample, as the style's task reads them."""
    return displacement_targets.make_targets(clip, options) if looks_back(options) else targets.make_targets(clip, options)
