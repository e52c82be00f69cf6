"""Reading what is scored: lengths, ranges, mistakes in files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.files import mot_text
from pipeline.files.frames import Frame, FrameWriter, Objects
from pipeline.scoring.sequences import from_frames, from_text, with_results
from pipeline.scoring.tracking import score
from tests.pipeline.scoring.text import write_lines, write_truth
from tests.shared import dataset


def truth(frames: int) -> list[list[float]]:
    return [[frame, 1, 10.125, 20, 30.25, 60, 1, 1, 1] for frame in range(1, frames + 1)]


def results(*frames: int) -> list[list[float]]:
    return [[frame, 1, 10.125, 20, 30.25, 60, 1, -1, -1, -1] for frame in frames]


@pytest.mark.parametrize(
    ("stated", "images", "length", "remark"),
    [
        (None, 0, 4, None),
        (4, 0, 4, None),
        (6, 0, 6, "boxes after it count as false positives"),
        (3, 0, 4, "seqinfo.ini says 3 frames, ground truth ends at 4: scored as 4"),
        (600, 5, 5, "seqinfo.ini says 600 frames, img1 ends at 5: scored as 5"),
        (None, 2, 4, None),
    ],
)
def test_length(tmp_path: Path, stated: int | None, images: int, length: int, remark: str | None) -> None:
    write_truth(tmp_path / "gt", "s", truth(4), stated)
    write_lines(tmp_path / "tracks" / "s.txt", results(1))
    for number in range(1, images + 1):
        (tmp_path / "gt" / "s" / "img1").mkdir(exist_ok=True)
        (tmp_path / "gt" / "s" / "img1" / f"{number:06d}.jpg").touch()
    found, remarks = from_text(tmp_path / "gt", tmp_path / "tracks")
    assert found[0].frames.tolist() == list(range(1, length + 1))
    assert (remark is None and not remarks) or (remark is not None and remark in remarks[0])


def test_one_sequence_may_be_the_root(tmp_path: Path) -> None:
    write_truth(tmp_path, "s", truth(2))
    write_lines(tmp_path / "s.txt", results(1, 2))
    found, _ = from_text(tmp_path / "s", tmp_path)
    assert [item.name for item in found] == ["s"]
    assert score(found, "MOT17").combined.HOTA == 100


def test_boxes_are_those_of_the_file(tmp_path: Path) -> None:
    write_truth(tmp_path, "s", truth(1))
    (tmp_path / "s.txt").write_text("\n1,1,0.1,1000.123456,3.3,4.4,1\n")
    found, _ = from_text(tmp_path, tmp_path)
    assert found[0].results.boxes.tolist() == [[0.1, 1000.123456, 3.3, 4.4]]


def test_an_empty_result_file_is_all_missed(tmp_path: Path) -> None:
    write_truth(tmp_path, "s", truth(3))
    (tmp_path / "s.txt").touch()
    assert score(from_text(tmp_path, tmp_path)[0], "MOT17").combined.FN == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,1,1,1,5,5,1\n1,1,2,2,5,5,1\n", r"s\.txt:2: id 1 is in frame 1 twice"),
        ("1,1,1,1,5,5,1\n5,1,2,2,5,5,1\n", r"s\.txt:2: frame 5 is not scored, allowed are 1 to 4"),
        ("0,1,1,1,5,5,1\n", r"s\.txt:1: frame \(column 1\) must be a whole number from 1"),
        ("1,1,1,1,5,5,1\n\n2,1,a,2,5,5,1\n", r"s\.txt:3: .*a.* is not a number"),
        ("1,1,1,1,5,5\n", r"s\.txt:1: 6 columns"),
        ("1,1,1,1,5,5,1\n2,1,1,1,0,5,1\n", r"s\.txt:2: width and height"),
    ],
)
def test_a_mistake_names_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    write_truth(tmp_path, "s", truth(4))
    (tmp_path / "s.txt").write_text(text)
    with pytest.raises(UserError, match=message):
        from_text(tmp_path, tmp_path)


def test_a_missing_result_file_is_named(tmp_path: Path) -> None:
    write_truth(tmp_path / "gt", "s", truth(4))
    (tmp_path / "tracks").mkdir()
    with pytest.raises(UserError, match=r"tracks/s\.txt: no results"):
        from_text(tmp_path / "gt", tmp_path / "tracks")
    with pytest.raises(UserError, match="nowhere: no such folder"):
        from_text(tmp_path / "gt", tmp_path / "nowhere")


def test_missing_ground_truth_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"<sequence>/gt/gt\.txt"):
        from_text(tmp_path, tmp_path)


def test_result_files_without_ground_truth_are_mentioned(tmp_path: Path) -> None:
    write_truth(tmp_path / "gt", "s", truth(2))
    for name in ("s", "test-01"):
        write_lines(tmp_path / "tracks" / f"{name}.txt", results(1, 2))
    assert "test-01" in from_text(tmp_path / "gt", tmp_path / "tracks")[1][0]


@pytest.mark.parametrize("content", ["seqLength=5\n", "[Sequence]\nseqLength=many\n"])
def test_a_broken_seqinfo_is_named(tmp_path: Path, content: str) -> None:
    write_truth(tmp_path, "s", truth(2))
    write_lines(tmp_path / "s.txt", results(1))
    (tmp_path / "s" / "seqinfo.ini").write_text(content)
    with pytest.raises(UserError, match=r"seqinfo\.ini: cannot be read"):
        from_text(tmp_path, tmp_path)


def test_the_mini_set_is_as_long_as_its_images(tmp_path: Path) -> None:
    root = dataset("MOT17-mini") / "train"
    for folder in root.iterdir():
        (tmp_path / f"{folder.name}.txt").touch()
    found, remarks = from_text(root, tmp_path)
    assert sum(len(item.frames) for item in found) == 39
    assert any("MOT17-02-FRCNN: seqinfo.ini says 600 frames, img1 ends at 4" in remark for remark in remarks)


def test_the_ground_truth_of_mot17_is_perfect_as_its_own_result(tmp_path: Path) -> None:
    root = dataset("MOT17-train-gt")
    for name in ("MOT17-09-FRCNN", "MOT17-13-FRCNN"):
        lines = (root / name / "gt" / "gt.txt").read_text().splitlines()
        (tmp_path / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines if line.split(",")[6] == "1"))
        found, _ = from_text(root / name, tmp_path)
        combined = score(found, "MOT17").combined
        assert pytest.approx([100, 100, 100]) == [combined.HOTA, combined.MOTA, combined.IDF1]


def frame_file(path: Path, numbers: list[int]) -> None:
    """A sequence of one person whose text had three decimals."""
    boxes = np.array([[631.03, 242.117, 631.03 + 42.338, 242.117 + 81.074], [1, 1, 5, 5]], np.float32)
    objects = Objects(
        boxes,
        np.array([3, 4], np.int64),
        np.array([1, 7], np.int32),
        np.ones(2, np.float32),
        np.array([1, 0], np.float32),
        np.zeros(2, np.bool_),
    )
    facts = {"dataset": "d", "sequence": path.stem, "kind": "video", "frame_rate": 7.0, "ground_truth": True}
    path.parent.mkdir(parents=True, exist_ok=True)
    with FrameWriter(path, facts) as writer:
        for number in numbers:
            writer.write(Frame("d", path.stem, number, 0.0, 768, 576, b"x", objects))


def test_frame_files_give_the_numbers_of_the_text(tmp_path: Path) -> None:
    frame_file(tmp_path / "s.parquet", [1, 2, 4, 5])
    write_lines(tmp_path / "s.txt", [[4, 9, 631.03, 242.117, 42.338, 81.074, 1]])
    found = from_frames(tmp_path / "s.parquet", tmp_path, (2, 4))
    assert found.frames.tolist() == [2, 4]
    np.testing.assert_array_equal(found.truth.boxes[0], [631.03, 242.117, 42.338, 81.074])
    assert found.truth.class_id.tolist() == [1, 7, 1, 7]
    assert found.truth.confidence.tolist() == [1, 0, 1, 0]
    combined = score([found], "MOT17").combined
    assert (combined.FN, combined.FP, combined.truth_boxes) == (1, 0, 2)


def test_a_row_outside_the_held_out_part_is_named(tmp_path: Path) -> None:
    frame_file(tmp_path / "s.parquet", [1, 2, 3, 4])
    write_lines(tmp_path / "s.txt", results(3, 2))
    with pytest.raises(UserError, match=r"s\.txt:2: frame 2 is not scored, allowed are 3 to 4"):
        from_frames(tmp_path / "s.parquet", tmp_path, (3, 4))


def test_a_sequence_without_objects_can_be_scored(tmp_path: Path) -> None:
    facts = {"dataset": "d", "sequence": "s", "kind": "video", "frame_rate": 7.0, "ground_truth": True}
    with FrameWriter(tmp_path / "s.parquet", facts) as writer:
        writer.write(Frame("d", "s", 1, 0.0, 768, 576, b"x"))
    write_lines(tmp_path / "s.txt", results(1))
    assert score([from_frames(tmp_path / "s.parquet", tmp_path)], "MOT17").combined.FP == 1


def test_results_from_memory_are_those_of_the_written_file(tmp_path: Path) -> None:
    """To the last digit, ties of rounding included, and in the file's order."""
    random = np.random.default_rng(0)
    count = 2000
    left_top = np.concatenate([random.uniform(-50, 1900, (count - 4, 2)), [[0.125, 0.375], [1e-7, 2.675], [-0.004, 0], [5, 5]]])
    boxes = np.concatenate([left_top, left_top + random.uniform(0.01, 300, (count, 2))], axis=1).astype(np.float32)
    found = mot_text.rows(
        random.integers(1, 81, count).astype(np.int32), random.permutation(count), boxes, random.random(count).astype(np.float32)
    )
    write_truth(tmp_path / "gt", "s", truth(80))
    mot_text.write_results(tmp_path / "s.txt", found)
    (read,), _ = from_text(tmp_path / "gt", tmp_path)
    given = with_results(read, found)
    for name, values in vars(read.results).items():
        np.testing.assert_array_equal(getattr(given.results, name), values, strict=True)
    assert given.truth is read.truth
    assert score([given], "MOT17") == score([read], "MOT17")


def test_results_of_frames_that_do_not_count_are_refused(tmp_path: Path) -> None:
    write_truth(tmp_path / "gt", "s", truth(3))
    write_lines(tmp_path / "s.txt", results(1))
    (read,), _ = from_text(tmp_path / "gt", tmp_path)
    late = mot_text.rows(np.array([4], np.int32), np.array([1]), np.array([[0, 0, 5, 5]], np.float32), np.ones(1, np.float32))
    with pytest.raises(UserError, match="frame 4 is not scored, allowed are 1 to 3"):
        with_results(read, late)


def test_ground_truth_can_be_read_before_there_are_results(tmp_path: Path) -> None:
    box = np.array([[10, 20, 40, 80]], np.float32)
    one = np.ones(1, np.float32)
    objects = Objects(box, np.array([1]), np.array([1], np.int32), one, one, np.zeros(1, np.bool_))
    with FrameWriter(tmp_path / "s.parquet", {}) as writer:
        for number in range(1, 4):
            writer.write(Frame("d", "s", number, number / 10, 64, 96, b"", objects))
    bare = from_frames(tmp_path / "s.parquet", None, (2, 3))
    assert (score([bare], "MOT17").combined.FN, len(bare.results.frame)) == (2, 0)
    found = mot_text.rows(np.array([2, 3], np.int32), np.array([1, 1]), np.repeat(box, 2, axis=0), np.ones(2, np.float32))
    assert score([with_results(bare, found)], "MOT17").combined.HOTA == 100
