"""Extraction beside a bare loop: decode and encode of a video, read and write of images. Then two workers beside one."""

from __future__ import annotations

import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Timed, Work, compare
from pipeline.params import Source
from pipeline.publish import Publication
from pipeline.sources import plan
from pipeline.sources.extraction import Extraction, perform

WIDTH, HEIGHT, FRAMES, RATE, QUALITY = 1280, 720, 120, 30, 92
NOISE = 6.0  # standard deviation of the grain, which decides how many bytes a frame takes
GROUP_MB = 4.0


def measure() -> Iterator[Timed]:
    """Videos and images, one worker; then two workers on two sequences."""
    with tempfile.TemporaryDirectory(prefix="throughline-extraction-") as name:
        folder = Path(name)
        write_video(folder / "videos/a/a.mp4")
        write_images(folder / "videos/a/a.mp4", folder / "images/a/img1")
        shutil.copytree(folder / "videos/a", folder / "videos/b")
        size = f"{WIDTH}x{HEIGHT}"
        ways = {"decode, encode, write": partial(decode_and_encode, folder)}
        yield _beside(f"extraction, video {size}", partial(extract, folder, "videos", ("a",)), ways)
        ways = {"read, check, write": partial(read_and_write, folder, check=True), "read, write": partial(read_and_write, folder)}
        yield _beside(f"extraction, images {size}", partial(extract, folder, "images", ("a",)), ways)
        with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
            yield _two_workers(folder, pool)


def _beside(what: str, ours: Work, ways: dict[str, Work]) -> Timed:
    return compare(what, "frame", FRAMES, ours, ways, aim=0.85, rounds=5, clock=time.process_time)


def _two_workers(folder: Path, pool: ProcessPoolExecutor) -> Timed:
    """Seconds a frame of two workers; the peer is one worker after the other, which an ideal pair is twice as fast as."""

    def two() -> None:
        list(pool.map(extract, [folder] * 2, ["videos"] * 2, [("a",), ("b",)]))

    def alone() -> None:
        for name in ("a", "b"):
            pool.submit(extract, folder, "videos", (name,)).result()

    return compare("extraction, video, two workers", "frame", 2 * FRAMES, two, {"one worker": alone}, aim=1.8, rounds=5)


def extract(folder: Path, kind: str, sequences: tuple[str, ...]) -> None:
    """The stage's work on some sequences."""
    out = folder / f"out-{sequences[0]}"
    extract_to(out, folder, kind, sequences)
    shutil.rmtree(out)


def extract_to(out: Path, folder: Path, kind: str, sequences: tuple[str, ...]) -> None:
    """The same, kept in `out`."""
    source = Source(name=kind, kind="mot_challenge", root=str(folder / kind), sequences=list(sequences), images_per_file=64)
    publication = Publication(out, "extract_frames", "a" * 64)
    for sequence in plan([source], data_root="", root=folder, strict=True).sequences:
        perform(Extraction(publication, sequence, QUALITY, GROUP_MB, True, ""))
    publication.publish()


def decode_and_encode(folder: Path) -> None:
    """All that cannot be avoided of a video: frames to RGB, RGB to JPEG, JPEGs to the disk."""
    with av.open(str(folder / "videos/a/a.mp4")) as container, (folder / "bare").open("wb") as out:
        container.streams.video[0].codec_context.thread_count = 1
        for frame in container.decode(video=0):
            out.write(_jpeg(frame.to_ndarray(format="rgb24")))


def read_and_write(folder: Path, *, check: bool = False) -> None:
    """All that cannot be avoided of images that are JPEGs already; `check` reads each once with FFmpeg, at an eighth of its size."""
    with (folder / "bare").open("wb") as out:
        for path in sorted((folder / "images/a/img1").iterdir()):
            raw = path.read_bytes()
            if check:
                codec = av.CodecContext.create("mjpeg", "r")
                codec.options = {"err_detect": "explode", "lowres": "3"}
                codec.decode(av.Packet(raw))
            out.write(raw)


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
    """The same film as numbered JPEGs."""
    folder.mkdir(parents=True)
    with av.open(str(video)) as container:
        for number, frame in enumerate(container.decode(video=0), 1):
            (folder / f"{number:06d}.jpg").write_bytes(_jpeg(frame.to_ndarray(format="rgb24")))


def _jpeg(image: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
