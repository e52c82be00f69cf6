from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.sources.inspect import inspect
from tests.pipeline.imitated import mot17
from tests.pipeline.recorded import mot_sequence, truncate
from tests.shared import dataset

GT = "train/MOT17-02-FRCNN/gt/gt.txt"


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A MOT17 with one of each defect: an image that is cut off, and lines 10 to 14."""
    root = mot17(tmp_path / "set")
    with (root / GT).open("a") as stream:
        stream.write("9,1,10,20,12,30,1,1,1\n1,1,10,20,12,30,1,1,1\n2,21,nan,20,12,30,1,1,1\n2,22,10,20,-12,30,1,1,1\n2,23,10\n")
    truncate(root / "train/MOT17-02-FRCNN/img1/000002.jpg", 0.5)
    return root


def test_damage_deep_in_a_sequence_needs_decoding(broken: Path) -> None:
    assert [len(inspect(str(broken), decode=decode).all_defects) for decode in (False, True)] == [5, 6]
    assert [inspect(str(broken), decode=decode).totals["frames"] for decode in (False, True)] == [3, 2]


def test_sequences_and_kind_can_be_given(tmp_path: Path) -> None:
    for name in ("a", "b"):
        mot_sequence(tmp_path / name)
    assert [item.sequence for item in inspect(str(tmp_path), wanted=["b"]).sequences] == ["b"]
    assert [item.sequence for item in inspect(str(tmp_path), kind="folder").sequences] == ["a-img1", "b-img1"]


def test_pets_contradicts_itself_once() -> None:
    found = inspect(str(dataset("PETS09-S2L1")))
    assert (found.all_defects, [item.remarks for item in found.sequences]) == (
        [],
        [["PETS09-S2L1: seqinfo.ini states 7 frames/s, the video 10; the annotation's is used"]],
    )
