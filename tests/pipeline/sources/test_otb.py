"""OTB's layout: boxes from pixel 1, several objects, frames in which one is not seen, and lines that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.params.sections.data import Source
from pipeline.sources.otb import plan
from pipeline.sources.planned import Plan
from tests.pipeline.imitated import box, otb, put
from tests.pipeline.sources.mutations import lines_of

FILE = "Walking/groundtruth_rect.txt"


def planned(root: Path, *, strict: bool = True, sequences: list[str] | None = None) -> Plan:
    return plan(Source(name="set", kind="otb", root="", sequences=sequences, images_per_file=2), root, strict)


def test_boxes_identities_and_unseen_frames_by_hand(tmp_path: Path) -> None:
    jogging, walking = planned(otb(tmp_path)).sequences
    assert (jogging.name, jogging.frames, walking.frames) == ("Jogging", 3, 3)
    assert jogging.annotation.objects.identities.tolist() == [1, 2] * 3
    left, top, width, height = box(1, 1)
    assert jogging.annotation.of(1).boxes[0].tolist() == [left, top, left + width, top + height]
    assert walking.annotation.frame.tolist() == [1, 2]
    assert walking.notes[-1] == "Walking: 1 lines say that the object cannot be seen; no box"
    assert walking.annotation.where(1) == f"{FILE}:2"
    assert jogging.annotation.objects.masks is None


def test_one_video_may_be_the_root_or_be_chosen(tmp_path: Path) -> None:
    root = otb(tmp_path)
    assert [sequence.name for sequence in planned(root / "Walking").sequences] == ["Walking"]
    assert [sequence.name for sequence in planned(root, sequences=["Jogging"]).sequences] == ["Jogging"]
    with pytest.raises(UserError, match="no sequence Running"):
        planned(root, sequences=["Running"])
    with pytest.raises(UserError, match=r"no <video>/groundtruth_rect\.txt"):
        planned(root / "Walking" / "img")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1,2,3\n1,2,3,4\n1,2,3,4\n", r"groundtruth_rect\.txt:1: '1,2,3' is not left, top, width, height"),
        ("1,2,3,4\n" * 4, "4 lines for 3 images; those beyond are left out"),
        ("1,2,3,4\n" * 2, "2 lines for 3 images, and nothing says which"),
        ("1,2,3,1e30\n" * 3, r"groundtruth_rect\.txt:1: "),
    ],
    ids=["three numbers", "too many", "too few", "no coordinate"],
)
def test_lines_that_cannot_be_used_are_named(tmp_path: Path, text: str, said: str) -> None:
    root = otb(tmp_path)
    put(root / FILE, text)
    with pytest.raises(UserError, match=said):
        planned(root)
    listed = planned(root, strict=False)
    assert any(FILE in line for line in lines_of(listed))
    assert "Jogging" in [sequence.name for sequence in listed.sequences]
