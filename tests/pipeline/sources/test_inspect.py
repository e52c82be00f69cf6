from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.sources.inspect import inspect, main
from tests.pipeline.imitated import mot17, mots
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


def test_a_whole_set_exits_with_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(mot17(tmp_path / "set"))]) == 0
    shown = capsys.readouterr().out
    row = next(line for line in shown.splitlines() if "MOT17-02-FRCNN" in line)
    # sequence, kind, frames, rate, size, identities, boxes, ignored, visible, hidden, covered, defects, remarks
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    assert cells == ["MOT17-02-FRCNN", "video", "3", "20", "160x120", "5", "9", "2", "0.75", "0.00", "0.00", "0", "0"]
    assert "class static person: 1 boxes" in shown
    assert "as mot_challenge" in shown


def test_masks_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(mots(tmp_path / "set"))]) == 0
    assert "masks: of 9 boxes" in capsys.readouterr().out
    assert main([str(mot17(tmp_path / "other"))]) == 0
    assert "masks:" not in capsys.readouterr().out


def test_every_defect_is_named_once_and_exits_with_1(broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(broken), "--decode"]) == 1
    shown = [
        line.removeprefix("defect: train/MOT17-02-FRCNN/") for line in capsys.readouterr().out.splitlines() if line.startswith("defect")
    ]
    assert [line.partition(" (")[0] for line in shown] == [
        "gt/gt.txt:11: id 1 is in frame 1 twice",
        "gt/gt.txt:12: a value is not finite",
        "gt/gt.txt:13: width and height",
        "gt/gt.txt:14: 3 columns where the file's other lines have 9",
        "gt/gt.txt:10: frame 9 has no image",
        "img1/000002.jpg: the image is damaged or cut off",
    ]


def test_damage_deep_in_a_sequence_needs_decoding(broken: Path) -> None:
    assert [len(inspect(str(broken), decode=decode).all_defects) for decode in (False, True)] == [5, 6]
    assert [inspect(str(broken), decode=decode).totals["frames"] for decode in (False, True)] == [3, 2]


def test_json_holds_all_of_it(broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(broken), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["kind"], found["totals"]["boxes"], found["totals"]["defects"]) == ("mot_challenge", 9, 5)
    assert found["sequences"][0]["classes"] == {"pedestrian": 6, "car": 1, "static person": 1, "distractor": 1}
    assert found["sequences"][0]["occlusion"] == {"visibility": 0.75, "hidden": 0.0, "covered": 0.0}


def test_sequences_and_kind_can_be_given(tmp_path: Path) -> None:
    for name in ("a", "b"):
        mot_sequence(tmp_path / name)
    assert [item.sequence for item in inspect(str(tmp_path), wanted=["b"]).sequences] == ["b"]
    assert [item.sequence for item in inspect(str(tmp_path), kind="folder").sequences] == ["a-img1", "b-img1"]


def test_nothing_to_read_exits_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err.startswith(f"error: {tmp_path}/none: no such file or folder")


def test_pets_contradicts_itself_once() -> None:
    found = inspect(str(dataset("PETS09-S2L1")))
    assert (found.all_defects, [item.remarks for item in found.sequences]) == (
        [],
        [["PETS09-S2L1: seqinfo.ini states 7 frames/s, the video 10; the annotation's is used"]],
    )
