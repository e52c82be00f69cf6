"""Videos as cameras, recorders and scripts leave them: false damage, odd time stamps, streams, matrices, sizes and names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.files.video import VideoWriter, probe, read_video
from tests.inputs.planned import planned
from tests.pipeline.recorded import HEIGHT, WIDTH, picture, place, record, truncate


def encoded(path: Path, stamps: Sequence[int], codec: str = "libx264", base: Fraction = Fraction(1, 1000), **options: str) -> Path:
    """A video of the numbered pictures at these time stamps."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=int(1 / base), options={"preset": "veryfast"} | options)
        stream.codec_context.thread_count = 1
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.time_base = base
        for index, stamp in enumerate(stamps):
            frame = av.VideoFrame.from_ndarray(picture(index), format="rgb24")
            frame.pts, frame.time_base = stamp, base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def seen(path: Path) -> tuple[list[int], list[float]]:
    """Places and times of all frames; whatever is called damage is an error."""
    frames = list(read_video(path))
    assert [frame.number for frame in frames] == list(range(1, len(frames) + 1))
    assert len(frames) == probe(path).frames
    return [place(frame.image) for frame in frames], [frame.time for frame in frames]


SLOW = [("a.mkv", 2000), ("a.webm", 2000), ("a.ts", 2000), ("a.mkv", 1250), ("a.mp4", 2000), ("a.mkv", 10_000), ("a.flv", 5000)]


@pytest.mark.parametrize(("name", "step"), SLOW)
def test_slow_videos_are_whole(tmp_path: Path, name: str, step: int) -> None:
    codec, base = ("libvpx" if name.endswith("webm") else "libx264"), Fraction(1, 1000)
    places, times = seen(encoded(tmp_path / name, range(0, 10 * step, step), codec, base, bf="2"))
    assert places == pytest.approx(range(10), abs=1)
    assert times == pytest.approx([index * step / 1000 for index in range(10)], abs=1e-3)


@pytest.mark.parametrize("codec", ["libvpx", "libvpx-vp9"])
@pytest.mark.parametrize("name", ["a.webm", "a.mkv"])
def test_frames_that_are_not_shown_are_no_loss(tmp_path: Path, codec: str, name: str) -> None:
    options = {"auto-alt-ref": "1", "lag-in-frames": "16", "deadline": "good", "cpu-used": "4", "b": "40k"}
    path = encoded(tmp_path / name, range(0, 1200, 40), codec, **options)
    assert len(seen(path)[0]) == 30


@pytest.mark.parametrize("codec", ["mpeg4", "mjpeg", "libx264"])
def test_chunks_that_an_avi_leaves_out_are_no_loss(tmp_path: Path, codec: str) -> None:
    """Writers put an empty chunk where a frame repeats the one before; the header counts them."""
    path = encoded(tmp_path / "a.avi", [0, 1, 2, 5, 6, 9, 20, 21], codec, Fraction(1, 25))
    assert (probe(path).promised or 0) > 8
    assert seen(path)[0] == pytest.approx(range(8), abs=1)


@pytest.mark.parametrize("share", [0.3, 0.5])
@pytest.mark.parametrize("name", ["a.mkv", "a.avi", "a.flv"])
def test_what_is_cut_off_is_still_said_to_be(tmp_path: Path, name: str, share: float) -> None:
    path = truncate(encoded(tmp_path / name, range(80), "mpeg4" if name.endswith("avi") else "libx264", Fraction(1, 25)), share)
    assert probe(path).damage or name == "a.flv"
    if name != "a.flv":  # whose header is a guess of its writer's
        with pytest.raises(UserError, match="damaged after frame"):
            list(read_video(path))


@pytest.mark.parametrize("names", [("h264", "h264"), ("mpeg2", "mpeg2"), ("h264", "h264", "h264"), ("h264", "h264 late")])
def test_joined_transport_streams_keep_all_frames(tmp_path: Path, names: tuple[str, ...]) -> None:
    path = tmp_path / "joined.ts"
    raw = b""
    for name in names:
        start = 400 if "late" in name else 0
        codec = "mpeg2video" if name == "mpeg2" else "libx264"
        raw += encoded(tmp_path / "part.ts", range(start, start + 25), codec, Fraction(1, 25), bf="2").read_bytes()
    path.write_bytes(raw)
    places, times = seen(path)
    assert places == pytest.approx(list(range(25)) * len(names), abs=1)
    assert all(0 < step < 17 for step in np.diff(times))
    assert ("late" in names[-1]) or probe(path).notes[0].startswith("time stamps begin anew")


@pytest.mark.parametrize("frames", [2, 25, 40])
def test_reordered_frames_in_avi_have_ascending_times(tmp_path: Path, frames: int) -> None:
    path = encoded(tmp_path / "a.avi", range(frames), "libx264", Fraction(1, 25), bf="3", g="12")
    places, times = seen(path)
    assert places == pytest.approx(range(frames), abs=1)
    assert times == pytest.approx([index / 25 for index in range(frames)])


def cut_open(folder: Path, name: str) -> Path:
    """A clip that begins with a key frame which frames before it refer to: what they need is gone."""
    whole, base = folder / f"whole{'.ts' if name.endswith('.ts') else '.mkv'}", Fraction(1, 25)
    encoded(whole, range(60), "libx264", base, **{"x264-params": "open-gop=1:keyint=12:scenecut=0:b-adapt=0:bframes=2:threads=1"})
    with av.open(str(whole)) as source, av.open(str(folder / name), "w") as target:
        stream = source.streams.video[0]
        copy, keys = target.add_stream_from_template(stream), 0
        for packet in source.demux(stream):
            keys += packet.size > 0 and packet.is_keyframe
            if keys >= 2 and packet.size:
                packet.stream = copy
                target.mux(packet)
    return folder / name


@pytest.mark.parametrize(("name", "leading"), [("a.mkv", 2), ("a.ts", 2), ("a.mp4", 0)])  # MP4's edit list hides them
def test_a_cut_out_of_open_groups_says_what_cannot_be_shown(tmp_path: Path, name: str, leading: int) -> None:
    path = cut_open(tmp_path, name)
    facts = probe(path)
    assert (facts.leading, facts.damage, facts.frames) == (leading, "", 48)
    assert seen(path)[0] == pytest.approx(range(12, 60), abs=1)
    said = f"{name}: the first 2 of its 50 coded frames cannot be shown: the file was cut out of a longer one"
    assert planned(path).sequences[0].notes == ((said,) if leading else ())


def several(path: Path, *, cover: bool, default: int) -> Path:
    """Two streams of different sizes; the first may be a cover."""
    with av.open(str(path), "w") as container:
        streams = []
        for number, (codec, width, height) in enumerate((("mjpeg" if cover else "libx264", 64, 48), ("libx264", WIDTH, HEIGHT))):
            stream = container.add_stream(codec, rate=25)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuvj420p" if codec == "mjpeg" else "yuv420p"
            flags = av.stream.Disposition.attached_pic if cover and number == 0 else av.stream.Disposition(0)
            stream.disposition = flags | av.stream.Disposition.default if number == default else flags
            streams.append(stream)
        for index in range(10):
            for number, stream in enumerate(streams):
                if index == 0 or number or not cover:
                    frame = av.VideoFrame.from_ndarray(picture(index, stream.width, stream.height), format="rgb24")
                    container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("name", "cover", "default", "width"),
    [("cover.mp4", True, 1, WIDTH), ("two.mkv", False, 1, WIDTH), ("two.mkv", False, 0, 64)],
)
def test_the_default_stream_is_read_and_never_a_cover(tmp_path: Path, name: str, cover: bool, default: int, width: int) -> None:
    path = several(tmp_path / name, cover=cover, default=default)
    facts = probe(path)
    assert (facts.width, facts.frames) == (width, 10)
    assert [note.startswith("2 video streams; number") for note in facts.notes] == ([] if cover else [True])


def shown_by(tmp_path: Path, matrix: Sequence[int]) -> NDArray[np.uint8]:
    """The first frame of a video whose display matrix is a, b, c, d."""
    path = record(tmp_path / "a.mp4", 2)
    raw = path.read_bytes()
    at = raw.index(b"tkhd")
    start = at + 4 + 4 + 20 + 8 + 8  # version and flags, times and numbers, reserved, layer to volume
    values = np.zeros(9, ">i4")
    values[[0, 1, 3, 4]] = np.array(matrix) * 65536
    values[8] = 1 << 30
    path.write_bytes(raw[:start] + values.tobytes() + raw[start + 36 :])
    return next(read_video(path)).image


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        pytest.param((1, 0, 0, 1), lambda image: image, id="as it is"),
        pytest.param((-1, 0, 0, 1), lambda image: image[:, ::-1], id="mirrored left to right (mpv#16078)"),
        pytest.param((1, 0, 0, -1), lambda image: image[::-1], id="upside down in a mirror"),
        pytest.param((-1, 0, 0, -1), lambda image: image[::-1, ::-1], id="turned by 180 degrees"),
        pytest.param((0, 1, -1, 0), lambda image: np.rot90(image, -1), id="a quarter clockwise"),
        pytest.param((0, -1, 1, 0), lambda image: np.rot90(image), id="a quarter the other way"),
        pytest.param((0, 1, 1, 0), lambda image: image.transpose(1, 0, 2), id="transposed"),
        pytest.param((0, -1, -1, 0), lambda image: image[::-1, ::-1].transpose(1, 0, 2), id="transposed the other way"),
    ],
)
def test_pictures_are_shown_as_the_matrix_says(tmp_path: Path, matrix: Sequence[int], expected: object) -> None:
    assert callable(expected)
    level = next(read_video(record(tmp_path / "level.mp4", 2))).image
    np.testing.assert_array_equal(shown_by(tmp_path, matrix), expected(level))


@pytest.mark.parametrize(
    "name", ["12:30:15.mp4", "http:a.mp4", "a%03d.mp4", "concat:a|b.mkv", "pipe:0.mkv", "-i.mp4", "a?b#c.mp4", " .mp4"]
)
def test_names_that_look_like_addresses_are_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    os.rename(record(tmp_path / f"made{Path(name).suffix}", 3), tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert len(seen(Path(name))[0]) == 3
    with VideoWriter(Path(f"2:{name}").with_suffix(".mp4"), 25) as writer:
        writer.write(picture(0))
    assert probe(Path(f"2:{name}").with_suffix(".mp4")).frames == 1


def test_a_folder_is_named_as_one(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").mkdir()
    with pytest.raises(UserError, match=r"a\.mp4: a folder, not a video file\nnext: name one file; folders of images are read by"):
        probe(tmp_path / "a.mp4")


HOLES = [
    pytest.param([*range(0, 480, 40), *range(10_480, 11_000, 40)], id="ten seconds without a frame (fictrac#19)"),
    pytest.param([0, 33, 200, 233, 400, 433, 3000], id="in pairs"),
    pytest.param(np.cumsum(np.random.default_rng(3).integers(20, 300, 30)).tolist(), id="at random"),
]


@pytest.mark.parametrize("stamps", HOLES)
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_varying_rate_is_said_and_kept_in_what_is_written(tmp_path: Path, stamps: list[int], name: str) -> None:
    path = encoded(tmp_path / name, stamps, base=Fraction(1, 1000))
    facts, expected = probe(path), [(stamp - stamps[0]) / 1000 for stamp in stamps]
    assert facts.uneven
    assert facts.notes[0].startswith("frames come at a varying rate")
    with VideoWriter(tmp_path / "out.mp4", facts.usual_rate or 0, timed=True) as writer:
        for frame in read_video(path):
            writer.write(frame.image, frame.time)
    assert seen(tmp_path / "out.mp4")[1] == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("stamps", [range(0, 1000, 40), [round(index * 1001 / 30) for index in range(30)], [0, 40, 80]])
def test_an_even_rate_is_not_called_varying(tmp_path: Path, stamps: Sequence[int]) -> None:
    facts = probe(encoded(tmp_path / "a.mkv", stamps))
    assert (facts.uneven, facts.notes, facts.usual_rate) == (False, (), facts.frame_rate)


@pytest.mark.parametrize(("name", "said"), [("a.h264", ("a raw stream states no times; 25 frames/s assumed",)), ("a.mkv", ())])
def test_a_rate_that_nothing_states_is_said_to_be_assumed(tmp_path: Path, name: str, said: tuple[str, ...]) -> None:
    facts = probe(encoded(tmp_path / name, range(0, 400, 40)))
    assert (facts.frames, facts.frame_rate, facts.notes) == (10, 25, said)
