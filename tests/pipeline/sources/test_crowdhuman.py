from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.files.frames import Frame
from pipeline.params.sections.data import Source
from pipeline.sources.crowdhuman import plan
from pipeline.sources.defects import Defects
from pipeline.sources.planned import PlannedSequence
from tests.pipeline.recorded import crowdhuman, person, truncate, write_image


def planned(folder: Path, strict: bool = True, per_file: int = 2, sequences: list[str] | None = None) -> list[PlannedSequence]:
    entry = Source(name="set", kind="crowdhuman", root="", sequences=sequences, images_per_file=per_file)
    return plan(entry, folder, strict).sequences


def read(sequence: PlannedSequence, folder: Path, strict: bool = True) -> tuple[list[Frame], list[str]]:
    defects = Defects(folder, strict)
    return list(sequence.read(90, defects)), defects.lines


def one(folder: Path, boxes: list[Any]) -> Frame:
    write_image(folder / "Images/a.jpg")
    (folder / "annotation_train.odgt").write_text(json.dumps({"ID": "a", "gtboxes": boxes}))
    return read(planned(folder)[0], folder)[0][0]


def test_stills_are_packed_by_split(tmp_path: Path) -> None:
    crowdhuman(tmp_path, ["a", "273271,c9db000d5146c15", "c"], ["d"])
    sequences = planned(tmp_path)
    assert [(sequence.name, sequence.frames, sequence.kind) for sequence in sequences] == [
        ("train-00000", 2, "stills"),
        ("train-00001", 1, "stills"),
        ("val-00000", 1, "stills"),
    ]
    frames, _ = read(sequences[0], tmp_path)
    assert [(frame.sequence, frame.frame, frame.time) for frame in frames] == [("train-00000", 1, 0.0), ("train-00000", 2, 0.0)]
    assert frames[1].image == (tmp_path / "Images/273271,c9db000d5146c15.jpg").read_bytes()
    assert [sequence.name for sequence in planned(tmp_path, sequences=["val-00000"])] == ["val-00000"]


def test_boxes_are_amodal_and_visibility_is_the_share_of_the_visible_box(tmp_path: Path) -> None:
    objects = one(tmp_path, [person(-5.0), person(10, vbox=[0, 0, 99, 99])]).objects
    np.testing.assert_array_equal(objects.boxes, [[-5, 20, 15, 60], [10, 20, 30, 60]])
    assert objects.visibilities.tolist() == [0.25, 1.0]
    assert objects.identities.tolist() == [-1, -1]
    assert objects.confidences.tolist() == [1, 1]


def test_masks_and_ignored_people_are_neither_object_nor_background(tmp_path: Path) -> None:
    boxes = [person(), person(tag="mask"), person(extra={"ignore": 1}), person(extra={"ignore": 0})]
    objects = one(tmp_path, boxes).objects
    assert objects.ignores.tolist() == [False, True, True, False]
    assert objects.classes.tolist() == [1, 8, 8, 1]
    assert objects.confidences.tolist() == [1, 0, 0, 1]


def test_a_still_without_people_is_valid(tmp_path: Path) -> None:
    assert one(tmp_path, []).objects.boxes.shape == (0, 4)


def test_a_box_without_a_visible_part_counts_as_visible(tmp_path: Path) -> None:
    box = person()
    del box["vbox"], box["extra"]
    assert one(tmp_path, [box]).objects.visibilities.tolist() == [1.0]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{not json", "not JSON"),
        ("[1, 2]", "not an annotation; a line is"),
        ('{"ID": "b"}', "not an annotation; a line is"),
        ('{"ID": "nowhere", "gtboxes": []}', r"the image Images/nowhere\.jpg is missing"),
        ('{"ID": "a", "gtboxes": []}', "image a is annotated twice"),
        (json.dumps({"ID": "b", "gtboxes": [{"tag": "person"}]}), "box 1: fbox must be four numbers"),
        (json.dumps({"ID": "b", "gtboxes": [person(fbox=[1, 2, "x", 4])]}), "box 1: fbox must be four numbers"),
        (json.dumps({"ID": "b", "gtboxes": [person(fbox=[1, 2, 0, 4])]}), "box 1: width and height of fbox"),
        (json.dumps({"ID": "b", "gtboxes": [7]}), "box 1: fbox must be"),
        (json.dumps({"ID": "b", "gtboxes": [person(extra=[1])]}), "box 1: "),
    ],
)
def test_a_broken_line_is_named_with_file_and_line(tmp_path: Path, line: str, complaint: str) -> None:
    crowdhuman(tmp_path, ["a", "b", "c"])
    path = tmp_path / "annotation_train.odgt"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], line, lines[2]]))
    with pytest.raises(UserError, match=rf"annotation_train\.odgt:2: {complaint}"):
        planned(tmp_path, per_file=9)
    (sequence,) = planned(tmp_path, strict=False, per_file=9)
    assert sequence.defects[0].startswith("annotation_train.odgt:2: ")
    assert {1, 3} <= {frame.frame for frame in read(sequence, tmp_path)[0]}


def test_a_corrupt_still_is_named(tmp_path: Path) -> None:
    crowdhuman(tmp_path, ["a", "b"])
    truncate(tmp_path / "Images/a.jpg", 0.6)
    (sequence,) = planned(tmp_path)
    with pytest.raises(UserError, match=r"Images/a\.jpg"):
        read(sequence, tmp_path)
    frames, lines = read(sequence, tmp_path, strict=False)
    assert [frame.frame for frame in frames] == [2]
    assert lines[0].startswith("Images/a.jpg: ")


@pytest.mark.parametrize(("gone", "complaint"), [("", "no such folder"), ("Images", "Images: no such folder"), ("*.odgt", "neither")])
def test_what_is_missing_is_named(tmp_path: Path, gone: str, complaint: str) -> None:
    root = crowdhuman(tmp_path / "root", ["a"])
    for path in [root] if not gone else list(root.glob(gone)):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(UserError, match=complaint):
        planned(root)


def test_an_annotation_without_lines_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "Images").mkdir()
    (tmp_path / "annotation_train.odgt").write_text("\n")
    with pytest.raises(UserError, match="names no image"):
        planned(tmp_path)
