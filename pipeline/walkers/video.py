"""A video file whose bytes depend on its frames alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av
import av.error
import cv2
import numpy as np

from pipeline.errors import UserError
from pipeline.walkers.people import Image


class Sink(Protocol):
    """Takes the frames of a sequence in order."""

    def __call__(self, image: Image) -> None:
        """Append an (H, W, 3) uint8 blue-green-red frame."""


def encoder() -> tuple[str, dict[str, str]]:
    """Name and options of the encoder: H.264 where PyAV has it, else MPEG-4."""
    try:
        av.codec.Codec("libx264", "w")
        return "libx264", {"crf": "19", "preset": "veryfast", "threads": "1"}
    except av.error.FFmpegError:
        return "mpeg4", {"q:v": "3", "threads": "1"}


def even(width: int, height: int) -> None:
    """Check a frame size.

    Raises:
        UserError: a side is odd, which the video's colour format cannot hold.
    """
    if width % 2 or height % 2:
        allowed = f"{width + width % 2}x{height + height % 2}"
        raise UserError(f"render_walkers.width and height: video needs even sides, got {width}x{height}\nnext: use {allowed}")


@contextmanager
def video_sink(path: Path, width: int, height: int, rate: float) -> Iterator[Sink]:
    """Write an MP4 at a constant rate; one encoder thread and no dates, so the same frames give the same file."""
    even(width, height)
    name, options = encoder()
    exact = Fraction(rate).limit_denominator(1001)
    with av.open(str(path), "w", format="mp4", container_options={"fflags": "+bitexact", "movflags": "+faststart"}) as container:
        stream = container.add_stream(name, rate=exact, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.thread_count = 1

        def append(image: Image) -> None:
            planes = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(planes, format="yuv420p")))

        yield append
        container.mux(stream.encode(None))
