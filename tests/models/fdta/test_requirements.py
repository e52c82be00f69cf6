"""Sample sets that cannot be learnt from are refused before work."""

from __future__ import annotations

from typing import Any

import pytest

from models.fdta.requirements import check_samples, needs, samples
from pipeline.contract.clips import Samples
from pipeline.contract.spec import SampleFacts
from pipeline.errors import UserError
from tests.models.fdta.samples import small_options
from tests.pipeline.tiny import settings_of

GOOD = SampleFacts("data/samples/video", shortest=20, longest=20, identities=4, depth=True, masks=False, classes=("pedestrian",))


@pytest.mark.parametrize(
    ("stage", "found", "message"),
    [
        ("finetune", {"identities": 0}, "names no person"),
        ("finetune", {"depth": False}, "holds no depth, and model.network.depth_attention is after"),
        ("pretrain", {"depth": False}, "holds no depth"),
    ],
)
def test_what_is_missing_is_said_with_what_to_do(stage: str, found: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=f"data/samples/video.*{message}(.|\n)*next: "):
        check_samples(small_options(), settings_of(), stage, GOOD._replace(**found))


@pytest.mark.parametrize(
    ("stage", "options", "found"),
    [
        ("finetune", {}, {}),
        ("finetune", {"depth_attention": "off"}, {"depth": False}),
        ("pretrain", {}, {"shortest": 1, "longest": 1, "identities": 0}),  # stills need neither
    ],
)
def test_what_suffices_passes(stage: str, options: dict[str, Any], found: dict[str, Any]) -> None:
    check_samples(small_options(**options), settings_of(), stage, GOOD._replace(**found))


def test_stills_come_first_and_clips_with_one_view_then() -> None:
    assert samples(small_options(), settings_of(), "pretrain") == Samples("still", 1)
    assert samples(small_options(), settings_of(), "finetune") == Samples("clip", 5, (1, 3), ends="refuse", views="shared")


def test_depth_is_read_only_where_it_is_learnt() -> None:
    assert needs(small_options()).depth
    assert not needs(small_options(depth_attention="off")).depth
    assert needs(small_options()).identities
