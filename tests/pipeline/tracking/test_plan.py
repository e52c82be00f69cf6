"""What is refused before any sequence is tracked."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.params.file import load
from pipeline.tracking.plan import check_detections, check_masks

TRACK = load(Path(__file__).resolve().parents[3] / "presets" / "walkers.yaml").track


@pytest.mark.parametrize(
    ("detections", "detects", "refused"),
    [
        ("private", True, False),
        ("private", False, True),  # nobody says where anything is
        ("public", False, False),
        ("file", False, False),
        ("ground_truth", False, False),
    ],
)
def test_who_detects_nothing_must_be_told_boxes(detections: str, detects: bool, refused: bool) -> None:
    settings = TRACK.model_copy(update={"detections": detections})
    if not refused:
        check_detections("still", settings, detects=detects)
        return
    with pytest.raises(UserError, match="asks still for its own detections.*\nnext: set track.detections to public, file or ground_truth"):
        check_detections("still", settings, detects=detects)


def test_who_has_no_masks_keeps_none() -> None:
    keeping = TRACK.model_copy(update={"keep_masks": True})
    with pytest.raises(UserError, match="asks still for the masks of its parts.*\nnext: set track.keep_masks to false"):
        check_masks("still", keeping, carried=False)
    check_masks("still", keeping, carried=True)
    check_masks("still", TRACK, carried=False)
