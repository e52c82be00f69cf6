from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import trackeval_command
from benchmarks.evaluation import TRACKER, compare_figures, ours_on, perturb
from tests.shared import dataset


def test_our_command_and_trackevals_write_the_same_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "MOT17-09-FRCNN"
    (tmp_path / "gt").mkdir()
    (tmp_path / "gt" / name).symlink_to(dataset("MOT17-train-gt") / name)
    perturb(tmp_path / "gt" / name / "gt" / "gt.txt", tmp_path / TRACKER / "data" / f"{name}.txt", seed=0)
    ours_on(tmp_path / "gt", tmp_path)()
    trackeval_command.main(str(tmp_path / "gt"), str(tmp_path), TRACKER)
    assert compare_figures(tmp_path) == 2 * 19, "the sequence, and all together"
    shown = (tmp_path / "scores" / "metrics.json").read_text()
    (tmp_path / "scores" / "metrics.json").write_text(shown.replace('"IDSW": ', '"IDSW": 1'))
    with pytest.raises(AssertionError, match="IDSW"):
        compare_figures(tmp_path)
