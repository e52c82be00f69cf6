"""MOTChallenge text: identities, columns, flags, classes, separators, time stamps and masks."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.files.mot_text import Kind, read_rows
from pipeline.scoring.rules import Benchmark
from tests.inputs.scored import lines, scored

GOOD = ("1,1,1", "1,1,1")
TRACKED = ("0.9,-1,-1,-1", "0.9,-1,-1,-1")


@pytest.mark.parametrize(
    "ids",
    [
        (3000000001, 3000000002),  # above 32 bits, as DeepStream counts (Savant#959)
        (2**53, 2**53 + 1),  # which a float64 makes one
        (2**63 - 2, 2**63 - 1),  # the largest
        ("9007199254740993", '"9007199254740992"'),  # in quotes as well
    ],
)
def test_large_identities_stay_apart(tmp_path: Path, ids: tuple[object, object]) -> None:
    found, _ = scored(tmp_path, lines(ids, GOOD), lines(ids, TRACKED))
    assert (found.MOTA, found.IDF1, found.IDSW, found.truth_identities) == (100, 100, 0, 2)


@pytest.mark.parametrize("key", [2**63, 10**20, "1e19"])
def test_identities_beyond_64_bits_are_refused_by_their_number(tmp_path: Path, key: object) -> None:
    with pytest.raises(UserError, match=rf"gt\.txt:2: id \(column 2\) is {int(float(str(key)))}; the largest that is read is {2**63 - 1}"):
        scored(tmp_path, lines((1, key), GOOD), lines((1, 2), TRACKED))


WORLD = ("1,-4.15,-7.36,0", "1,3.5,2,0")
COLUMNS = [
    # what follows the two boxes; class and visibility of each; what the remark says
    pytest.param(("1,1,1,-1", "1,3,1,-1"), (1, 3), (1, 1), "class and visibility", id="class and visibility of ten columns (boxmot#1473)"),
    pytest.param(("1,1,0.4,0", "1,3,0.5,0"), (1, 3), (0.4, 0.5), "class and visibility", id="a zero at the end"),
    pytest.param(("1,1,0,1", "1,4,1,2"), (1, 3), (1, 1), "VisDrone", id="VisDrone: pedestrian and car"),
    pytest.param(("0,0,0,0", "1,10,0,0"), (13, 5), (1, 1), "VisDrone", id="VisDrone: ignored region and motor"),
    pytest.param(WORLD, (1, 1), (1, 1), None, id="MOT15's world coordinates"),
    pytest.param(("1,-1,-1,-1", "1,-1,-1,-1"), (1, 1), (1, 1), None, id="nothing stated in ten columns"),
    pytest.param(("1,-1,-1", "1,-1,-1"), (1, 1), (1, 1), "column 8 is -1 throughout", id="nothing stated in nine columns"),
    pytest.param(("1,1,2", "1,3,0"), (1, 3), (1, 1), "column 9 is not read: it goes from 0 to 2", id="levels of occlusion"),
    pytest.param(("1,1,85.5", "1,3,40"), (1, 3), (1, 1), "from 40 to 85.5", id="per cent"),
    pytest.param(("1,0.83,1", "1,0.5,1"), (1, 1), (1, 1), "column 8 is not read", id="a visibility in the place of the class"),
    pytest.param(("1,1,0.5", "1,1,0.7"), (1, 1), (0.5, 0.7), None, id="MOT17"),
]


@pytest.mark.parametrize(("tails", "classes", "seen", "remark"), COLUMNS)
def test_columns_are_judged_by_what_they_hold(
    tmp_path: Path, tails: tuple[str, str], classes: tuple[int, int], seen: tuple[float, float], remark: str | None
) -> None:
    path, said = tmp_path / "gt.txt", list[str]()
    path.write_text(lines((1, 2), tails))
    found = read_rows(path, kind="ground_truth", remarks=said)
    assert tuple(found.class_id[:2].tolist()) == classes
    assert found.visibility[:2].tolist() == pytest.approx(seen)
    assert (not said) if remark is None else (remark in said[0] and str(path) in said[0])


@pytest.mark.parametrize("benchmark", ["MOT16", "MOT17", "MOT20", "DanceTrack"])
def test_coordinates_of_the_world_are_no_classes_to_score_by(tmp_path: Path, benchmark: Benchmark) -> None:
    with pytest.raises(UserError, match=r"gt\.txt:1: columns 8 to 10 are coordinates of the world .*\nnext: .*MOT15"):
        scored(tmp_path, lines((1, 2), WORLD), lines((1, 2), TRACKED), benchmark)
    assert scored(tmp_path, lines((1, 2), WORLD), lines((1, 2), TRACKED), "MOT15")[0].MOTA == 100


def test_a_class_among_ten_columns_is_scored_as_trackeval_does(tmp_path: Path) -> None:
    found, _ = scored(tmp_path, lines((1, 2), ("1,1,1,-1", "1,3,1,-1")), lines((1,), TRACKED[:1]))
    assert (found.MOTA, found.FN) == (100, 0)


def test_a_visibility_outside_its_range_is_said_and_not_clipped(tmp_path: Path) -> None:
    path, said = tmp_path / "gt.txt", list[str]()
    path.write_text(lines((1, 2, 3), ("1,1,0.5", "1,1,-0.01", "1,1,0.25")))
    assert read_rows(path, kind="ground_truth", remarks=said).visibility[:3].tolist() == [0.5, 1, 0.25]
    assert "4 visibilities (column 9) lie outside 0 to 1, as -0.01 does; read as 1" in said[0]


FOUND = [
    # ids and what follows the box in the file of a detector, and what is said of it
    pytest.param((-1, -1), ("0.9", "0.8"), None, id="seven columns"),
    pytest.param((-1, -1), ("0.9,-1,-1,-1", "0.8,-1,-1,-1"), None, id="MOT17's ten columns"),
    pytest.param((-1, -1), ("0.9,1,1", "0.8,1,1"), None, id="pedestrians"),
    pytest.param((-1, -1), ("0.9,0,-1,-1", "0.8,0,-1,-1"), None, id="persons among YOLO's classes"),
    pytest.param((-1, -1), ("0.9,0", "0.8,2"), "column 8 may be a class (it holds 0, 2); it is not read", id="YOLO's classes"),
    pytest.param((-1, -1), ("0.9,1,-1,-1", "0.8,3,-1,-1"), "(it holds 1, 3)", id="classes as results have them (boxmot#883)"),
    pytest.param((-1, -1), ("0.9,3,1", "0.8,3,1"), "(it holds 3)", id="cars alone"),
    pytest.param((-1, -1), ("0.9,4.5,1,0", "0.8,2.5,1,0"), None, id="MOT15's coordinates of the world"),
    pytest.param((-1, -1), ("0.9,0.25", "0.8,0.5"), "columns 8 and beyond are not read, every", id="a second score"),
    pytest.param((-1, -1), ("0.9,1,0.5", "0.8,1,0.25"), "column 9 is not read; it goes from 0.25 to 0.5", id="a visibility"),
    pytest.param((4, 7), ("0.9", "0.8"), "ids (column 2) go up to 7; detections have none", id="a tracker's output"),
]


@pytest.mark.parametrize(("ids", "tails", "remark"), FOUND)
def test_what_is_not_read_of_detections_is_said(tmp_path: Path, ids: tuple[int, int], tails: tuple[str, str], remark: str | None) -> None:
    path, said = tmp_path / "det.txt", list[str]()
    path.write_text(lines(ids, tails))
    assert set(read_rows(path, kind="detections", remarks=said).class_id.tolist()) == {1}
    assert [(str(path) in line, remark in line) for line in said] == [(True, True)] if remark else not said


@pytest.mark.parametrize("flag", ["0.87", "0.1", "-0.5", "0.999"])
def test_flags_between_0_and_1_are_read_as_trackeval_reads_them_and_said(tmp_path: Path, flag: str) -> None:
    found, remarks = scored(tmp_path, lines((1, 2), (f"{flag},1,1", f"{flag},1,1")), lines((1, 2), TRACKED))
    assert (found.FN, found.FP, found.truth_boxes) == (0, 8, 0)
    assert f"8 flags (column 7) lie between 0 and 1, as {flag} in line 1; read as 0" in remarks[0]


@pytest.mark.parametrize("flag", ["1", "-1", "2.5", "1.0"])
def test_other_flags_are_scored_without_a_word(tmp_path: Path, flag: str) -> None:
    found, remarks = scored(tmp_path, lines((1, 2), (f"{flag},1,1", f"{flag},1,1")), lines((1, 2), TRACKED))
    assert (found.MOTA, remarks) == (100, [])


@pytest.mark.parametrize("benchmark", ["MOT15", "MOT16", "MOT17", "MOT20", "DanceTrack"])
@pytest.mark.parametrize("tail", ["0.9,3,-1", "0.9,2", "0.9,7,1,-1"])  # TrackEval refuses each
def test_results_of_other_classes_are_refused(tmp_path: Path, benchmark: Benchmark, tail: str) -> None:
    kind = tail.split(",")[1]
    with pytest.raises(UserError, match=rf"S: the results have class {kind} \(column 8\) in frame 1 \(4 such rows\); {benchmark} scores"):
        scored(tmp_path, lines((1, 2), GOOD), lines((1, 2), (tail.replace(kind, "1", 1), tail)), benchmark)


@pytest.mark.parametrize("tail", ["0.9,0,-1", "0.9,1", "0.9,-1,-1,-1", "0.9"])  # 0: a person among YOLO's classes
def test_results_of_pedestrians_are_scored(tmp_path: Path, tail: str) -> None:
    assert scored(tmp_path, lines((1, 2), GOOD), lines((1, 2), (tail, tail)))[0].MOTA == 100


def test_results_of_several_classes_are_compared_where_no_class_counts(tmp_path: Path) -> None:
    found, remarks = scored(tmp_path, lines((1, 2), GOOD), lines((1, 2), ("0.9,1,-1", "0.9,3,-1")), "none")
    assert found.MOTA == 100
    assert remarks == ["S: the results have classes [1, 3]; the benchmark none compares boxes of any class"]


def test_world_coordinates_of_results_are_no_classes(tmp_path: Path) -> None:
    found, remarks = scored(tmp_path, lines((1, 2), GOOD), lines((1, 2), ("0.9,4.25,1,0", "0.9,7.5,1,0")))
    assert (found.MOTA, len(remarks)) == (100, 1)
    assert "column 8 is not read: it is 4.25 in line 1" in remarks[0]


SEPARATED = [
    pytest.param(lambda text: text.replace(",", " ").replace("\n", " \n"), "blanks", id="blanks, one at the end (boxmot#1141)"),
    pytest.param(lambda text: text.replace(",", "\t"), "blanks", id="tabs"),
    pytest.param(lambda text: text.replace(",", ";"), "semicolons", id="semicolons"),
    pytest.param(lambda text: text.replace(".", "§").replace(",", ";").replace("§", ","), "semicolons", id="decimal commas"),
    pytest.param(lambda text: text.replace(",", "   "), "blanks", id="aligned columns"),
    pytest.param(lambda text: text.replace("\n", ",\n"), None, id="a comma at the end"),
    pytest.param(lambda text: text.replace(",", ", "), None, id="a blank after each comma"),
    pytest.param(lambda text: '"' + text.strip().replace(",", '","').replace("\n", '"\n"') + '"', None, id="quotes"),
    pytest.param(lambda text: "".join(f'"{line}"\n' for line in text.splitlines()), None, id="lines in quotes"),
]


@pytest.mark.parametrize(("change", "said"), SEPARATED)
@pytest.mark.parametrize("tail", ["0.9", "0.9,-1,-1,-1"])
def test_separators(tmp_path: Path, change: object, said: str | None, tail: str) -> None:
    assert callable(change)
    found, remarks = scored(tmp_path, change(lines((1, 2), GOOD)), change(lines((1, 2), (tail, tail))))
    assert (found.MOTA, found.IDF1) == (100, 100)
    assert len(remarks) == (0 if said is None else 2)
    assert said is None or all(f"columns are separated by {said}" in line for line in remarks)


@pytest.mark.parametrize("mark", ["|", ":", "/"])
def test_a_foreign_separator_is_named(tmp_path: Path, mark: str) -> None:
    with pytest.raises(UserError) as caught:
        scored(tmp_path, lines((1, 2), GOOD), lines((1, 2), TRACKED, separator=mark))
    assert f"S.txt:1: 1 columns (these seem to be separated by '{mark}')" in str(caught.value)


STAMPS = (1629384756, 1629384757, 1629384758)  # seconds (scenescape#1864)
SPARSE = [STAMPS, (5, 900_000, 2_000_000_000), (2**31 - 3, 2**31 - 2, 2**31 - 1)]


@pytest.mark.parametrize("frames", SPARSE)
def test_time_stamps_as_frame_numbers_cost_no_memory(tmp_path: Path, frames: tuple[int, ...]) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found, remarks = scored(tmp_path, lines((1, 2), GOOD, frames), lines((1, 2), TRACKED, frames[:2]))
    assert (found.truth_boxes, found.FN, found.FP, found.IDSW) == (6, 2, 0, 0)
    assert f"S: frames are numbered up to {frames[-1]}; the 3 that have rows are scored" in remarks
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KB


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ((1629384756123, 1629384756163), r"S\.txt:1: frame \(column 1\) is above 2147483647, the largest that is read"),  # milliseconds
        ((1629384759,), r"S\.txt:1: frame 1629384759 is not scored, allowed are 1 to 1629384758 \(2 such rows\)"),
        ((1629384756.5,), r"S\.txt:1: frame \(column 1\) must be a whole number"),
    ],
)
def test_time_stamps_that_cannot_be_frames(tmp_path: Path, frames: tuple[float, ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        scored(tmp_path, lines((1, 2), GOOD, STAMPS), lines((1, 2), TRACKED, frames))


def test_results_in_shares_of_the_image_are_remarked_upon(tmp_path: Path) -> None:
    shares = "".join(f"{frame},{key},0.{key},0.3,0.1,0.4,0.9,-1,-1,-1\n" for frame in (1, 2, 3, 4) for key in (1, 2))
    _, remarks = scored(tmp_path, lines((1, 2), GOOD), shares)
    assert [line.rpartition("S.txt: ")[2].partition(";")[0] for line in remarks] == ["no box reaches beyond the first pixel"]


MASKS = "1 2001 2 1080 1920 WSV:2d;1O10000O10\n"
HEADS = lines((1, 2, 3, 4), ("1,1,1", "1,2,1", "1,3,1", "1,4,1"))


@pytest.mark.parametrize(("truth", "results"), [(MASKS, MASKS), (MASKS, lines((1, 2), TRACKED)), (lines((1, 2), GOOD), MASKS)])
def test_masks_are_refused_with_a_clear_word(tmp_path: Path, truth: str, results: str) -> None:
    with pytest.raises(UserError, match=r"(?s)txt: holds masks \(MOTS: .*boxes alone are scored.*evaluate --task mots"):
        scored(tmp_path, truth, results)


@pytest.mark.parametrize("folder", ["HT21/train/HT21-01", "sets/CroHD/train/a", "Head_Tracking_21/b"])
def test_head_tracking_has_classes_of_its_own(tmp_path: Path, folder: str) -> None:
    from pipeline.scoring.sequences import TextSequence, read_text

    (tmp_path / folder / "gt").mkdir(parents=True)
    (tmp_path / folder / "gt/gt.txt").write_text(HEADS)
    (tmp_path / "r.txt").write_text(lines((1, 2), TRACKED))
    found, remarks = read_text(TextSequence(tmp_path / folder, tmp_path / "r.txt"))
    np.testing.assert_array_equal(found.truth.class_id[:4], [1, 7, 13, 2])
    assert "classes are head tracking's" in remarks[0]


@pytest.mark.parametrize("kind", ["ground_truth", "results", "detections"])
def test_flawless_files_of_the_format_need_no_remark(tmp_path: Path, kind: Kind) -> None:
    path, said = tmp_path / "a.txt", list[str]()
    path.write_text(lines((-1, -1) if kind == "detections" else (1, 2), GOOD if kind == "ground_truth" else TRACKED))
    read_rows(path, kind=kind, remarks=said)
    assert said == []
