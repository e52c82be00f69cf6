"""How QDTrack is trained; the code digest of the training stages starts here."""

from __future__ import annotations

from models.qdtrack.loss import build_task
from models.qdtrack.options import QdtrackOptions, QdtrackTraining, uses_identities, uses_masks
from models.qdtrack.targets import make_targets, trim
from models.regions.warm_up import draw_samples, read_regions
from pipeline.contract.clips import Needs, Samples
from pipeline.contract.spec import SampleFacts, Training, TrainingSettings
from pipeline.errors import UserError


def samples(options: QdtrackOptions, settings: TrainingSettings[QdtrackTraining], stage: str) -> Samples:
    """Pairs of frames up to `max_gap` apart (MOT17 10, BDD100K 3); a still is its own partner, and the paper has no negative pairs."""
    return Samples(
        "pair", 2, (1, settings.model.max_gap), common_identity=uses_identities(options), negatives_per_pair=settings.model.negative_ratio
    )


def needs(options: QdtrackOptions) -> Needs:
    """Identities for contrastive learning, masks for the mask head."""
    return Needs(identities=uses_identities(options), masks=uses_masks(options))


def check(options: QdtrackOptions, settings: TrainingSettings[QdtrackTraining], stage: str, facts: SampleFacts) -> None:
    """Refuse samples that do not suit the network.

    Raises:
        UserError: the samples have another number of classes than the network, or masks are to be learnt and the samples hold none.
    """
    if len(facts.classes) != options.network.classes:
        raise UserError(
            f"model.network.classes is {options.network.classes}, but {facts.where} holds {len(facts.classes)} "
            f"({', '.join(facts.classes)})\nnext: set model.network.classes to {len(facts.classes)}, or change pack_samples.classes"
        )
    if uses_masks(options) and not facts.masks:
        raise UserError(
            f"model.network.mask_head is true, but {facts.where} holds no masks\n"
            "next: add a source with masks (the renderer writes them with walkers.masks), or set model.network.mask_head to false"
        )


def warm_up(options: QdtrackOptions) -> None:
    """Draw and match a sample, and read a region with the gradient."""
    draw_samples()
    read_regions()


TRAINING = Training(
    samples=samples,
    build_task=build_task,
    make_targets=make_targets,
    options=QdtrackTraining,
    needs=needs,
    trim=trim,
    check=check,
    warm_up=warm_up,
)
