"""What options refuse, with what is allowed."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from models.qdtrack.options import uses_identities, uses_masks
from tests.models.qdtrack.samples import small_options


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"loss": {"reid": "none"}}, "tracker.cues must not name appearance with loss.reid none"),
        ({"tracker": {"cues": ["iou", "iou"]}}, "names a cue twice"),
        ({"tracker": {"cues": []}}, "at least 1 item"),
        ({"tracker": {"similarity": "euclidean"}}, "bisoftmax"),
        ({"loss": {"region_negative": 0.8}}, "region_negative must not exceed region_positive, got 0.8 and 0.7"),
        ({"loss": {"equation": 4}}, "3 or 5"),
        ({"backbone": "resnet50"}, "width must be 256 with backbone resnet50, got 8"),
        ({"backbone": "dla34"}, "width must be 64 with backbone dla34, got 8"),
        ({"frozen_norms": True}, "frozen_norms must be false with backbone resnet_fpn"),
        ({"anchor_ratios": [1.0, 0.0]}, "must be above 0"),
        ({"classes": 0}, "greater than or equal to 1"),
        ({"loss": {"utrack": {"temperature": -1.0}}}, "must be adaptive or a number above 0"),
    ],
)
def test_refusals(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        small_options(**changes)


def test_what_training_may_see() -> None:
    assert uses_identities(small_options())
    assert not uses_identities(small_options(loss={"reid": "utrack"}))
    assert not uses_identities(small_options(loss={"reid": "none"}, tracker={"cues": ["iou"]}))
    assert uses_masks(small_options(mask_head=True))
