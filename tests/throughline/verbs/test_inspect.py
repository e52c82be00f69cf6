"""What the command prints, and the status that it ends with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.pipeline.imitated import mot17, mots
from tests.pipeline.recorded import mot_sequence
from tests.pipeline.sources.test_inspect import broken
from tests.throughline.command import throughline

__all__ = ["broken"]


def test_a_whole_set_exits_with_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert throughline("inspect", str(mot17(tmp_path / "set"))) == 0
    shown = capsys.readouterr().out
    row = next(line for line in shown.splitlines() if "MOT17-02-FRCNN" in line)
    # sequence, kind, frames, rate, size, identities, boxes, ignored, visible, hidden, covered, defects, remarks
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    assert cells == ["MOT17-02-FRCNN", "video", "3", "20", "160x120", "5", "9", "2", "0.75", "0.00", "0.00", "0", "0"]
    assert "class static person: 1 boxes" in shown
    assert "as mot_challenge" in shown


def test_masks_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert throughline("inspect", str(mots(tmp_path / "set"))) == 0
    assert "masks: of 9 boxes" in capsys.readouterr().out
    assert throughline("inspect", str(mot17(tmp_path / "other"))) == 0
    assert "masks:" not in capsys.readouterr().out


def test_every_defect_is_named_once_and_exits_with_1(broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert throughline("inspect", str(broken), "--decode") == 1
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


def test_json_holds_all_of_it(broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert throughline("inspect", str(broken), "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["kind"], found["totals"]["boxes"], found["totals"]["defects"]) == ("mot_challenge", 9, 5)
    assert found["sequences"][0]["classes"] == {"pedestrian": 6, "car": 1, "static person": 1, "distractor": 1}
    assert found["sequences"][0]["occlusion"] == {"visibility": 0.75, "hidden": 0.0, "covered": 0.0}


def test_another_detectors_files_are_looked_at_beside_the_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One file of two is whole; what is assumed of it is said once."""
    root, files, names = tmp_path / "set", tmp_path / "yolox", ["a", "b"]
    for name in names:
        mot_sequence(root / name)
    files.mkdir()
    (files / f"{names[0]}.txt").write_text("1,-1,10,20,12,30,0.5,2\n2,-1,10,20,12,30,0.5,0\n")
    (files / f"{names[1]}.txt").write_text("1,-1,10,20,12,30,0.5\n1,-1,10,20,12,30,85\n99,-1,10,20,12,30,0.5\n")
    assert throughline("inspect", str(root), "--detections", f"{files}/{{sequence}}.txt") == 1
    shown = capsys.readouterr().out.splitlines()
    assert [line for line in shown if line.startswith("remark") and "yolox" in line] == [
        f"remark: {files}/{names[0]}.txt: column 8 may be a class (it holds 0, 2); it is not read, every box is a pedestrian's"
    ]
    refused = [line for line in shown if line.startswith("defect")]
    assert f"{names[1]}.txt:3: frame (column 1) is not of this sequence, which has 1 to 3" in refused[0]
    assert throughline("inspect", str(root), "--detections", f"{files}/{names[0]}.txt") == 1
    assert "would serve two sequences" in capsys.readouterr().out


def test_nothing_to_read_exits_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert throughline("inspect", str(tmp_path / "none")) == 2
    assert capsys.readouterr().err.startswith(f"error: {tmp_path}/none: no such file or folder")


def test_a_kind_that_there_is_not_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert throughline("inspect", str(tmp_path), "--kind", "kitti") == 2
    assert "--kind kitti: no such kind of source; there are mot_challenge, " in capsys.readouterr().err
