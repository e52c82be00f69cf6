"""Anyone's video to text and video, damaged ones included."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.files.mot_text import read_rows
from pipeline.files.video import VideoWriter, read_video
from pipeline.sources.inspect import inspect
from pipeline.tracking import video_file
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


def test_a_hole_in_the_film_is_one_in_the_drawn_video_and_to_the_tracker(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film, times = tmp_path / "hole.mp4", [*np.arange(6) / 10, *(8 + np.arange(6) / 10)]
    with VideoWriter(film, 10, quality=5, timed=True) as writer:
        for number, time in enumerate(times):
            writer.write(seen.picture(160, 120, (10 + 4 * number, 30, 40 + 4 * number, 90)), time)
    text, drawn = track_file(film, tmp_path / "out", seen.detector(128, 96), 5)
    rows = read_rows(text, kind="results")
    assert sorted(set(rows.frame.tolist())) == list(range(1, 13)), "frames keep their numbers"
    steps = [picture.due for picture in video_file._Pictures(film, 0.1).read()]
    assert steps == [*range(1, 7), *range(81, 87)], "the tracker goes through eight seconds"
    assert [frame.time for frame in read_video(drawn)] == pytest.approx(times, abs=1e-3)
    assert "frames come at a varying rate" in capsys.readouterr().err


@pytest.mark.parametrize("scales", [(1, 2), (2, 1), (1, 2, 1), (2, 2)])
def test_boxes_of_a_film_that_changes_its_size_are_in_pixels_of_the_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], scales: tuple[int, ...]
) -> None:
    film, raw = tmp_path / "change.ts", b""
    for scale in scales:
        with av.open(str(tmp_path / "part.ts"), "w") as container:
            stream = container.add_stream("libx264", rate=10)
            stream.width, stream.height, stream.pix_fmt = 160 * scale, 120 * scale, "yuv420p"
            for number in range(6):
                left, top, right, bottom = (scale * side for side in (10 + 4 * number, 30, 40 + 4 * number, 90))
                image = seen.picture(160 * scale, 120 * scale, (left, top, right, bottom))
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            container.mux(stream.encode())
        raw += (tmp_path / "part.ts").read_bytes()
    film.write_bytes(raw)
    text, drawn = track_file(film, tmp_path / "out", seen.detector(128, 96), 5)
    rows = read_rows(text, kind="results")
    found = [float(rows.boxes[rows.frame == frame][0, 0]) for frame in range(1, 6 * len(scales) + 1)]
    np.testing.assert_allclose(found, scales[0] * np.tile(10 + 4 * np.arange(6), len(scales)), atol=3 * scales[0])
    assert {frame.image.shape for frame in read_video(drawn)} == {(120 * scales[0], 160 * scales[0], 3)}
    said = [line for line in capsys.readouterr().err.splitlines() if "pixels, before" in line]
    changes = [frame for frame, (one, other) in zip((7, 13), pairwise(scales), strict=False) if one != other]
    assert [f"from frame {frame} on it has" in line for frame, line in zip(changes, said, strict=True)] == [True] * len(changes)
    refused = [line for line in inspect(str(film), decode=True).all_defects if "the sequence began with" in line]
    assert bool(refused) == bool(changes), "extraction does not scale"
