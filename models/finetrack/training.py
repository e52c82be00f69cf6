"""How FineTrack is trained; the code digest of the training stages starts here."""

from __future__ import annotations

import torch

from models.finetrack.loss import build_task
from models.finetrack.options import FinetrackOptions, FinetrackTraining, uses_identities
from models.finetrack.targets import make_targets, trim
from models.finetrack.warp import warp
from models.regions.warm_up import read_regions
from pipeline.contract.clips import Needs, Samples
from pipeline.contract.spec import SampleFacts, Training, TrainingSettings
from pipeline.errors import UserError


def samples(options: FinetrackOptions, settings: TrainingSettings[FinetrackTraining], stage: str) -> Samples:
    """Single frames, shuffled by themselves or in runs of `group_frames` (the paper's shuffle-group sampling)."""
    return Samples("still", 1, group=settings.group)


def needs(options: FinetrackOptions) -> Needs:
    """Identities, unless UTrack's objective does without."""
    return Needs(identities=uses_identities(options))


def check(options: FinetrackOptions, settings: TrainingSettings[FinetrackTraining], stage: str, facts: SampleFacts) -> None:
    """Refuse samples that these options cannot learn from.

    Raises:
        UserError: runs are longer than every sequence; identities supervise and the samples have none; or UTrack's objective compares the
            ends of runs and `sampling` is not `groups`.
    """
    if 1 < facts.longest < settings.group:
        raise UserError(
            f"{stage}.group_frames is {settings.group}, but the longest sequence of {facts.where} has {facts.longest} frames\n"
            f"next: set {stage}.group_frames to at most {facts.longest}"
        )
    if uses_identities(options) and not facts.identities:
        raise UserError(
            f"model.loss.identity is supervised, but {facts.where} names no identity; allowed: supervised, utrack\n"
            f"next: set model.loss.identity to utrack and {stage}.sampling to groups, or add a data set with identities"
        )
    if not uses_identities(options) and settings.group < 2:
        raise UserError(
            f"model.loss.identity is utrack, which compares the ends of a run, but {stage}.sampling is rows; allowed: groups\n"
            f"next: set {stage}.sampling to groups"
        )


def warm_up(options: FinetrackOptions) -> None:
    """Read a region and move a map, with the gradient."""
    read_regions()
    warp(torch.ones(1, 4, 2, 2, requires_grad=True), torch.zeros(1, 2, 4, 4)).sum().backward()


TRAINING = Training(
    samples=samples,
    build_task=build_task,
    make_targets=make_targets,
    options=FinetrackTraining,
    needs=needs,
    trim=trim,
    check=check,
    warm_up=warm_up,
)
