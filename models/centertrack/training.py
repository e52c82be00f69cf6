"""How CenterTrack is trained; the code digest of the training stages starts here."""

from __future__ import annotations

from models.centertrack.loss import build_task
from models.centertrack.options import CentertrackOptions, uses_depth
from models.centertrack.targets import make_targets, trim
from pipeline.contract.clips import Needs, Samples
from pipeline.contract.spec import Training
from pipeline.params.sections.training import Training as TrainingSection


def samples(options: CentertrackOptions, settings: TrainingSection, stage: str) -> Samples:
    """Pairs of frames up to `max_gap` apart on either side (CenterTrack: 3); CenterTrack has no negative ones."""
    return Samples("pair", 2, (1, settings.max_gap), negative_ratio=settings.negative_ratio)


def needs(options: CentertrackOptions) -> Needs:
    """Identities say where an object was in the frame before."""
    return Needs(identities=True, depth=uses_depth(options))


TRAINING = Training(samples=samples, build_task=build_task, make_targets=make_targets, needs=needs, trim=trim)
