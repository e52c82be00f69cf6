from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.files.video import VideoWriter, probe, read_video
from tests.pipeline.recorded import HEIGHT, WIDTH, picture, place, record, truncate
from tests.shared import dataset

STAMPS = np.cumsum(np.random.default_rng(1).integers(11, 90, 40)).tolist()


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_frames_of_a_variable_rate_have_exact_times(tmp_path: Path, name: str) -> None:
    frames = list(read_video(record(tmp_path / name, stamps=STAMPS)))
    assert [frame.number for frame in frames] == list(range(1, 41))
    assert [frame.time for frame in frames] == pytest.approx([(stamp - STAMPS[0]) / 1000 for stamp in STAMPS], abs=1e-12)
    assert [place(frame.image) for frame in frames] == list(range(40))


def test_probe_counts_frames_and_takes_the_mean_rate(tmp_path: Path) -> None:
    facts = probe(record(tmp_path / "a.mp4", stamps=STAMPS))
    assert (facts.frames, facts.promised, facts.width, facts.height, facts.damage) == (40, 40, WIDTH, HEIGHT, "")
    assert facts.frame_rate == pytest.approx(39 / ((STAMPS[-1] - STAMPS[0]) / 1000))


def test_one_frame_is_a_video(tmp_path: Path) -> None:
    assert [frame.time for frame in read_video(record(tmp_path / "a.mp4", 1))] == [0.0]


CUT = [
    pytest.param("a.avi", "mpeg4", {}, id="AVI"),
    pytest.param("a.mkv", "libx264", {}, id="Matroska"),
    pytest.param("a.mp4", "libx264", {"movflags": "+faststart"}, id="MP4 with its index first"),
]


@pytest.mark.parametrize(("name", "codec", "options"), CUT)
def test_a_cut_off_video_keeps_what_decodes_and_says_what_is_lost(tmp_path: Path, name: str, codec: str, options: dict[str, str]) -> None:
    path = truncate(record(tmp_path / name, 80, codec=codec, **options), 0.6)
    defects: list[str] = []
    frames = list(read_video(path, defects=defects))
    assert 5 < len(frames) < 70
    assert [frame.number for frame in frames] == list(range(1, len(frames) + 1))
    assert [place(frame.image) for frame in frames] == pytest.approx(range(len(frames)), abs=1)
    assert len(defects) == 1
    assert str(path) in defects[0]
    assert f"the last good one is {len(frames)}" in defects[0]
    assert probe(path).damage != ""


def test_a_cut_off_video_is_an_error_when_losses_are_not_wanted(tmp_path: Path) -> None:
    path = truncate(record(tmp_path / "a.avi", codec="mpeg4"), 0.6)
    with pytest.raises(UserError, match=r"a\.avi: damaged after frame \d+: .*\n.*skip_and_report"):
        list(read_video(path))


def test_damage_inside_a_video_does_not_shift_the_numbers_of_later_frames(tmp_path: Path) -> None:
    path = record(tmp_path / "a.mp4", 80, movflags="+faststart")
    whole = bytearray(path.read_bytes())
    middle = len(whole) // 2
    whole[middle : middle + 3000] = bytes(3000)
    path.write_bytes(bytes(whole))
    defects: list[str] = []
    frames = list(read_video(path, defects=defects))
    assert defects
    assert len(frames) < 80
    numbers = [frame.number for frame in frames]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == 80
    assert [place(frame.image) + 1 for frame in frames[-5:]] == numbers[-5:]


@pytest.mark.parametrize("content", [None, b"", b"not a video"])
def test_what_cannot_be_opened_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"a\.mp4: .*\n?next:") as caught:
        probe(path)
    assert str(path) in str(caught.value)


def test_an_mp4_without_its_end_has_lost_its_index(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be opened"):
        list(read_video(truncate(record(tmp_path / "a.mp4"), 0.5), defects=[]))


@pytest.mark.parametrize(("rotation", "turns"), [(90, 1), (180, 2), (-90, 3)])
def test_a_turned_video_comes_upright(tmp_path: Path, rotation: int, turns: int) -> None:
    frame = next(read_video(record(tmp_path / "a.mp4", 2, rotation=rotation)))
    level = next(read_video(record(tmp_path / "b.mp4", 2)))
    np.testing.assert_array_equal(frame.image, np.rot90(level.image, turns))


def write(path: Path, count: int = 12, size: tuple[int, int] = (HEIGHT, WIDTH)) -> Path:
    with VideoWriter(path, 29.97) as writer:
        for index in range(count):
            writer.write(picture(index, size[1], size[0]))
    return path


def test_a_written_video_plays_everywhere_and_keeps_its_frames(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4")
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt, stream.frames) == ("h264", "yuv420p", 12)
        assert float(stream.average_rate) == pytest.approx(29.97, abs=1e-3)
    assert path.read_bytes().find(b"moov") < path.read_bytes().find(b"mdat")
    assert [place(frame.image) for frame in read_video(path)] == list(range(12))


def test_a_broken_rate_is_kept_exactly(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.mp4", 30000 / 1001) as writer:
        writer.write(picture(0))
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.streams.video[0].average_rate == Fraction(30000, 1001)


@pytest.mark.parametrize(("width", "height"), [(64, 48), (320, 180), (480, 270)])
def test_the_same_frames_give_the_same_bytes(tmp_path: Path, width: int, height: int) -> None:
    """Whatever lay before in the memory that the encoder gets."""
    coarse = np.random.default_rng(1).integers(0, 256, (9, 16, 3), np.uint8)
    ground, films = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR), set()
    for attempt in range(5):
        random = np.random.default_rng(attempt)
        before = [random.integers(0, 256, length, np.uint8) for length in random.integers(100, 400_000, 40)]
        del before[::2]
        with VideoWriter(tmp_path / "a.mp4", 10) as writer:
            for index in range(16):
                image = np.roll(ground, 3 * index, axis=1)
                writer.write(cv2.circle(image, (width // 2 - 3 * index, height // 2), height // 8, (0, 255, 40), 2))
        films.add((tmp_path / "a.mp4").read_bytes())
    assert len(films) == 1


def test_odd_sizes_are_cut_to_even_ones(tmp_path: Path) -> None:
    assert next(read_video(write(tmp_path / "a.mp4", 2, (121, 161)))).image.shape == (120, 160, 3)


def test_a_real_video() -> None:
    path = dataset("PETS09-S2L1") / "vtest.avi"
    facts = probe(path)
    assert (facts.frames, facts.width, facts.height, facts.frame_rate, facts.damage) == (795, 768, 576, 10.0, "")
    frames = read_video(path)
    assert [next(frames).time for _ in range(3)] == pytest.approx([0, 0.1, 0.2])
