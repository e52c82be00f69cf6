"""DAVIS' folders of indexed images: golden H over files, pixels that are not scored, and images that cannot be used."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.files.indexed_images import VOID, write_indexed
from pipeline.scoring.formats.davis import score_files
from tests.pipeline.scoring.shapes import HEIGHT, RESULT, TRUTH, WIDTH


def _write(folder: Path, images: list[np.ndarray]) -> None:
    folder.mkdir(parents=True)
    for number, image in enumerate(images):
        write_indexed(folder / f"{number:05d}.png", image.astype(np.uint8))


def test_golden_h_from_files(tmp_path: Path) -> None:
    """J .702128 and F .763052 (computed with the released function) in the two frames that count; object 3 is missed in both."""
    other = np.zeros((HEIGHT, WIDTH), np.uint8)
    other[0:4, 0:4] = 3
    _write(tmp_path / "gt/v", [2 * TRUTH + other] * 4)
    _write(tmp_path / "results/v", [0 * RESULT, 2 * RESULT, 2 * RESULT, 0 * RESULT])
    found = score_files(tmp_path / "gt", tmp_path / "results")
    assert list(found.parts) == ["v/2", "v/3"]
    assert found.parts["v/2"]["J"] == pytest.approx(70.2128, abs=5e-5)
    assert found.parts["v/2"]["F"] == pytest.approx(76.3052, abs=5e-5)
    assert found.parts["v/3"]["J&F"] == 0
    assert found.combined["J"] == pytest.approx(70.2128 / 2, abs=5e-5)
    assert found.combined["objects"] == 2


def test_pixels_that_are_not_scored_are_neither_right_nor_wrong(tmp_path: Path) -> None:
    _write(tmp_path / "gt/v", [np.where(RESULT & ~TRUTH, VOID, TRUTH)] * 3)
    _write(tmp_path / "results/v", [(RESULT | TRUTH).astype(np.uint8)] * 3)
    assert score_files(tmp_path / "gt", tmp_path / "results").combined["J"] == 100


def test_images_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    _write(tmp_path / "gt/v", [TRUTH] * 3)
    _write(tmp_path / "results/v", [TRUTH] * 2)
    folder = tmp_path / "results"
    with pytest.raises(UserError, match=r"00002\.png: no such image"):
        score_files(tmp_path / "gt", folder)
    write_indexed(folder / "v/00002.png", np.zeros((HEIGHT, WIDTH + 1), np.uint8))
    with pytest.raises(UserError, match=rf"00002\.png: has {WIDTH + 1}x{HEIGHT} pixels, the ground truth {WIDTH}x{HEIGHT}"):
        score_files(tmp_path / "gt", folder)
    cv2.imwrite(str(folder / "v/00002.png"), np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    with pytest.raises(UserError, match="an image of colours"):
        score_files(tmp_path / "gt", folder)
    (folder / "v/00002.png").write_bytes(b"no image")
    with pytest.raises(UserError, match="not an image"):
        score_files(tmp_path / "gt", folder)


def test_a_video_of_two_frames_has_nothing_to_score(tmp_path: Path) -> None:
    _write(tmp_path / "gt/v", [TRUTH] * 2)
    _write(tmp_path / "results/v", [TRUTH] * 2)
    found = score_files(tmp_path / "gt", tmp_path / "results")
    assert found.remarks == ["v: not scored, nothing lies between its first and its last frame"]
    assert np.isnan(found.combined["J"])
