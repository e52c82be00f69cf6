from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.walkers.video import even, video_sink


def write(path: Path, rate: float = 15.0) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    images = [np.full((64, 96, 3), 40 + 20 * index, np.uint8) + rng.integers(0, 9, (64, 96, 3), np.uint8) for index in range(7)]
    with video_sink(path, 96, 64, rate) as append:
        for image in images:
            append(image)
    return images


def test_every_frame_comes_back_in_order_with_its_time_and_colour(tmp_path: Path) -> None:
    images = write(tmp_path / "a.mp4")
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.streams.video[0].codec_context.name in ("h264", "mpeg4")
        frames = list(container.decode(video=0))
    assert [float(frame.time) for frame in frames] == pytest.approx([index / 15 for index in range(7)])
    for frame, image in zip(frames, images, strict=True):
        assert np.abs(frame.to_ndarray(format="bgr24").astype(int) - image).mean() < 6


def test_the_same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        write(tmp_path / name)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_a_broken_rate_is_kept_exactly(tmp_path: Path) -> None:
    write(tmp_path / "a.mp4", rate=30000 / 1001)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.streams.video[0].average_rate == Fraction(30000, 1001)


def test_odd_sides_are_named_before_work() -> None:
    even(640, 360)
    with pytest.raises(UserError, match=r"641x360.*\n?next: use 642x360"):
        even(641, 360)
