"""Files of another detector: where they lie, what they say, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.files.frames import Objects
from pipeline.tracking.external_boxes import detection_file, oracle, read_detections, scored


def test_a_pattern_names_a_file_a_sequence(tmp_path: Path) -> None:
    names = {"data_root": "/data", "root": tmp_path, "dataset": "MOT17", "sequence": "MOT17-02"}
    assert detection_file("{data_root}/yolox/{dataset}/{sequence}.txt", **names) == Path("/data/yolox/MOT17/MOT17-02.txt")  # type: ignore[arg-type]
    assert detection_file("out/det.txt", **names) == tmp_path / "out" / "det.txt"  # type: ignore[arg-type]


def test_boxes_come_by_frame_best_first(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("7,-1,10,20,30,40,0.25\n5,-1,1,2,3,4,1\n7,-1,0.5,0,5,5,0.75\n7,-1,2,0,5,5,0.25\n")
    found = read_detections(path, (5, 9))
    assert sorted(found) == [5, 7]
    assert found[7].boxes.tolist() == [[0.5, 0, 5.5, 5], [10, 20, 40, 60], [2, 0, 7, 5]]
    assert found[7].scores.tolist() == [0.75, 0.25, 0.25]
    assert found[5].boxes.dtype == found[5].scores.dtype == np.float32


def test_a_file_without_rows_has_no_boxes(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    assert read_detections(tmp_path / "a.txt", (1, 9)) == {}


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("4,-1,1,2,3,4,1", r"frame \(column 1\) is not of this sequence, which has 5 to 9"),
        ("10,-1,1,2,3,4,1", r"frame \(column 1\) is not of this sequence, which has 5 to 9"),
        ("5,-1,1,2,3,4,1.5", r"score \(column 7\) must lie in 0 to 1"),
        ("5,-1,1,2,3,4,-1", r"score \(column 7\) must lie in 0 to 1"),
        ("5,-1,1,nan,3,4,1", "not finite"),
        ("5,-1,1,2,0,4,1", r"width and height \(columns 5 and 6\) must be above 0"),
        ("5,-1,1,2,3,4,x", "is not a number"),
    ],
)
def test_a_broken_row_is_named(tmp_path: Path, line: str, complaint: str) -> None:
    (tmp_path / "a.txt").write_text(f"6,-1,1,2,3,4,1\n{line}\n")
    with pytest.raises(UserError, match=rf"a\.txt:2: .*{complaint}"):
        read_detections(tmp_path / "a.txt", (5, 9))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a\.txt: no such file"):
        read_detections(tmp_path / "a.txt", (5, 9))


def test_the_oracle_finds_what_scoring_counts() -> None:
    """A pedestrian, one that is not scored, one of another class, one unknown, one in an ignored region."""
    boxes = np.arange(20, dtype=np.float32).reshape(5, 4)
    objects = Objects(
        boxes,
        np.array([7, 8, 9, -1, 6]),
        np.array([1, 1, 3, 1, 1], np.int32),
        np.full(5, 0.5, np.float32),
        np.array([1, 0, 1, 1, 1], np.float32),
        np.array([0, 0, 0, 0, 1], np.bool_),
    )
    found = oracle(scored(objects))
    assert found.boxes.tolist() == [[0, 1, 2, 3]]
    assert (found.scores.tolist(), found.scores.dtype) == ([1.0], np.float32)


def test_boxes_of_several_classes_state_them_and_others_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("1,-1,0,0,5,5,0.5,18,-1,-1\n1,-1,9,0,5,5,0.75,1,-1,-1\n2,-1,9,0,5,5,0.75,1,-1,-1\n")
    said: list[str] = []
    found = read_detections(path, (1, 2), ("pedestrian", "cyclist"), said)
    assert said == [f"{path}: column 8 is read as the class: 2 pedestrian, 1 cyclist"]
    assert found[1].kinds.tolist() == [0, 1]
    assert found[2].kinds.tolist() == [0]
    assert read_detections(path, (1, 2))[1].kinds.tolist() == [0, 0], "where one class is tracked, all rows are that"
    with pytest.raises(UserError, match=r"a\.txt:1: class \(column 8\) must be the number of pedestrian, car"):
        read_detections(path, (1, 2), ("pedestrian", "car"))


def test_the_oracle_knows_classes() -> None:
    count = 3
    objects = Objects(
        np.zeros((count, 4), np.float32), np.arange(count), np.array([1, 18, 3], np.int32), *(np.ones(count, np.float32),) * 2
    )
    objects = Objects(**(vars(objects) | {"ignores": np.zeros(count, np.bool_)}))
    kept = scored(objects, ("cyclist", "pedestrian"))
    assert kept.classes.tolist() == [1, 18]
    assert oracle(kept, ("cyclist", "pedestrian")).kinds.tolist() == [1, 0]
