"""Sample sets that cannot be learnt from are refused before work."""

from __future__ import annotations

from typing import Any

import pytest

from models.fdta.requirements import Stage, check_samples, clip_frames
from pipeline.errors import UserError
from tests.models.fdta.samples import small_options

GOOD = {"longest": 20, "people": 4, "depth": True}


@pytest.mark.parametrize(
    ("stage", "options", "found", "message"),
    [
        ("finetune", {}, {"longest": 4}, "longest sequence has 4 frames, and a clip has network.frames = 5"),
        ("finetune", {}, {"people": 0}, "names no person"),
        ("finetune", {}, {"depth": False}, "holds no depth, and model.network.depth_attention is after"),
        ("pretrain", {}, {"depth": False}, "holds no depth"),
    ],
)
def test_what_is_missing_is_said_with_what_to_do(stage: Stage, options: dict[str, Any], found: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=f"data/samples/video.*{message}(.|\n)*next: "):
        check_samples(small_options(**options), stage, "data/samples/video", **(GOOD | found))


@pytest.mark.parametrize(
    ("stage", "options", "found"),
    [
        ("finetune", {}, {}),
        ("finetune", {"depth_attention": "off"}, {"depth": False}),
        ("pretrain", {}, {"longest": 1, "people": 0}),  # stills need neither
    ],
)
def test_what_suffices_passes(stage: Stage, options: dict[str, Any], found: dict[str, Any]) -> None:
    check_samples(small_options(**options), stage, "data/samples", **(GOOD | found))


def test_stills_come_first_and_clips_then() -> None:
    assert (clip_frames(small_options(), "pretrain"), clip_frames(small_options(), "finetune")) == (1, 5)
