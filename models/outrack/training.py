"""How OUTrack is trained; the code digest of the training stages starts here."""

from __future__ import annotations

from models.outrack.loss import build_task
from models.outrack.options import OutrackOptions, OutrackTraining, uses_depth, uses_identities, uses_samples
from models.outrack.targets import make_targets, trim
from pipeline.contract.clips import Needs, Samples
from pipeline.contract.spec import Training, TrainingSettings


def samples(options: OutrackOptions, settings: TrainingSettings[OutrackTraining], stage: str) -> Samples:
    """Pairs of frames up to `max_gap` apart, and now and then a pair of two scenes; a still is its own partner.

    Where samples are compared by identity, pairs show somebody in common while there are any.
    """
    return Samples(
        "pair", 2, (1, settings.model.max_gap), common_identity=uses_samples(options), negatives_per_pair=settings.model.negative_ratio
    )


def needs(options: OutrackOptions) -> Needs:
    """Identities only where an objective asks for them, depth only where it is learnt."""
    return Needs(identities=uses_identities(options), depth=uses_depth(options))


TRAINING = Training(
    samples=samples,
    build_task=build_task,
    make_targets=make_targets,
    options=OutrackTraining,
    needs=needs,
    trim=trim,
)
