"""Video files through PyAV: frames with exact times, whatever still decodes of a damaged file, and H.264 files that play everywhere."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np
from av.sidedata.sidedata import Type
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.files.video_facts import NEAR, RESTART, VideoFacts, file_url, opened, probe

SUFFIXES = (
    ".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ts", ".webm",
    ".3g2", ".3gp", ".asf", ".divx", ".f4v", ".flv", ".m2ts", ".m2v", ".mts", ".mxf", ".ogv", ".vob", ".wmv", ".y4m",
)  # fmt: skip
TICKS = 90_000  # per second: unit of the time stamps that are written for frames of a varying rate
__all__ = ["SUFFIXES", "VideoFacts", "VideoFrame", "VideoWriter", "probe", "read_video"]


@dataclass(frozen=True)
class VideoFrame:
    """A decoded frame.

    Attributes:
        number: from 1, its place among all frames of the file, lost ones included.
        time: seconds from the first frame, as the file's time stamps say; they ascend, also where stamps begin anew.
        image: (H, W, 3) uint8 RGB, turned and mirrored as the file's display matrix says.
    """

    number: int
    time: float
    image: NDArray[np.uint8]


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
    expected = max(facts.frames, facts.promised or 0) if facts.damage else facts.frames
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
        frame_rate: frames per second.
        quality: x264's constant rate factor, 0 (lossless) to 51; 23 is its default.
        timed: whether frames come with their times, of a varying rate.
    """

    def __init__(self, path: Path, frame_rate: float, quality: int = 23, *, timed: bool = False) -> None:
        self._timed = timed
        self._container = av.open(file_url(path), "w", format="mp4", options={"movflags": "+faststart"})
        self._rate = Fraction(frame_rate).limit_denominator(1001)
        self._options = {"crf": str(quality), "preset": "veryfast", "mbtree": "0"}
        self._stream: Any = None

    def write(self, image: NDArray[np.uint8], time: float = 0.0) -> None:
        """Append (H, W, 3) uint8 RGB; every frame has the size of the first; `time` in seconds is used where the writer is timed."""
        height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
        if self._stream is None:
            self._stream = self._container.add_stream("libx264", rate=self._rate, options=self._options)
            self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
            self._stream.codec_context.thread_count = 1
            if self._timed:
                self._stream.codec_context.time_base = Fraction(1, TICKS)
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image[:height, :width]), format="rgb24")
        if self._timed:
            frame.pts, frame.time_base = round(time * TICKS), Fraction(1, TICKS)
        self._container.mux(self._stream.encode(frame))

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._stream is not None and error is None:
            self._container.mux(self._stream.encode())
        self._container.close()


def _decode(path: Path, facts: VideoFacts) -> Iterator[VideoFrame | str]:
    """Frames, and in their place a reason where frames are lost; numbers come from the time stamps after a loss."""
    number, lost, first, clock = 0, False, None, _Clock(facts)
    with opened(path) as (container, stream):
        clock.by_dts = container.format.name == "avi"  # which has no presentation times; those that are made up come out of order
        for frame in _frames(container, stream, facts):
            if isinstance(frame, str):
                lost = True
                yield frame
                continue
            placed = lost and facts.stamps and frame.pts is not None and not facts.joined
            place = _place(frame.pts, facts.stamps) if placed else number + 1
            if place <= number:  # after damage a decoder may hand out frames in the wrong order
                yield "a frame comes out of order"
                continue
            number = place
            seconds = clock.seconds(frame, number)
            first = seconds if first is None else first
            yield VideoFrame(number, float(seconds - first), _upright(frame))


class _Clock:
    """Times of frames in the order in which a decoder shows them, which ascend whatever the stamps say.

    Args:
        facts: of the file.
    """

    def __init__(self, facts: VideoFacts) -> None:
        rate = facts.frame_rate or 1.0
        self._interval = Fraction(facts.interval).limit_denominator(10**6) if facts.interval else 1 / Fraction(rate)
        self._rate, self._shift, self.by_dts = Fraction(rate), Fraction(0), False
        self._last: Fraction | None = None

    def seconds(self, frame: Any, number: int) -> Fraction:
        """When a frame is shown; one without a stamp comes an interval after the one before."""
        stamp = frame.dts if self.by_dts and frame.dts is not None else None if self.by_dts and self._last is not None else frame.pts
        if stamp is None or frame.time_base is None:
            found = Fraction(number - 1) / self._rate if self._last is None else self._last + self._interval
        else:
            found = Fraction(stamp * frame.time_base) + self._shift
        if self._last is not None and found <= self._last:
            if self._last - found > RESTART * self._interval:  # a recording was joined on
                self._shift += self._last + self._interval - found
                found = self._last + self._interval
            else:
                found = self._last + (Fraction(frame.time_base) if frame.time_base else self._interval / 100)
        self._last = found
        return found


def _frames(container: Any, stream: Any, facts: VideoFacts) -> Iterator[Any]:
    """PyAV's frames; a string where a packet does not decode. What follows damage is still tried.

    Where recordings were joined a demuxer calls one of the first one's last packets cut off, since the count of its parts does not go on.
    """
    packets, begun, place = container.demux(stream), not facts.leading, -1
    while True:
        try:
            packet = next(packets, None)
        except (av.error.FFmpegError, OSError) as error:
            yield f"reading fails: {error.strerror}"
            packet = None
        place += packet is not None and bool(packet.size)
        begun |= packet is not None and bool(packet.is_keyframe)
        if packet is not None and packet.is_corrupt and begun and not any(0 < joint - place <= NEAR for joint in facts.joints):
            yield "a packet is cut off"
            continue
        try:
            frames = packet.decode() if packet is not None else stream.decode(None)
        except av.error.EOFError:
            frames = []  # the end mark was already sent
        except av.error.FFmpegError as error:
            if begun:  # what comes before the first key frame of a cut was counted out
                yield f"a packet does not decode: {error.strerror}"
            continue
        for frame in frames:
            yield "a frame is damaged" if frame.is_corrupt else frame
        if packet is None:
            return


def _place(stamp: int, stamps: tuple[int, ...]) -> int:
    return bisect_left(stamps, stamp) + 1


def _upright(frame: Any) -> NDArray[np.uint8]:
    """The picture as the display matrix shows it: x' = a x + c y, y' = b x + d y, by quarter turns and mirrorings."""
    image: NDArray[np.uint8] = frame.to_ndarray(format="rgb24")
    data = next((bytes(data) for data in frame.side_data if data.type == Type.DISPLAYMATRIX), None)
    if data is None or len(data) < 9 * 4:
        return image
    a, b, _, c, d = np.frombuffer(data, np.int32, 5).tolist()
    if abs(b) + abs(c) > abs(a) + abs(d):
        image, a, d = image.transpose(1, 0, 2), c, b
    image = image[:, ::-1] if a < 0 else image
    return np.ascontiguousarray(image[::-1] if d < 0 else image)


def _stop_at_loss(path: Path, lost: list[str], last: int, defects: list[str] | None) -> None:
    if lost and defects is None:
        raise UserError(
            f"{path}: damaged after frame {last}: {lost[0]}\n"
            "next: replace the file, or set extract_frames.defects to skip_and_report to use what still decodes"
        )
