from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.files import mot_text
from pipeline.files.mot_text import Kind, read_rows, rows, write_results
from tests.shared import dataset


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "gt.txt"
    path.write_text(text)
    return path


def test_nine_columns_name_class_and_visibility(tmp_path: Path) -> None:
    found = read_rows(written(tmp_path, "2,7,10,20,30,40.5,0,8,0.25\n"), kind="ground_truth")
    assert (found.frame[0], found.identity[0], found.confidence[0], found.class_id[0], found.visibility[0]) == (2, 7, 0, 8, 0.25)
    np.testing.assert_array_equal(found.boxes, [[10, 20, 40, 60.5]])
    assert found.boxes.dtype == np.float32


def test_ten_columns_are_world_coordinates_not_classes(tmp_path: Path) -> None:
    found = read_rows(written(tmp_path, "1,9,499,158,31.03,75.17,1,-4.1554,-7.3591,0\n"), kind="ground_truth")
    assert (found.class_id[0], found.visibility[0]) == (1, 1)


def test_detections_have_scores_of_any_sign_and_no_identity(tmp_path: Path) -> None:
    found = read_rows(written(tmp_path, "1,-1,1,2,3,4,-0.5\n1,-1,1,2,3,4,93\n"), kind="detections")
    assert found.confidence.tolist() == [-0.5, 93]
    assert found.identity.tolist() == [-1, -1]


@pytest.mark.parametrize("text", ["", "\n\n", "  \n"])
def test_a_file_without_rows_is_valid(tmp_path: Path, text: str) -> None:
    found = read_rows(written(tmp_path, text), kind="ground_truth")
    assert found.boxes.shape == (0, 4)


def test_blank_lines_windows_ends_and_a_byte_order_mark_do_not_shift_line_numbers(tmp_path: Path) -> None:
    found = read_rows(written(tmp_path, "\ufeff1,1,1,1,5,5,1\r\n\r\n2,1,1,1,5,5,1\r\n"), kind="results")
    assert found.line.tolist() == [1, 3]


GOOD = "1,1,10,20,30,40,1,1,0.5\n"


@pytest.mark.filterwarnings("error::RuntimeWarning")  # numpy's, where a remainder of infinity is taken
@pytest.mark.parametrize(
    ("line", "kind", "complaint"),
    [
        ("2,1,10,20,30", "ground_truth", "5 columns where the file's other lines have 9"),
        ("2,1,10,abc,30,40,1,1,0.5", "ground_truth", "'abc' is not a number"),
        ("2,1,10,20,30,40,,1,0.5", "ground_truth", "'' is not a number"),
        ("2,1,10,nan,30,40,1,1,0.5", "ground_truth", "not finite"),
        ("inf,1,10,20,30,40,1,1,0.5", "ground_truth", "not finite"),
        ("2,-1e999,10,20,30,40,1,inf,0.5", "ground_truth", "not finite"),
        ("0,1,10,20,30,40,1,1,0.5", "ground_truth", "frame (column 1) must be a whole number from 1"),
        ("1.5,1,10,20,30,40,1,1,0.5", "ground_truth", "frame (column 1)"),
        ("2,0.5,10,20,30,40,1,1,0.5", "ground_truth", "id (column 2) must be a whole number from -1"),
        ("2,-1,10,20,30,40,1,1,0.5", "results", "id (column 2) must be a whole number from 0"),
        ("2,1,10,20,0,40,1,1,0.5", "ground_truth", "width and height (columns 5 and 6) must be above 0"),
        ("2,1,10,20,30,40,1,1.5,0.5", "ground_truth", "class (column 8)"),
        ("1,1,11,20,30,40,1,1,0.5", "ground_truth", "id 1 is in frame 1 twice (first in line 1)"),
        ("1,1,11,20,30,40,1,1,0.5", "results", "id 1 is in frame 1 twice (first in line 1)"),
    ],
)
def test_a_broken_line_is_named_with_file_and_line(tmp_path: Path, line: str, kind: Kind, complaint: str) -> None:
    path = written(tmp_path, GOOD + line + "\n")
    with pytest.raises(UserError) as caught:
        read_rows(path, kind=kind)
    assert f"{path}:2: " in str(caught.value)
    assert complaint in str(caught.value)
    assert "next:" in str(caught.value)


def test_broken_lines_can_be_listed_and_left_out(tmp_path: Path) -> None:
    defects: list[str] = []
    path = written(tmp_path, "broken\n" + GOOD + "2,1,10,20,-30,40,1,1,0.5\n3,1,10,20,30,40,1,1,0.5\n")
    found = read_rows(path, kind="ground_truth", defects=defects)
    assert found.frame.tolist() == [1, 3]
    assert [line.split(": ")[0] for line in defects] == [f"{path}:1", f"{path}:3"]


def test_unknown_identities_may_share_a_frame(tmp_path: Path) -> None:
    found = read_rows(written(tmp_path, "1,-1,1,1,5,5,1\n1,-1,9,1,5,5,1\n"), kind="ground_truth")
    assert len(found.frame) == 2


def test_many_broken_lines_are_summed_up(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD + "x\n" * 30)
    with pytest.raises(UserError, match=r"and 25 more lines"):
        read_rows(path, kind="ground_truth")


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.write_bytes(b"\xff\xfe\x00\x01")])
def test_a_missing_or_binary_file_is_a_plain_error(tmp_path: Path, make: object) -> None:
    path = tmp_path / "gt.txt"
    make(path)  # type: ignore[operator]
    with pytest.raises(UserError, match=r"gt\.txt"):
        read_rows(path, kind="ground_truth")


def test_results_are_ordered_and_come_back(tmp_path: Path) -> None:
    boxes = np.array([[1.234, 2, 11.5, 22], [5, 6, 7, 8]], np.float32)
    found = rows(np.array([2, 1], np.int32), np.array([4, 9]), boxes, np.array([0.5, 0.98761], np.float32))
    path = tmp_path / "seq.txt"
    write_results(path, found)
    assert path.read_text() == "1,9,5.00,6.00,2.00,2.00,0.9876,-1,-1,-1\n2,4,1.23,2.00,10.27,20.00,0.5000,-1,-1,-1\n"
    again = read_rows(path, kind="results")
    assert again.identity.tolist() == [9, 4]
    np.testing.assert_allclose(again.boxes, boxes[::-1], atol=0.011)


def test_pets_ground_truth() -> None:
    found = read_rows(dataset("PETS09-S2L1") / "gt/gt.txt", kind="ground_truth")
    assert (len(found.frame), found.frame.max(), len(set(found.identity.tolist()))) == (4650, 795, 19)
    assert (found.confidence == 0).sum() == 174
    assert set(found.class_id.tolist()) == {1}


def test_mot17_ground_truth_and_detections() -> None:
    folder = dataset("MOT17-mini") / "train/MOT17-04-FRCNN"
    found = read_rows(folder / "gt/gt.txt", kind="ground_truth")
    assert (len(found.frame), found.class_id.max(), found.frame.max()) == (792, 11, 8)
    assert len(read_rows(folder / "det/det.txt", kind="detections").frame) == 28406


def test_the_quick_way_through_flawless_files_gives_what_the_careful_one_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random files, some with what only one of the two might take for a number or for the end of a line."""
    draw, path, quick = random.Random(3), tmp_path / "a.txt", mot_text._plain_numbers
    odd = ["nan", "", " ", "1_0", "0x10", "1e3", " 5 ", "+3", "#1", "1\x0b", "2\r", "\u0663"]
    taken = 0
    for _ in range(300):
        width, ends = draw.choice([6, 7, 8, 9, 10]), ["\n"] * 12 + ["\r\n", "\n\n", "\u2028", "\n \n"]
        cells = [[str(draw.choice([1, 2, 3.25, 4])) for _ in range(width - draw.choice([0] * 40 + [1]))] for _ in range(draw.randint(0, 5))]
        if cells and draw.random() < 0.3:
            cells[-1][-1] = draw.choice(odd)
        path.write_text("".join(",".join(row) + draw.choice(ends) for row in cells).rstrip(draw.choice(["", "\n"])), newline="")
        taken += quick(path.read_text(), "ground_truth") is not None
        found = []
        for way in (quick, lambda *_: None):
            monkeypatch.setattr(mot_text, "_plain_numbers", way)
            defects: list[str] = []
            rows = read_rows(path, kind="ground_truth", defects=defects)
            found.append((defects, [(np.asarray(column).dtype, np.asarray(column).tolist()) for column in rows]))
        assert repr(found[0]) == repr(found[1])
    assert taken > 50


def test_results_state_classes_where_several_are_tracked_and_read_them_back(tmp_path: Path) -> None:
    boxes = np.array([[0, 0, 10, 20], [5, 0, 15, 20]], np.float32)
    found = rows(np.array([1, 1], np.int32), np.array([2, 1]), boxes, np.array([0.5, 0.75], np.float32))
    found = found._replace(class_id=np.array([18, 1], np.int32))
    write_results(tmp_path / "one.txt", found)
    assert (tmp_path / "one.txt").read_text() == "1,1,5.00,0.00,10.00,20.00,0.7500,-1,-1,-1\n1,2,0.00,0.00,10.00,20.00,0.5000,-1,-1,-1\n"
    assert read_rows(tmp_path / "one.txt", kind="results").class_id.tolist() == [1, 1]
    several = found._replace(states_class=True)
    write_results(tmp_path / "several.txt", several)
    assert [line.split(",")[7] for line in (tmp_path / "several.txt").read_text().splitlines()] == ["1", "18"]
    read = read_rows(tmp_path / "several.txt", kind="results").class_id
    assert read.tolist() == mot_text.stated(several).class_id.tolist() == [1, 18]
    assert mot_text.stated(found).class_id.tolist() == [1, 1]
