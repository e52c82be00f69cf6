"""Anyone's video to text and video, damaged ones included."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.files.mot_text import read_rows
from pipeline.files.video import VideoWriter
from pipeline.tracking.video_file import track_file
from tests.pipeline import seen
from tests.shared import dataset


def walk(path: Path, frames: int) -> Path:
    with VideoWriter(path, 10, quality=5) as writer:
        for number in range(frames):
            writer.write(seen.picture(160, 120, (10 + 4 * number, 30, 40 + 4 * number, 90)))
    return path


def test_boxes_are_where_the_people_are_and_drawn_there(tmp_path: Path) -> None:
    text, drawn = track_file(walk(tmp_path / "walk.mp4", 12), tmp_path / "out", seen.detector(128, 96), 5)
    assert (text.name, drawn.name) == ("walk.txt", "walk.mp4")
    rows = read_rows(text, kind="results")
    assert rows.frame.tolist() == list(range(1, 13))
    np.testing.assert_allclose(rows.boxes[:, 0], 10 + 4 * np.arange(12), atol=2.5)
    with av.open(str(drawn)) as container:
        images = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(images) == 12
    ground = images[-1][95:, :].astype(int)
    assert (np.abs(ground - 90).max(-1) < 30).mean() > 0.9


def test_the_film_itself_is_never_written_over(tmp_path: Path) -> None:
    film = walk(tmp_path / "walk.mp4", 3)
    before = film.read_bytes()
    _, drawn = track_file(film, tmp_path, seen.detector(64, 64), 4)
    assert drawn.name == "walk-tracked.mp4"
    assert film.read_bytes() == before


def test_a_cut_film_is_tracked_to_its_cut_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = dataset("PETS09-S2L1") / "vtest.avi"
    cut = tmp_path / "cut.avi"
    with whole.open("rb") as stream:
        cut.write_bytes(stream.read(300_000))
    text, drawn = track_file(cut, tmp_path / "out", seen.detector(64, 64), 8)
    assert text.is_file()
    with av.open(str(drawn)) as container:
        assert sum(1 for _ in container.decode(video=0)) > 5
    assert "the last good one is 15" in capsys.readouterr().err
