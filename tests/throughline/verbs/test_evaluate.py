"""The scorer for anyone's files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipeline.scoring.text import figures, perturbed, trackeval_alone, write_lines, write_truth
from tests.shared import ROOT, dataset
from tests.throughline.command import throughline
from throughline.verbs.evaluate import score_files


def test_files_are_scored_without_anything_else(tmp_path: Path) -> None:
    """As a process in an empty folder: no parameters, no MLflow, no Ray."""
    write_truth(tmp_path / "gt", "s", [[frame, 1, 10, 20, 30, 60, 1, 1, 1] for frame in range(1, 5)], seq_length=4)
    write_lines(tmp_path / "tracks" / "s.txt", [[frame, 1, 10, 20, 30, 60, 1, -1, -1, -1] for frame in range(1, 4)])
    spy = """
import atexit, sys
from throughline.main import main
atexit.register(lambda: print([name for name in ("mlflow", "ray", "torch") if name in sys.modules]))
main(["evaluate", *sys.argv[1:]])
"""
    command = [sys.executable, "-c", spy, "--gt", "gt", "--tracks", "tracks", "--benchmark", "MOT17", "--out", "out"]
    done = subprocess.run(command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "75.00" in done.stdout
    assert done.stdout.strip().endswith("[]")
    found = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert found["combined"]["MOTA"] == 75
    assert list(found) == ["benchmark", "combined", "sequences"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gt", "out", "tracks"]


def test_a_mistake_ends_with_status_2_and_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_truth(tmp_path, "s", [[1, 1, 10, 20, 30, 60, 1, 1, 1]])
    write_lines(tmp_path / "s.txt", [[2, 1, 10, 20, 30, 60, 1]])
    words = ("--gt", str(tmp_path), "--tracks", str(tmp_path), "--out", str(tmp_path / "out"))
    assert throughline("evaluate", *words, "--benchmark", "MOT17") == 2
    assert "s.txt:1: frame 2 is not scored" in capsys.readouterr().err
    assert throughline("evaluate", *words, "--benchmark", "MOT18") == 2
    assert "--benchmark MOT18: no such rules; there are MOT15, MOT16, MOT17" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_half_a_command_says_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert throughline("evaluate", "--gt", "somewhere", "--benchmark", "MOT17") == 2
    assert "Missing option '--tracks'" in capsys.readouterr().err


def test_files_of_other_tasks_are_scored_by_their_benchmarks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Boxes that are followed; the layouts themselves are tested beside their readers."""
    for folder in ("gt", "results"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.txt").write_text("10,10,40,80\n12,10,40,80\n")
    words = ("--gt", str(tmp_path / "gt"), "--results", str(tmp_path / "results"), "--out", str(tmp_path / "out"))
    assert throughline("evaluate", "--task", "sot", *words) == 0
    assert "precision" in capsys.readouterr().out
    found = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert found["task"] == "sot"
    assert found["combined"] == found["parts"]["a"]
    assert found["combined"]["precision"] == 100
    assert (tmp_path / "out" / "per_sequence.csv").read_text().splitlines()[0] == "sequence,AUC,precision,mean IoU"
    for more, said in (
        (("--task", "sots"), "--task sots: no such task; there are mot, mots, vos"),
        (("--task", "sot", "--benchmark", "MOT17"), "leave --benchmark out"),
        ((), "--benchmark is needed for boxes"),
    ):
        assert throughline("evaluate", *more, *words) == 2
        assert said in " ".join(capsys.readouterr().err.split())
    nowhere = ("--gt", str(tmp_path / "nowhere"), *words[2:])
    assert throughline("evaluate", "--task", "vos", *nowhere) == 2
    assert "nowhere: no such file or folder" in capsys.readouterr().err


@pytest.mark.slow
def test_all_of_mot17_as_trackeval_scores_it(tmp_path: Path) -> None:
    root = dataset("MOT17-train-gt")
    names = sorted(path.name for path in root.iterdir() if path.is_dir())
    for seed, name in enumerate(names):
        perturbed(root / name / "gt" / "gt.txt", tmp_path / "tracks" / f"{name}.txt", seed, keep=lambda cells: cells[7] in "1278")
    ours = score_files(root, tmp_path / "tracks", "MOT17", tmp_path / "out")
    # SEQ_INFO None: TrackEval reads seqinfo.ini itself
    theirs = trackeval_alone(root, tmp_path / "tracks", dict.fromkeys(names), tmp_path)  # type: ignore[arg-type]
    for name, mine in (*ours.sequences.items(), ("COMBINED_SEQ", ours.combined)):
        expected = figures(theirs[name])
        assert {key: mine._asdict()[key] for key in expected} == pytest.approx(expected, rel=1e-12), name
