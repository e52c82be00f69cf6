"""What a training sample is, and what a sample set must hold, said before any work is done."""

from __future__ import annotations

from models.fdta.options import FdtaOptions, FdtaTraining
from pipeline.contract.clips import Needs, Samples
from pipeline.contract.spec import SampleFacts, TrainingSettings
from pipeline.errors import UserError


def clip_frames(options: FdtaOptions, stage: str) -> int:
    """Frames of one training sample: stills at first, then clips as long as the time table."""
    return 1 if stage == "pretrain" else options.network.frames


def samples(options: FdtaOptions, settings: TrainingSettings[FdtaTraining], stage: str) -> Samples:
    """Stills in `pretrain`, clips of neighbours up to `max_gap` apart after it; one view for all frames of a clip."""
    frames = clip_frames(options, stage)
    if frames == 1:
        return Samples("still", 1)
    return Samples("clip", frames, (1, settings.model.max_gap), ends="refuse", views="shared")


def needs(options: FdtaOptions) -> Needs:
    """Identities, which are what it predicts, and depth where it is learnt."""
    return Needs(identities=True, depth=options.network.uses_depth)


def check_samples(options: FdtaOptions, settings: TrainingSettings[FdtaTraining], stage: str, facts: SampleFacts) -> None:
    """Refuse a sample set that cannot be learnt from, and print that `max_gap` has no effect on stills.

    Sequences shorter than a clip are refused elsewhere, by `Samples.ends`.

    Raises:
        UserError: clips are learnt from and the samples name no identity, or depth is learnt and the samples hold none.
    """
    if clip_frames(options, stage) == 1 and settings.model.max_gap > 1:
        print(f"{stage}: stills have no neighbours; {stage}.model.max_gap {settings.model.max_gap} has no effect")
    if clip_frames(options, stage) > 1 and not facts.identities:
        raise UserError(
            f"{facts.where}: names no person, and FDTA learns whose each box is\n"
            "next: give the data set's boxes identities (gt/gt.txt) and run `dvc repro`"
        )
    if options.network.uses_depth and not facts.depth:
        raise UserError(
            f"{facts.where}: holds no depth, and model.network.depth_attention is {options.network.depth_attention}\n"
            "next: have label_depth label it (its backend) and run `dvc repro`, or set model.network.depth_attention to off"
        )
