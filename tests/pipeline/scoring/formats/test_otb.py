"""OTB's text: golden G with every separator, and files that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.scoring.formats.otb import score_files

TRUTH = [(10, 10, 40, 80), (12, 10, 40, 80), (14, 11, 40, 80), (16, 12, 40, 80), (18, 12, 40, 80)]
RESULT = [(10, 10, 40, 80), (15, 12, 40, 80), (30, 11, 44, 88), (60, 12, 40, 80), (18, 12, 36, 72)]


def _text(boxes: list[tuple[int, ...]], separator: str) -> str:
    return "".join(separator.join(map(str, box)) + "\n" for box in boxes)


@pytest.mark.parametrize(("one", "other"), [(",", ","), ("\t", " "), (", ", "\t")])
def test_golden_g_from_files(tmp_path: Path, one: str, other: str) -> None:
    """AUC .590476, mean IoU .600791, precision .8 (an independent script); a second video is perfect."""
    for name, result in (("a", RESULT), ("b", TRUTH)):
        (tmp_path / "gt" / name).mkdir(parents=True)
        (tmp_path / "gt" / name / "groundtruth_rect.txt").write_text(_text(TRUTH, one))
        (tmp_path / "results").mkdir(exist_ok=True)
        (tmp_path / "results" / f"{name}.txt").write_text(_text(result, other))
    found = score_files(tmp_path / "gt", tmp_path / "results")
    assert list(found.parts["a"].values()) == pytest.approx([59.0476, 80, 60.0791], abs=5e-5)
    assert found.combined["AUC"] == pytest.approx((59.0476 + found.parts["b"]["AUC"]) / 2, abs=5e-5)


@pytest.mark.parametrize(
    ("truth", "result", "said"),
    [
        ("1,1,0,5\n", "1,1,5,5\n", r"a\.txt:1: the box to follow has no area"),
        ("1,1,5,5\n2,2,5,5\n", "1,1,5,5\n", "1 boxes for 2 frames"),
        ("1,1,5,5\n", "1,1,5\n", r"a\.txt:1: '1,1,5' is not left, top, width, height"),
        ("1,1,5,5\n", "\n", "holds no box"),
    ],
    ids=["no area", "fewer boxes", "three numbers", "empty"],
)
def test_files_that_cannot_be_used_are_named(tmp_path: Path, truth: str, result: str, said: str) -> None:
    for folder, text in (("gt", truth), ("results", result)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.txt").write_text(text)
    with pytest.raises(UserError, match=said):
        score_files(tmp_path / "gt", tmp_path / "results")


def test_a_frame_that_is_not_known_cannot_be_won(tmp_path: Path) -> None:
    for folder, text in (("gt", "1,1,5,5\nNaN,NaN,NaN,NaN\n"), ("results", "1,1,5,5\n1,1,5,5\n")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.txt").write_text(text)
    assert score_files(tmp_path / "gt", tmp_path / "results").combined["precision"] == 50
