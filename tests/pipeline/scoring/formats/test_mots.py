"""MOTS files: TrackEval's own reading and scoring of the same files, what is ignored, and files that cannot be used."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
import pytest
import trackeval

from pipeline.errors import UserError
from pipeline.files.run_lengths import encode_mask
from pipeline.scoring.formats.mots import score_files

HEIGHT, WIDTH, FRAMES = 60, 90, 10
SIZE = f"{HEIGHT} {WIDTH}"


def _disc(x: float, y: float, radius: float = 6) -> str:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return encode_mask(np.hypot(columns - x, rows - y) < radius)


def _write(root: Path, seed: int) -> None:
    """Four discs that walk, a region to ignore; results are shifted, some missing, two swap, one lies in the region, one nowhere."""
    rng, truth, results = np.random.default_rng(seed), [], []
    for frame in range(1, FRAMES + 1):
        truth.append(f"{frame} 10000 10 {SIZE} {_disc(80, 50, 9)}")
        results.append(f"{frame} 31 2 {SIZE} {_disc(80, 50, 5)}")
        if frame % 3 == 0:
            results.append(f"{frame} 32 2 {SIZE} {_disc(75, 8, 4)}")
        for lane in range(4):
            x, y = 8 + 5 * frame, 7 + 14 * lane
            if lane < 3 or x < 60:
                truth.append(f"{frame} {2001 + lane} 2 {SIZE} {_disc(x, y)}")
                identity = 1 + (lane if frame < 6 or lane > 1 else 1 - lane)
                if rng.random() < 0.85:
                    results.append(f"{frame} {identity} 2 {SIZE} {_disc(x + rng.normal(0, 1), y + rng.normal(0, 0.4))}")
    for path, lines in ((root / "gt/s/gt/gt.txt", truth), (root / "results/mine/data/s.txt", results)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("seed", [0, 1])
def test_files_are_scored_as_trackevals_motschallenge_scores_them(tmp_path: Path, seed: int) -> None:
    _write(tmp_path, seed)
    ours = score_files(tmp_path / "gt", tmp_path / "results/mine/data").combined
    dataset = {"GT_FOLDER": str(tmp_path / "gt"), "TRACKERS_FOLDER": str(tmp_path / "results"), "SEQ_INFO": {"s": FRAMES}}
    dataset |= {"SKIP_SPLIT_FOL": True, "PRINT_CONFIG": False}
    settings = dict.fromkeys(("PRINT_RESULTS", "PRINT_CONFIG", "TIME_PROGRESS", "OUTPUT_SUMMARY", "OUTPUT_DETAILED", "PLOT_CURVES"), False)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluator = trackeval.Evaluator({**settings, "LOG_ON_ERROR": None, "BREAK_ON_ERROR": True})
        metrics = [trackeval.metrics.HOTA(), trackeval.metrics.CLEAR(), trackeval.metrics.Identity()]
        found, _ = evaluator.evaluate([trackeval.datasets.MOTSChallenge(dataset)], metrics)
    theirs = found["MOTSChallenge"]["mine"]["s"]["pedestrian"]
    clear = theirs["CLEAR"]
    assert ours["HOTA"] == pytest.approx(100 * theirs["HOTA"]["HOTA"].mean(), rel=1e-12)
    assert ours["IDF1"] == pytest.approx(100 * theirs["Identity"]["IDF1"], rel=1e-12)
    assert (ours["MOTSA"], ours["sMOTSA"]) == pytest.approx((100 * clear["MOTA"], 100 * clear["sMOTA"]), rel=1e-12)
    assert (ours["IDSW"], ours["FP"], ours["FN"]) == (clear["IDSW"], clear["CLR_FP"], clear["CLR_FN"])
    assert ours["IDSW"] > 0
    assert 0 < ours["sMOTSA"] < ours["MOTSA"] < 100


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f"1 1 2 {SIZE} {_disc(30, 30)}\n1 2 2 {SIZE} {_disc(32, 30)}", r"s\.txt:2: the mask overlaps that of line 1"),
        (
            f"1 1 2 61 {WIDTH} " + encode_mask(np.ones((61, WIDTH), bool)),
            r"s\.txt:1: the mask is drawn on 90x61 pixels, those of .* on 90x60",
        ),
        ("1 1 2 60 90 x!", r"s\.txt:1: the mask"),
        (f"0 1 2 {SIZE} {_disc(30, 30)}", r"s\.txt:1: frame"),
    ],
    ids=["overlap", "another size", "no run lengths", "frame 0"],
)
def test_what_cannot_be_used_is_named_with_file_and_line(tmp_path: Path, line: str, said: str) -> None:
    _write(tmp_path, 0)
    (tmp_path / "results/mine/data/s.txt").write_text(line + "\n")
    with pytest.raises(UserError, match=said):
        score_files(tmp_path / "gt", tmp_path / "results/mine/data")


def test_sequences_without_results_and_results_without_ground_truth(tmp_path: Path) -> None:
    _write(tmp_path, 0)
    folder = tmp_path / "results/mine/data"
    (folder / "other.txt").write_text("")
    assert score_files(tmp_path / "gt", folder).remarks == [f"not scored, no ground truth in {tmp_path / 'gt'}: other"]
    (folder / "s.txt").write_text("")
    assert score_files(tmp_path / "gt", folder).combined["MOTSA"] == 0
    (folder / "s.txt").unlink()
    with pytest.raises(UserError, match="no results for s"):
        score_files(tmp_path / "gt", folder)
    with pytest.raises(UserError, match="no ground truth\nnext: expected"):
        score_files(tmp_path / "results", folder)
