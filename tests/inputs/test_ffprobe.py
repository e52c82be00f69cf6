"""Videos of many kinds, made by ffmpeg, read by us and by ffprobe: the same frames, in the same order, at the same times.

Frame n of a video is grey of luma 16 + 4 n, so that a picture tells its place. Needs Debian's ffmpeg.
"""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.files.video import probe, read_video
from pipeline.files.video_facts import opened

SIDE = 64  # pixels
NEAR = 0.001  # seconds
GREY = 5  # levels by which lossy codecs may differ
X264 = ["-c:v", "libx264", "-preset", "ultrafast"]
B = ["-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "12"]
OPEN = [*B, "-x264-params", "open-gop=1:scenecut=0:b-adapt=0:keyint=12:bframes=2"]
MPEG4, MPEG2, HEVC = ["-c:v", "mpeg4"], ["-c:v", "mpeg2video", "-bf", "2", "-g", "12"], ["-c:v", "libx265", "-preset", "ultrafast"]
VP8, VP9 = ["-c:v", "libvpx", "-deadline", "realtime"], ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"]
ALTREF = ["-auto-alt-ref", "1", "-lag-in-frames", "16", "-deadline", "good", "-b:v", "50k"]
TWO_SECONDS_APART = "setpts='N*2/TB'"
UNEVEN = "setpts='(N+0.3*mod(N,3))/25/TB'"
HOLE = "setpts='if(lt(N,12),N,N+250)/25/TB'"
SPARSE = "select='not(mod(n,3))'"

# name of the file: what ffmpeg is told between source and file; frames a second where not 25
MADE: dict[str, tuple[list[str], str]] = {
    "h264.mp4": (X264, "25"),
    "h264_b.mp4": (B, "25"),
    "h264_open.mp4": (OPEN, "25"),
    "h264_b.mkv": (B, "25"),
    "h264_open.mkv": (OPEN, "25"),
    "h264.mov": (X264, "25"),
    "h264_b.mov": (B, "25"),
    "h264.ts": (X264, "25"),
    "h264_b.ts": (B, "25"),
    "h264_open.ts": (OPEN, "25"),
    "h264.flv": (X264, "25"),
    "h264_b.flv": (B, "25"),
    "h264.avi": (X264, "25"),
    "h264_b.avi": (B, "25"),
    "h264_b.m2ts": (B, "25"),
    "h264.mts": ([*X264, "-f", "mpegts", "-mpegts_m2ts_mode", "1"], "25"),
    "h264.3gp": (X264, "25"),
    "fragmented.mp4": ([*B, "-movflags", "frag_keyframe+empty_moov"], "25"),
    "faststart.mp4": ([*B, "-movflags", "faststart"], "25"),
    "hevc.mp4": ([*HEVC, "-tag:v", "hvc1"], "25"),
    "hevc.mkv": (HEVC, "25"),
    "hevc.ts": (HEVC, "25"),
    "mpeg4.avi": (MPEG4, "25"),
    "mpeg4_b.avi": ([*MPEG4, "-bf", "2"], "25"),
    "mpeg4.mp4": (MPEG4, "25"),
    "mpeg4_b.mp4": ([*MPEG4, "-bf", "2"], "25"),
    "mpeg4.mkv": (MPEG4, "25"),
    "mpeg4.mov": (MPEG4, "25"),
    "xvid.avi": (["-c:v", "libxvid", "-bf", "2"], "25"),
    "mpeg2.mpg": (MPEG2, "25"),
    "mpeg2.ts": (MPEG2, "25"),
    "mpeg2.mkv": (MPEG2, "25"),
    "mpeg2.vob": (MPEG2, "25"),
    "mpeg1.mpg": (["-c:v", "mpeg1video"], "25"),
    "interlaced.ts": ([*MPEG2, "-flags", "+ilme+ildct"], "25"),
    "mpeg2.mxf": (["-c:v", "mpeg2video"], "25"),
    "vp8.webm": (VP8, "25"),
    "vp8.mkv": (VP8, "25"),
    "vp9.webm": (VP9, "25"),
    "vp9.mp4": (VP9, "25"),
    "vp8_hidden.webm": (["-c:v", "libvpx", *ALTREF], "25"),
    "vp9_hidden.webm": (["-c:v", "libvpx-vp9", *ALTREF, "-cpu-used", "8"], "25"),
    "theora.ogv": (["-c:v", "libtheora"], "25"),
    "mjpeg.avi": (["-c:v", "mjpeg"], "25"),
    "mjpeg.mov": (["-c:v", "mjpeg"], "25"),
    "ffv1.mkv": (["-c:v", "ffv1"], "25"),
    "raw.avi": (["-c:v", "rawvideo"], "25"),
    "prores.mov": (["-c:v", "prores"], "25"),
    "wmv2.wmv": (["-c:v", "wmv2"], "25"),
    "wmv2.asf": (["-c:v", "wmv2"], "25"),
    "flv1.flv": (["-c:v", "flv1"], "25"),
    "y4m.y4m": ([], "25"),
    "ntsc.mp4": (B, "30000/1001"),
    "ntsc.mkv": (B, "30000/1001"),
    "ntsc.ts": (B, "30000/1001"),
    "film.avi": (MPEG4, "24000/1001"),
    "fast.mp4": (B, "120"),
    "fast.mkv": (B, "120"),
    "one.mkv": (B, "1"),
    "one.mp4": (B, "1"),
    "half.mkv": (B, "1/2"),
    "half.webm": (VP8, "1/2"),
    "half.ts": (B, "1/2"),
    "half.mp4": (B, "1/2"),
    "half.avi": (MPEG4, "1/2"),
    "p8.mkv": (B, "4/5"),
    "p8.flv": (B, "4/5"),
    "decimal.avi": (MPEG4, "12.5"),
    "uneven.mp4": (["-vf", UNEVEN, *B, "-vsync", "vfr"], "25"),
    "uneven.mkv": (["-vf", UNEVEN, *B, "-vsync", "vfr"], "25"),
    "uneven.webm": (["-vf", UNEVEN, *VP8, "-vsync", "vfr"], "25"),
    "hole.mp4": (["-vf", HOLE, *B, "-vsync", "vfr"], "25"),
    "hole.mkv": (["-vf", HOLE, *B, "-vsync", "vfr"], "25"),
    "hole.ts": (["-vf", HOLE, *B, "-vsync", "vfr"], "25"),
    "sparse.avi": (["-vf", SPARSE, *MPEG4, "-vsync", "vfr"], "25"),
    "sparse_copy.avi": (["-vf", SPARSE, "-c:v", "mjpeg", "-vsync", "vfr"], "25"),
    "late.mkv": (["-output_ts_offset", "7.5", *B], "25"),
    "late.ts": (["-output_ts_offset", "7.5", *B], "25"),
    "late.mp4": (["-output_ts_offset", "3", *B], "25"),
    "turned.mp4": ([*B, "-metadata:s:v", "rotate=90"], "25"),
}


def ffmpeg(*arguments: str | Path) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)], check=True, capture_output=True, timeout=60)


def made(folder: Path, name: str, frames: int = 25) -> Path:
    """A video of the table."""
    options, rate = MADE[name]
    grey = f"color=c=black:s={SIDE}x{SIDE}:r={rate},format=yuv420p,geq=lum='16+4*mod(N,50)':cb=128:cr=128"
    ffmpeg("-f", "lavfi", "-i", grey, *(["-vf", options[1]] if options[:1] == ["-vf"] else []), "-frames:v", str(frames),
           *(options[2:] if options[:1] == ["-vf"] else options), folder / name)  # fmt: skip
    return folder / name


def copied(source: str, target: str, *arguments: str) -> Callable[[Path], Path]:
    """A stream copy of a part of a made one; an edit list in MP4, a cut inside a group of pictures elsewhere."""

    def make(folder: Path) -> Path:
        made(folder, source, 48)
        before = list(arguments[: arguments.index("|")]) if "|" in arguments else []
        after = list(arguments[arguments.index("|") + 1 :] if "|" in arguments else arguments)
        ffmpeg(*before, "-i", folder / source, "-c", "copy", *after, folder / target)
        return folder / target

    return make


def joined(folder: Path, *names: str, target: str = "joined.ts") -> Path:
    """Files one behind the other, byte by byte."""
    (folder / target).write_bytes(b"".join(made(folder, name).read_bytes() for name in names))
    return folder / target


def begun_late(folder: Path, name: str, packets: int) -> Path:
    """A recording that begins inside a group of pictures: its first packets of 188 bytes are gone."""
    path = made(folder, name, 48)
    raw = path.read_bytes()
    tables, rest = raw[: 3 * 188], raw[3 * 188 :]
    path.write_bytes(tables + rest[packets * 188 :])
    return path


def with_sound(folder: Path, name: str, *options: str) -> Path:
    made(folder, "h264_b.mkv")
    ffmpeg("-i", folder / "h264_b.mkv", "-f", "lavfi", "-i", "sine=d=3", "-c:v", "copy", *options, folder / name)
    return folder / name


def two_streams(folder: Path, name: str, *options: str) -> Path:
    made(folder, "h264_b.mkv")
    ffmpeg(
        "-f",
        "lavfi",
        "-i",
        "color=c=white:s=32x32:r=25:d=0.5",
        "-i",
        folder / "h264_b.mkv",
        "-map",
        "0:v",
        "-map",
        "1:v",
        *X264,
        *options,
        folder / name,
    )
    return folder / name


OTHERS: dict[str, Callable[[Path], Path]] = {
    "edit list: cut at a key frame": copied("h264_b.mp4", "cut.mp4", "-ss", "0.48", "|", "-t", "0.8"),
    "edit list: cut between key frames": copied("h264_b.mp4", "cut.mp4", "-ss", "0.7", "|"),
    "edit list: end": copied("h264_b.mp4", "cut.mp4", "-t", "0.9"),
    "cut MKV": copied("h264_b.mkv", "cut.mkv", "-ss", "0.7", "|"),
    "cut MKV of open groups": copied("h264_open.mkv", "cut.mkv", "-ss", "0.9", "|"),
    "cut TS": copied("h264_b.ts", "cut.ts", "-ss", "0.7", "|"),
    "cut AVI": copied("mpeg4.avi", "cut.avi", "-ss", "0.7", "|"),
    "remuxed to MP4": copied("h264_b.ts", "again.mp4"),
    "remuxed to AVI": copied("h264_b.mkv", "again.avi", "-bsf:v", "h264_mp4toannexb"),
    "packed B-frames": copied("mpeg4_b.avi", "again.avi"),
    "joined TS": lambda folder: joined(folder, "h264_b.ts", "h264_b.ts"),
    "joined TS of three": lambda folder: joined(folder, "h264.ts", "h264_b.ts", "h264.ts"),
    "joined TS, the second later": lambda folder: joined(folder, "h264_b.ts", "late.ts"),
    "joined MPEG-2": lambda folder: joined(folder, "mpeg2.ts", "mpeg2.ts"),
    "joined MPG": lambda folder: joined(folder, "mpeg2.mpg", "mpeg2.mpg", target="joined.mpg"),
    "TS begun late": lambda folder: begun_late(folder, "h264_b.ts", 12),
    "MPEG-2 begun late": lambda folder: begun_late(folder, "mpeg2.ts", 9),
    "longer sound in MP4": lambda folder: with_sound(folder, "a.mp4", "-c:a", "aac"),
    "longer sound in MKV": lambda folder: with_sound(folder, "a.mkv", "-c:a", "aac"),
    "longer sound in TS": lambda folder: with_sound(folder, "a.ts", "-c:a", "aac"),
    "two streams, the second default": lambda folder: two_streams(
        folder, "two.mkv", "-disposition:v:0", "0", "-disposition:v:1", "default"
    ),
    "a cover first": lambda folder: two_streams(folder, "cover.mp4", "-disposition:v:0", "attached_pic", "-c:v:0", "png"),
}


@functools.cache
def present() -> bool:
    return shutil.which("ffmpeg") is not None and shutil.which("ffprobe") is not None


def asked(path: Path, stream: int, *entries: str) -> dict[str, Any]:
    command = ["ffprobe", "-v", "quiet", "-select_streams", str(stream), "-of", "json", "-show_entries", ":".join(entries), str(path)]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)
    return found


def greys(path: Path, stream: int) -> list[float]:
    """Mean brightness of each frame as ffmpeg decodes them."""
    command = ["ffmpeg", "-v", "quiet", "-nostdin", "-i", str(path), "-map", f"0:{stream}", "-vsync", "passthrough"]
    raw = subprocess.run(
        [*command, "-vf", "scale=8:8", "-pix_fmt", "gray", "-f", "rawvideo", "-"], check=True, capture_output=True, timeout=60
    )
    return [float(frame.mean()) for frame in np.frombuffer(raw.stdout, np.uint8).reshape(-1, 64)]


def check(path: Path) -> None:
    """Count, order, times and rate; the rate where each frame is one of the header's and comes at its time."""
    frames, facts = list(read_video(path)), probe(path)
    with opened(path) as (_, chosen):
        stream = chosen.index
    assert facts.width == SIDE
    found = asked(path, stream, "frame=best_effort_timestamp_time", "stream=avg_frame_rate")
    stamps = [frame.get("best_effort_timestamp_time") for frame in found["frames"]]
    assert len(frames) == len(stamps) == facts.frames
    theirs = greys(path, stream)
    if len(theirs) == len(frames):  # ffmpeg leaves out frames that an edit list hides only from players
        np.testing.assert_allclose([float(frame.image.mean()) for frame in frames], theirs, atol=GREY)
    times = [frame.time for frame in frames]
    assert times == sorted(set(times))
    known = [float(stamp) for stamp in stamps if stamp is not None]
    if len(known) == len(times):
        steps, expected = np.diff(times), np.diff(known)
        np.testing.assert_allclose(steps[expected > 0], expected[expected > 0], atol=NEAR)  # else time begins anew
        if (expected > 0).all():
            np.testing.assert_allclose(times, np.subtract(known, known[0]), atol=NEAR)
    above, below = map(int, found["streams"][0]["avg_frame_rate"].split("/"))
    even = not (facts.uneven or facts.joined or facts.leading) and facts.promised in (None, facts.frames)
    if below and above and len(times) > 2 and even:
        assert facts.frame_rate == pytest.approx(above / below, rel=0.06)


NAMES = [*MADE, *OTHERS]


def test_there_are_sixty_and_more() -> None:
    assert len(NAMES) >= 60


@pytest.mark.slow
@pytest.mark.parametrize("part", range(0, len(NAMES), 10))
def test_frames_and_times_are_ffprobes(tmp_path: Path, part: int) -> None:
    if not present():
        pytest.skip("ffmpeg and ffprobe are not installed (apt-get install ffmpeg)")
    for name in NAMES[part : part + 10]:
        (tmp_path / name).mkdir()
        path = made(tmp_path / name, name) if name in MADE else OTHERS[name](tmp_path / name)
        check(path)
