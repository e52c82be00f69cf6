"""What FineTrack asks of a sample set, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from models.finetrack.training import check, needs, samples
from pipeline.contract.spec import SampleFacts
from pipeline.errors import UserError
from tests.models.finetrack.samples import GROUPS, small_options
from tests.pipeline.tiny import settings_of

FACTS = SampleFacts("walkers", shortest=1, longest=20, identities=5, depth=False, masks=False, classes=("person",))
UTRACK = {"identity": "utrack"}


def test_runs_are_what_the_settings_say() -> None:
    assert samples(small_options(), settings_of(), "finetune").group == 1
    assert samples(small_options(), GROUPS, "finetune").group == 2


def test_identities_are_read_only_where_they_supervise() -> None:
    assert needs(small_options()).identities
    assert not needs(small_options(loss=UTRACK)).identities


@pytest.mark.parametrize(
    ("loss", "settings", "facts", "message"),
    [
        ({}, {"sampling": "groups", "group_frames": 21}, {}, "finetune.group_frames is 21.*20 frames"),
        ({}, {}, {"identities": 0}, "names no identity"),
        (UTRACK, {}, {"identities": 0}, "finetune.sampling is rows"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused(loss: Any, settings: Any, facts: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        check(small_options(loss=loss), settings_of(settings), "finetune", FACTS._replace(**facts))


@pytest.mark.parametrize("facts", [{}, {"longest": 1}])  # of a still, a run is made of views
def test_what_can_is_not(facts: Any) -> None:
    check(small_options(), GROUPS, "finetune", FACTS._replace(**facts))
    check(small_options(loss=UTRACK), GROUPS, "finetune", FACTS._replace(**facts, identities=0))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"parts": -1}, "parts"),
        ({"tracker": {"low": 0.7}}, "low must not exceed high"),
        ({"backbone": "dla34"}, "width must be 64"),
    ],
)
def test_options_that_make_no_sense_are_named(changes: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        small_options(**changes)
