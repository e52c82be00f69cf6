"""Extraction beside a bare loop: decode and encode of a video, read and write of images. Then two workers beside one.

The time to remove what was written counts for neither.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Timed, Work, compare
from benchmarks.workers import beside_one
from pipeline.artifacts.publication import Publication
from pipeline.params.sections.data import Source
from pipeline.sources import plan
from pipeline.sources.extraction import Extraction, perform

WIDTH, HEIGHT, FRAMES, RATE, QUALITY = 1280, 720, 120, 30, 92
NOISE = 6.0  # standard deviation of the grain, which decides how many bytes a frame takes
GROUP_MB = 16.0  # as in the paper's preset
WRITTEN = "written-"  # start of the names of folders with results


def measure() -> Iterator[Timed]:
    """Videos and images, one worker; then two workers on two sequences."""
    with tempfile.TemporaryDirectory(prefix="throughline-extraction-") as name:
        folder = Path(name)
        write_video(folder / "videos/a/a.mp4")
        write_images(folder / "videos/a/a.mp4", folder / "images/a/img1")
        for kind in ("videos", "images"):
            shutil.copytree(folder / kind / "a", folder / kind / "b")
        size = f"{WIDTH}x{HEIGHT}"
        ways = {"decode, encode, write": partial(decode_and_encode, folder, "a")}
        yield _beside(f"extraction, video {size}", folder, partial(extract, folder, "videos", ("a",)), ways)
        ways = {"read, check, write": partial(read_check_write, folder, "a"), "read, write": partial(read_and_write, folder, "a")}
        yield _beside(f"extraction, images {size}", folder, partial(extract, folder, "images", ("a",)), ways)
        for what, kind, bare in (("video", "videos", decode_and_encode), ("images", "images", read_check_write)):
            yield from beside_one(
                f"extraction, {what}", 2 * FRAMES, partial(extract_one, kind=kind), bare, [(folder, "a"), (folder, "b")], forget(folder)
            )


def _beside(what: str, folder: Path, ours: Work, ways: Mapping[str, Work]) -> Timed:
    return compare(what, "frame", FRAMES, ours, ways, aim=0.85, rounds=11, clock=time.process_time, after=forget(folder))


def extract(folder: Path, kind: str, sequences: tuple[str, ...]) -> None:
    """Extract sequences as the stage does, to a new folder in `folder`."""
    extract_to(fresh(folder) / "out", folder, kind, sequences)


def extract_one(folder: Path, name: str, *, kind: str) -> None:
    """Extract one sequence, as `extract`."""
    extract(folder, kind, (name,))


def extract_to(out: Path, folder: Path, kind: str, sequences: tuple[str, ...]) -> None:
    """Extract sequences as the stage does, to `out`."""
    source = Source(name=kind, kind="mot_challenge", root=str(folder / kind), sequences=list(sequences), images_per_file=64)
    publication = Publication(out, "extract_frames", "a" * 64)
    for sequence in plan([source], data_root="", root=folder, strict=True).sequences:
        perform(Extraction(publication, sequence, QUALITY, GROUP_MB, True, ""))
    publication.publish()


def fresh(folder: Path) -> Path:
    """A new folder in `folder`."""
    return Path(tempfile.mkdtemp(prefix=WRITTEN, dir=folder))


def forget(folder: Path) -> Work:
    """Work that removes all folders in `folder` that `fresh` made."""

    def work() -> None:
        for written in folder.glob(f"{WRITTEN}*"):
            shutil.rmtree(written)

    return work


def decode_and_encode(folder: Path, name: str) -> Path:
    """The work that a video makes unavoidable: frames to RGB, RGB to JPEG, JPEGs to the disk; returns the file."""
    bare = fresh(folder) / "bare"
    with av.open(str(folder / f"videos/{name}/a.mp4")) as container, bare.open("wb") as out:
        container.streams.video[0].codec_context.thread_count = 1
        for frame in container.decode(video=0):
            out.write(_jpeg(frame.to_ndarray(format="rgb24")))
    return bare


def read_and_write(folder: Path, name: str) -> Path:
    """Copy images that are JPEGs already into one file, without a check; returns it."""
    bare = fresh(folder) / "bare"
    with bare.open("wb") as out:
        for path in sorted((folder / f"images/{name}/img1").iterdir()):
            out.write(path.read_bytes())
    return bare


def read_check_write(folder: Path, name: str) -> Path:
    """The work that images make unavoidable, since damage must be named: each is copied, and decoded by FFmpeg at an eighth of its size."""
    bare = fresh(folder) / "bare"
    with bare.open("wb") as out:
        for path in sorted((folder / f"images/{name}/img1").iterdir()):
            raw = path.read_bytes()
            codec = av.CodecContext.create("mjpeg", "r")
            codec.options = {"err_detect": "explode", "lowres": "3"}
            codec.decode(av.Packet(raw))
            out.write(raw)
    return bare


def write_video(path: Path) -> None:
    """A film of a camera that moves over a grainy scene."""
    random = np.random.default_rng(1)
    coarse = random.integers(40, 215, (HEIGHT // 16, WIDTH // 8, 3)).astype(np.uint8)
    scene = cv2.resize(coarse, (2 * WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    path.parent.mkdir(parents=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(FRAMES):
            seen = scene[:, 4 * number : 4 * number + WIDTH] + random.normal(0, NOISE, (HEIGHT, WIDTH, 1))
            frame = av.VideoFrame.from_ndarray(np.clip(seen, 0, 255).astype(np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def write_images(video: Path, folder: Path) -> None:
    """Write the frames of a video as numbered JPEGs, from 000001.jpg on."""
    folder.mkdir(parents=True)
    with av.open(str(video)) as container:
        for number, frame in enumerate(container.decode(video=0), 1):
            (folder / f"{number:06d}.jpg").write_bytes(_jpeg(frame.to_ndarray(format="rgb24")))


def _jpeg(image: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
