"""How CenterTrack is trained; the code digest of the training stages starts here."""

from __future__ import annotations

from models.centertrack.loss import build_task
from models.centertrack.options import CentertrackOptions, CentertrackTraining, uses_depth
from models.centertrack.targets import make_targets, trim
from pipeline.contract.clips import Needs, Samples
from pipeline.contract.spec import Training, TrainingSettings


def samples(options: CentertrackOptions, settings: TrainingSettings[CentertrackTraining], stage: str) -> Samples:
    """Pairs of frames up to `max_gap` apart on either side (CenterTrack: 3); the paper has no negative ones."""
    return Samples("pair", 2, (1, settings.model.max_gap), negatives_per_pair=settings.model.negative_ratio)


def needs(options: CentertrackOptions) -> Needs:
    """Identities say where an object was in the frame before."""
    return Needs(identities=True, depth=uses_depth(options))


TRAINING = Training(samples=samples, build_task=build_task, make_targets=make_targets, options=CentertrackTraining, needs=needs, trim=trim)
