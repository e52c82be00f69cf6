"""Video files through PyAV: frames with exact times, whatever still decodes of a damaged file, and H.264 files that play everywhere."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError

SUFFIXES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ts", ".webm")
TAIL_SECONDS = 1.0  # a file that states a duration may end this much earlier: the figure is rounded by some writers
av.logging.set_level(av.logging.PANIC)  # damage is reported by us, with the file's name


@dataclass(frozen=True)
class VideoFrame:
    """A decoded frame.

    Attributes:
        number: from 1, its place among all frames of the file, lost ones included.
        time: seconds from the first frame, exactly as the file's time stamps say.
        image: (H, W, 3) uint8 RGB, turned upright as the file's display matrix says.
    """

    number: int
    time: float
    image: NDArray[np.uint8]


@dataclass(frozen=True)
class VideoFacts:
    """What a file holds, learnt without decoding.

    Attributes:
        frames: coded frames found by reading the whole file.
        promised: frames that its header states, None when it does not.
        frame_rate: mean frames a second from the time stamps (the header's for a single frame), None when unknown.
        width: pixels as stored (before turning).
        height: pixels as stored.
        stamps: presentation time stamps in display order; empty when frames lack them.
        time_base: seconds a unit of `stamps`.
        damage: what is missing at the end, "" when nothing.
    """

    frames: int
    promised: int | None
    frame_rate: float | None
    width: int
    height: int
    stamps: tuple[int, ...]
    time_base: Fraction
    damage: str


def probe(path: Path) -> VideoFacts:
    """Read through a file without decoding it.

    Raises:
        UserError: it cannot be opened, or holds no frame at all.
    """
    with _opened(path) as (container, stream):
        packets, broken = _packets(container, stream)
        stamps = sorted(packet.pts for packet in packets if packet.pts is not None)
        known = len(set(stamps)) == len(packets) > 0
        header = None if stream.average_rate is None else float(stream.average_rate)
        discarded = sum(packet.is_discard for packet in packets)
        facts = VideoFacts(
            frames=len(packets) - discarded,
            promised=stream.frames - discarded if stream.frames else None,
            frame_rate=_mean_rate(stamps, stream.time_base) if known and len(stamps) > 1 else header,
            width=stream.width,
            height=stream.height,
            stamps=tuple(sorted(packet.pts for packet in packets if not packet.is_discard)) if known else (),
            time_base=stream.time_base,
            damage=broken,
        )
        damage = broken or _missing_tail(facts, container)
    if facts.frames == 0:
        raise UserError(f"{path}: the video holds no frame\nnext: replace the file")
    return VideoFacts(**(vars(facts) | {"damage": damage}))


def read_video(path: Path, *, defects: list[str] | None = None) -> Iterator[VideoFrame]:
    """Decode a file to its end, past damage where there is any.

    Frames lost to damage leave a gap in the numbers, as far as the file still tells that they existed.

    Args:
        path: a video file.
        defects: gets one line that says which frames were lost; None: a loss is raised instead, after the frames before it.

    Raises:
        UserError: the file cannot be opened, or frames were lost and `defects` is None.
    """
    facts = probe(path)
    lost, count, last = [], 0, 0
    for frame in _decode(path, facts):
        if isinstance(frame, str):
            lost.append(frame)
            continue
        _stop_at_loss(path, lost, last, defects)
        count, last = count + 1, frame.number
        yield frame
    expected = max(facts.frames, facts.promised or 0)
    if count < expected or lost or facts.damage:
        reasons = "; ".join(dict.fromkeys([*lost, facts.damage] if facts.damage else lost)) or "some do not decode"
        amount = f"{expected - count} of {expected} frames" if count < expected else "an unknown number of frames"
        lost = [f"{amount} lost, the last good one is {last} ({reasons})"]
    _stop_at_loss(path, lost, last, defects)
    if defects is not None:
        defects.extend(f"{path}: {loss}" for loss in lost)


class VideoWriter:
    """Writes an H.264 MP4 that browsers play (yuv420p, index first); use as a context manager.

    The same frames give the same bytes: one encoder thread, and no macroblock tree, for which x264 reads memory that it has not written
    (at 320x180 two files were hardly ever the same). Odd sizes lose their last row or column.

    Args:
        path: file to write, its name ending in .mp4.
        frame_rate: frames a second.
        quality: x264's constant rate factor, 0 (lossless) to 51; 23 is its default.
    """

    def __init__(self, path: Path, frame_rate: float, quality: int = 23) -> None:
        self._container = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        self._rate = Fraction(frame_rate).limit_denominator(1001)
        self._options = {"crf": str(quality), "preset": "veryfast", "mbtree": "0"}
        self._stream: Any = None

    def write(self, image: NDArray[np.uint8]) -> None:
        """Append (H, W, 3) uint8 RGB; every frame has the size of the first."""
        height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
        if self._stream is None:
            self._stream = self._container.add_stream("libx264", rate=self._rate, options=self._options)
            self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
            self._stream.codec_context.thread_count = 1
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image[:height, :width]), format="rgb24")
        self._container.mux(self._stream.encode(frame))

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._stream is not None and error is None:
            self._container.mux(self._stream.encode())
        self._container.close()


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """The container and its video stream; both die with the block (reading a stream of a closed container crashes Python)."""
    try:
        container = av.open(str(path))
    except av.error.FileNotFoundError:
        raise UserError(f"{path}: no such video file\nnext: check the path") from None
    except (av.error.FFmpegError, OSError) as error:
        raise UserError(
            f"{path}: the video cannot be opened ({error.strerror}); it is cut off before its index, or not a video\n"
            "next: copy the file again from its source, or repair it (an MP4 without its end has lost its index)"
        ) from None
    with container:
        if not container.streams.video:
            raise UserError(f"{path}: the file has no video stream\nnext: replace it")
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1  # one CPU a task; more tasks are better than more threads
        yield container, stream


def _packets(container: Any, stream: Any) -> tuple[list[Any], str]:
    """All coded frames without their end mark, and what stopped the reading early."""
    found: list[Any] = []
    try:
        for packet in container.demux(stream):
            if packet.size:
                found.append(_Packet(packet.pts, bool(packet.is_discard)))
    except (av.error.FFmpegError, OSError) as error:
        return found, f"the file cannot be read past frame {len(found)}: {error.strerror}"
    return found, ""


@dataclass(frozen=True)
class _Packet:
    """The part of a packet that may outlive its container."""

    pts: int | None
    is_discard: bool


def _mean_rate(stamps: list[int], time_base: Fraction) -> float:
    return float((len(stamps) - 1) / ((stamps[-1] - stamps[0]) * time_base))


def _missing_tail(facts: VideoFacts, container: Any) -> str:
    """Compare what the header promises with what is there."""
    if facts.promised is not None and facts.frames < facts.promised:
        return f"its header promises {facts.promised} frames, the file ends after {facts.frames}"
    # With sound the container's duration may be the sound's, and says nothing about the frames.
    if facts.promised is None and facts.stamps and container.duration and len(container.streams) == 1:
        seconds, held = container.duration / av.time_base, float((facts.stamps[-1] - facts.stamps[0]) * facts.time_base)
        if held + TAIL_SECONDS < seconds:
            return f"its header promises {seconds:.2f} s, the file ends after {held:.2f} s"
    return ""


def _decode(path: Path, facts: VideoFacts) -> Iterator[VideoFrame | str]:
    """Frames, and in their place a reason where frames are lost; numbers come from the time stamps after a loss."""
    number, lost = 0, False
    first = facts.stamps[0] * facts.time_base if facts.stamps else None
    with _opened(path) as (container, stream):
        for frame in _frames(container, stream):
            if isinstance(frame, str):
                lost = True
                yield frame
                continue
            place = _place(frame.pts, facts.stamps) if lost and facts.stamps and frame.pts is not None else number + 1
            if place <= number:  # after damage a decoder may hand out frames in the wrong order
                yield "a frame comes out of order"
                continue
            number = place
            seconds = _seconds(frame, number, facts)
            first = seconds if first is None else first
            yield VideoFrame(number, float(seconds - first), _upright(frame))


def _frames(container: Any, stream: Any) -> Iterator[Any]:
    """PyAV's frames; a string where a packet does not decode. What follows damage is still tried."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except (av.error.FFmpegError, OSError) as error:
            yield f"reading fails: {error.strerror}"
            packet = None
        if packet is not None and packet.is_corrupt:
            yield "a packet is cut off"
            continue
        try:
            frames = packet.decode() if packet is not None else stream.decode(None)
        except av.error.EOFError:
            frames = []  # the end mark was already sent
        except av.error.FFmpegError as error:
            yield f"a packet does not decode: {error.strerror}"
            continue
        for frame in frames:
            yield "a frame is damaged" if frame.is_corrupt else frame
        if packet is None:
            return


def _place(stamp: int, stamps: tuple[int, ...]) -> int:
    return bisect_left(stamps, stamp) + 1


def _seconds(frame: Any, number: int, facts: VideoFacts) -> Fraction:
    if frame.pts is not None and frame.time_base is not None:
        return Fraction(frame.pts * frame.time_base)
    return Fraction(number - 1) / Fraction(facts.frame_rate or 1.0)


def _upright(frame: Any) -> NDArray[np.uint8]:
    image: NDArray[np.uint8] = frame.to_ndarray(format="rgb24")
    quarters = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(image, quarters)) if quarters else image


def _stop_at_loss(path: Path, lost: list[str], last: int, defects: list[str] | None) -> None:
    if lost and defects is None:
        raise UserError(
            f"{path}: damaged after frame {last}: {lost[0]}\n"
            "next: replace the file, or set extract_frames.defects to skip_and_report to use what still decodes"
        )
