"""Tracking scores: against TrackEval on the files themselves, and cases worked out by hand."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.scoring.rules import BENCHMARKS, Benchmark
from pipeline.scoring.sequences import Rows, ScoredSequence, from_text
from pipeline.scoring.tracking import score
from tests.pipeline.scoring.text import figures, perturbed, trackeval_alone, write_lines, write_truth
from tests.shared import dataset

BOX = [100.0, 100.0, 40.0, 80.0]
FAR = [500.0, 100.0, 40.0, 80.0]


def rows(*lines: tuple[int, int, list[float]], flag: float = 1, class_id: int = 1, ignore: bool = False) -> Rows:
    """Rows of (frame, identity, left-top-width-height)."""
    frame, identity, boxes = zip(*lines, strict=True) if lines else ((), (), ())
    count = len(lines)
    return Rows(
        np.array(frame, np.int64),
        np.array(identity, np.int64),
        np.array(boxes, np.float64).reshape(-1, 4),
        np.full(count, flag, np.float64),
        np.full(count, class_id, np.int64),
        np.full(count, ignore, np.bool_),
    )


def joined(*parts: Rows) -> Rows:
    fields = [name for name in Rows.__dataclass_fields__ if name != "shapes"]
    return Rows(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in fields})


def sequence(truth: Rows, results: Rows, frames: int = 4, name: str = "s") -> ScoredSequence:
    return ScoredSequence(name, np.arange(1, frames + 1), truth, results)


def walk(identity: int = 1, frames: range = range(1, 5), box: list[float] = BOX) -> Rows:
    return rows(*((frame, identity, box) for frame in frames))


@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_truth_as_result_is_perfect(benchmark: Benchmark) -> None:
    found = score([sequence(walk(), walk(7))], benchmark).combined
    assert pytest.approx([100] * 4) == [found.HOTA, found.MOTA, found.IDF1, found.MOTP]
    assert (found.IDSW, found.FP, found.FN, found.MT, found.ML, found.Frag) == (0, 0, 0, 1, 0, 0)


def test_nothing_tracked_is_all_missed() -> None:
    found = score([sequence(walk(), rows())], "MOT17").combined
    assert (found.FN, found.ML, found.MOTA, found.HOTA, found.IDF1) == (4, 1, 0, 0, 0)


def test_a_frame_without_results_counts_as_missed() -> None:
    found = score([sequence(walk(), walk(frames=range(1, 4)))], "MOT17").combined
    assert (found.FN, found.MOTA) == (1, 75)


def test_a_frame_without_truth_adds_false_positives() -> None:
    found = score([sequence(walk(frames=range(1, 4)), walk())], "MOT17").combined
    assert (found.FP, found.FN) == (1, 0)


def test_a_sequence_without_truth_only_adds_false_positives() -> None:
    found = score([sequence(walk(), walk(), name="a"), sequence(rows(), walk(), name="b")], "MOT17")
    assert found.combined.FP == 4
    assert found.combined.MOTA == 0
    assert found.sequences["a"].MOTA == 100
    assert np.isfinite(list(found.sequences["b"])).all()


def test_nothing_at_all_has_finite_scores() -> None:
    assert np.isfinite(list(score([sequence(rows(), rows())], "MOT17").combined)).all()


def test_an_identity_switch_is_counted_once() -> None:
    results = joined(walk(1, range(1, 3)), walk(2, range(3, 5)))
    found = score([sequence(walk(), results)], "MOT17").combined
    assert (found.IDSW, found.FP, found.FN, found.MOTA, found.IDF1) == (1, 0, 0, 75, 50)


def test_a_gap_is_a_fragment() -> None:
    # the other person matters: TrackEval skips a frame without any result before it looks for fragments
    truth = joined(walk(1), walk(2, box=FAR))
    results = joined(walk(1, range(1, 2)), walk(1, range(3, 5)), walk(2, box=FAR))
    found = score([sequence(truth, results)], "MOT17").combined
    assert (found.Frag, found.IDSW, found.FN) == (1, 0, 1)


@pytest.mark.parametrize(("width", "matched"), [(20.0, True), (19.99, False)])
def test_iou_of_exactly_half_matches(width: float, matched: bool) -> None:
    half = rows(*((frame, 1, [100.0, 100.0, width, 80.0]) for frame in range(1, 5)))
    found = score([sequence(walk(), half)], "none").combined
    assert (0 if matched else 4) == found.FN


@pytest.mark.parametrize("class_id", [2, 6, 7, 8, 12, 9])
@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_a_result_on_a_distractor(benchmark: Benchmark, class_id: int) -> None:
    truth = joined(walk(), rows(*((frame, 2, FAR) for frame in range(1, 5)), flag=0, class_id=class_id))
    results = joined(walk(), walk(2, box=FAR))
    removed = benchmark not in ("MOT15", "none", "classes") and (class_id in (2, 7, 8, 12) or (benchmark == "MOT20" and class_id == 6))
    assert (0 if removed else 4) == score([sequence(truth, results)], benchmark).combined.FP


@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_flag_zero_pedestrians_need_not_be_found(benchmark: Benchmark) -> None:
    truth = joined(walk(), rows(*((frame, 2, FAR) for frame in range(1, 5)), flag=0))
    found = score([sequence(truth, walk())], benchmark).combined
    assert (found.FN, found.truth_boxes, found.MOTA) == (0, 4, 100)


def test_only_pedestrians_are_scored_where_classes_count() -> None:
    truth = joined(walk(), rows(*((frame, 2, FAR) for frame in range(1, 5)), class_id=3))
    assert score([sequence(truth, walk())], "MOT17").combined.FN == 0
    assert score([sequence(truth, walk())], "none").combined.FN == 4


def test_frames_of_a_part_are_scored_by_themselves() -> None:
    part = ScoredSequence("s", np.array([101, 102, 104]), walk(frames=range(99, 105)), walk(frames=range(102, 103)))
    found = score([part], "MOT17").combined
    assert (found.truth_boxes, found.FN, found.MOTA) == (3, 2, pytest.approx(100 / 3)), "frames 99, 100 and 103 are not part of it"


def test_a_one_frame_sequence() -> None:
    assert score([sequence(walk(frames=range(1, 2)), walk(frames=range(1, 2)), frames=1)], "MOT17").combined.HOTA == 100


def test_an_identity_that_returns_after_a_gap_stays_one() -> None:
    truth = joined(walk(1, range(1, 2)), walk(1, range(4, 5), FAR))
    found = score([sequence(truth, truth)], "MOT17").combined
    assert (found.truth_identities, found.IDF1) == (1, 100)


def test_huge_identities_cost_no_memory() -> None:
    assert score([sequence(walk(), walk(2**40))], "MOT17").combined.HOTA == 100


def test_mirroring_changes_nothing() -> None:
    truth, results = joined(walk(1), walk(2, box=FAR)), joined(walk(1, range(1, 3)), walk(3, range(2, 5), [505, 98, 44, 80]))

    def mirrored(found: Rows) -> Rows:
        boxes = found.boxes.copy()
        boxes[:, 0] = 640 - boxes[:, 0] - boxes[:, 2]
        return Rows(found.frame, found.identity, boxes, found.confidence, found.class_id, found.ignore)

    assert score([sequence(truth, results)], "MOT17") == score([sequence(mirrored(truth), mirrored(results))], "MOT17")


def test_truth_without_identities_is_refused() -> None:
    with pytest.raises(UserError, match=r"s: ground truth of frame 1 has no identity \(4 such boxes\)"):
        score([sequence(walk(-1), walk())], "MOT17")


def test_unscored_truth_needs_no_identities() -> None:
    truth = joined(walk(), rows((1, -1, FAR), (1, -1, [700, 1, 5, 5]), flag=0))
    assert score([sequence(truth, walk())], "MOT17").combined.MOTA == 100


def test_unknown_classes_are_refused_where_classes_count() -> None:
    truth = rows((1, 1, BOX), class_id=14)
    with pytest.raises(UserError, match=r"classes \[14\], MOT17 knows 1 to 13"):
        score([sequence(truth, walk())], "MOT17")
    assert score([sequence(truth, walk(frames=range(1, 2)))], "none").combined.MOTA == 100


def test_names_must_differ() -> None:
    with pytest.raises(UserError, match="different names"):
        score([sequence(walk(), walk()), sequence(walk(), walk())], "MOT17")


def beginning(source: Path, target: Path, frames: int) -> None:
    """A sequence's ground truth of its first frames."""
    rows = (source / "gt" / "gt.txt").read_text().splitlines(keepends=True)
    (target / "gt").mkdir(parents=True)
    (target / "gt" / "gt.txt").write_text("".join(row for row in rows if int(row.partition(",")[0]) <= frames))
    whole = int(re.findall(r"seqLength=(\d+)", facts := (source / "seqinfo.ini").read_text())[0])
    (target / "seqinfo.ini").write_text(facts.replace(f"seqLength={whole}", f"seqLength={min(frames, whole)}"))


def lengths(sequences: list[ScoredSequence]) -> dict[str, int]:
    return {item.name: len(item.frames) for item in sequences}


@pytest.mark.parametrize(
    ("benchmark", "preprocess", "frames"),
    [
        ("MOT17", True, 100),
        ("MOT20", True, 100),
        ("none", False, 100),
        ("MOT15", True, 100),
        pytest.param("MOT17", True, 1000, marks=pytest.mark.slow),  # all of them
    ],
)
def test_mot17_as_trackeval_scores_the_files(tmp_path: Path, benchmark: Benchmark, preprocess: bool, frames: int) -> None:
    root = tmp_path / "gt"
    for name in ("MOT17-02-FRCNN", "MOT17-09-FRCNN"):
        beginning(dataset("MOT17-train-gt") / name, root / name, frames)
        perturbed(root / name / "gt" / "gt.txt", tmp_path / "tracks" / f"{name}.txt", 1, keep=lambda cells: cells[7] in "1278")
    sequences, _ = from_text(root, tmp_path / "tracks")
    ours = score(sequences, benchmark)
    named = "MOT17" if benchmark == "none" else benchmark
    theirs = trackeval_alone(root, tmp_path / "tracks", lengths(sequences), tmp_path, named, preprocess)
    for mine, other in ((ours.combined, theirs["COMBINED_SEQ"]), (ours.sequences["MOT17-09-FRCNN"], theirs["MOT17-09-FRCNN"])):
        expected = figures(other)
        assert {name: mine._asdict()[name] for name in expected} == expected
    assert 20 < ours.combined.HOTA < 95
    assert ours.combined.IDSW > 10


def test_pets_as_trackeval_scores_the_file(tmp_path: Path) -> None:
    root = tmp_path / "gt"
    root.mkdir()
    (root / "PETS09-S2L1").symlink_to(dataset("PETS09-S2L1"))
    perturbed(root / "PETS09-S2L1" / "gt" / "gt.txt", tmp_path / "tracks" / "PETS09-S2L1.txt", 2)
    sequences, _ = from_text(root, tmp_path / "tracks")
    ours = score(sequences, "MOT15").combined
    expected = figures(trackeval_alone(root, tmp_path / "tracks", {"PETS09-S2L1": 795}, tmp_path, "MOT15")["COMBINED_SEQ"])
    assert {name: ours._asdict()[name] for name in expected} == expected
    assert ours.truth_boxes == 4476, "174 of the 4650 rows have flag 0"


def test_scoring_leaves_its_input_as_it_was_and_repeats() -> None:
    truth, results = joined(walk(), walk(2, box=FAR)), joined(walk(5), walk(7, range(2, 4), box=FAR))
    given = sequence(truth, results)
    arrays = [array for array in (*vars(truth).values(), *vars(results).values()) if array is not None]
    before = [array.copy() for array in arrays]
    first = score([given], "MOT17")
    score([sequence(walk(), rows(), frames=9, name="s")], "MOT17")
    assert score([given], "MOT17") == first
    for array, kept in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, kept)


def test_rows_in_any_order_of_frames() -> None:
    truth, results = joined(walk(), walk(2, box=FAR)), joined(walk(5), walk(7, range(2, 4), box=FAR))
    turned = results.take(np.arange(len(results.frame))[::-1])
    assert score([sequence(truth, turned)], "MOT17") == score([sequence(truth, results)], "MOT17")


@pytest.mark.parametrize("benchmark", ["MOT17", "MOT20"])
def test_random_scenes_as_trackeval_scores_the_files(tmp_path: Path, benchmark: Benchmark) -> None:
    """Crowds, empty frames and sides, distractors, and boxes on a coarse grid, of which many overlap equally."""
    counts = {}
    for number in range(14):
        random, name = np.random.default_rng(number), f"scene-{number:02d}"
        frames, people, step = 12, int(random.integers(0, 9)), (1.0, 10.0)[number % 2]
        truth, found = [], []
        for frame in range(1, frames + 1):
            for identity in range(1, people + 1):
                box = (np.r_[random.uniform(0, 90, 2), random.uniform(20, 60, 2)] / step).round(0 if step > 1 else 3) * step
                kind = int(random.choice([1, 1, 1, 1, 7, 8, 3, 6]))
                if random.random() < 0.8:
                    truth.append([frame, identity, *box, int(kind == 1 and random.random() < 0.95), kind, 1])
                if random.random() < 0.8 and number != 5 and frame != 7:
                    moved = box + step * random.integers(-1, 2, 4) * (random.random() < 0.7)
                    found.append([frame, identity + 10 * int(random.random() < 0.2), *moved, 1, -1, -1, -1])
        truth.append([frames, 90, 500, 500, 10, 10, 1, 1, 1])
        write_truth(tmp_path / "gt", name, truth)
        write_lines(tmp_path / "tracks" / f"{name}.txt", found)
        counts[name] = frames
    sequences, _ = from_text(tmp_path / "gt", tmp_path / "tracks")
    ours, theirs = score(sequences, benchmark), trackeval_alone(tmp_path / "gt", tmp_path / "tracks", counts, tmp_path, benchmark)
    for name in (*counts, "COMBINED_SEQ"):
        mine = ours.sequences.get(name, ours.combined)._asdict()
        expected = figures(theirs[name])
        assert {key: mine[key] for key in expected} == expected, name
    assert ours.combined.IDSW > 10
    assert ours.combined.Frag > 10


def test_an_identity_twice_in_a_frame_is_refused() -> None:
    with pytest.raises(UserError, match=r"s: identity 1 of the results is in a frame twice \(4 such boxes\)"):
        score([sequence(walk(), joined(walk(1), walk(1, box=FAR)))], "MOT17")
