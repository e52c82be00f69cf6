"""What a sample set must hold, said before any work is done."""

from __future__ import annotations

from typing import Literal

from models.fdta.options import FdtaOptions
from pipeline.errors import UserError

Stage = Literal["pretrain", "finetune"]


def clip_frames(options: FdtaOptions, stage: Stage) -> int:
    """Frames of one training sample: stills at first, then clips as long as the time table."""
    return 1 if stage == "pretrain" else options.network.frames


def check_samples(options: FdtaOptions, stage: Stage, where: str, *, longest: int, people: int, depth: bool) -> None:
    """Refuse a sample set that cannot be learnt from.

    Args:
        options: the whole `model` section.
        stage: that is about to train.
        where: the sample set, for the message.
        longest: frames of its longest sequence; 1 for stills.
        people: identities that it names.
        depth: whether any sample has a depth map.

    Raises:
        UserError: its sequences are shorter than a clip, it names nobody, or depth is learnt and there is none.
    """
    frames = clip_frames(options, stage)
    if longest < frames:
        raise UserError(
            f"{where}: the longest sequence has {longest} frames, and a clip has network.frames = {frames}\n"
            "next: lower model.network.frames, or add longer sequences to pack_samples.videos"
        )
    if frames > 1 and not people:
        raise UserError(
            f"{where}: names no person, and FDTA learns whose each box is\n"
            "next: give the data set's boxes identities (gt/gt.txt) and run `dvc repro`"
        )
    if options.network.uses_depth and not depth:
        raise UserError(
            f"{where}: holds no depth, and model.network.depth_attention is {options.network.depth_attention}\n"
            "next: label depth in extract_frames and run `dvc repro`, or set model.network.depth_attention to off"
        )
