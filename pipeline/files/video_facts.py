"""What a video file holds, learnt by reading through it without decoding: which stream, how many frames it shows, and when."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import av
from av.stream import Disposition

from pipeline.errors import UserError

TAIL_SECONDS = 1.0  # a file that states a duration may end this much earlier: the figure is rounded by some writers
TAIL_INTERVALS = 1.5  # or this many frames: the last one's own time is part of a duration
UNEVEN = 1.5  # intervals that are so many times the usual one, or less than its half, make a rate a variable one
NEAR = 4  # packets before such a place, of which the demuxer may call one cut off
RESTART = 3  # intervals by which times fall back where a recording is joined on; frames out of order fall back less
LEAP = 10  # intervals by which decoding times leap where it may be
BACK = 0.2  # seconds by which decoding times, which else ascend, fall back there
NOT_CODED = 8  # bytes; an MPEG-4 frame no longer than this only repeats the one before, and decoders show nothing
RAW = ("h264", "hevc", "vvc")  # demuxers of streams without a container, which make up a rate
LED = 600  # packets that are tried to see how many frames before a file's first key frame cannot be shown
av.logging.set_level(av.logging.PANIC)  # damage is reported by us, with the file's name


@dataclass(frozen=True)
class VideoFacts:
    """What a file holds, learnt without decoding.

    Attributes:
        frames: coded frames that show something, found by reading the whole file.
        promised: frames that its header states, None when it does not.
        frame_rate: mean frames per second from the time stamps (the header's for a single frame), None when unknown.
        width: pixels as stored (before turning).
        height: pixels as stored.
        stamps: presentation time stamps in display order; empty when frames lack them.
        time_base: seconds per unit of `stamps`.
        damage: what is missing at the end, "" when nothing.
        leading: coded frames at the beginning that cannot be shown, since the file was cut out of a longer one.
        interval: usual seconds from frame to frame, None when unknown.
        uneven: whether intervals differ so much that one rate does not tell the frames' times.
        joined: whether time stamps begin anew inside the file.
        joints: places of the packets, counted from 0, before which they begin anew or leap.
        notes: what is odd but read.
    """

    frames: int
    promised: int | None
    frame_rate: float | None
    width: int
    height: int
    stamps: tuple[int, ...]
    time_base: Fraction
    damage: str
    leading: int = 0
    interval: float | None = None
    uneven: bool = False
    joined: bool = False
    joints: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def varying_interval(self) -> float | None:
        """Usual seconds from frame to frame where the rate varies; None where it is constant."""
        return self.interval if self.uneven else None

    @property
    def usual_rate(self) -> float | None:
        """Frames per second at their usual pace: the mean rate, unless the rate varies, where gaps would lower the mean."""
        return 1 / self.interval if self.uneven and self.interval else self.frame_rate


def probe(path: Path) -> VideoFacts:
    """Read through a file without decoding it.

    Raises:
        UserError: it cannot be opened, or holds no frame at all.
    """
    with opened(path) as (container, stream):
        packets, broken = _packets(container, stream)
        shown = [packet for packet in packets if not packet.hidden]
        stamps, joined = _stamps(shown, stream.time_base)
        header = None if stream.average_rate is None else float(stream.average_rate)
        steps = [float((later - earlier) * stream.time_base) for earlier, later in pairwise(stamps)]
        usual = median(steps) if steps else None
        facts = VideoFacts(
            frames=len(shown),
            promised=_promised(container, stream, sum(packet.discard for packet in packets)),
            frame_rate=_mean_rate(stamps, stream.time_base) if len(stamps) > 1 else header,
            width=stream.width,
            height=stream.height,
            stamps=tuple(stamps),
            time_base=stream.time_base,
            damage=broken,
            interval=usual,
            uneven=usual is not None and (max(steps) > UNEVEN * usual or min(steps) < usual / 2),
            joined=joined,
            joints=_joints(packets, stream.time_base, usual),
        )
        facts = replace(facts, damage=broken or _missing_tail(facts, container, shown), notes=_notes(facts, container, stream))
    suspects = _suspects(packets)
    led = _leading(path, suspects) if suspects else 0
    if led:
        said = f"the first {led} of its {facts.frames} coded frames cannot be shown: the file was cut out of a longer one"
        facts = replace(facts, frames=facts.frames - led, leading=led, stamps=_without_lead(facts, led), notes=(*facts.notes, said))
    if facts.frames <= 0:
        raise UserError(f"{path}: the video holds no frame\nnext: replace the file")
    return facts


@contextmanager
def opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """The container and its video stream; both die with the block (reading a stream of a closed container crashes Python).

    Raises:
        UserError: there is no such file, it is a folder or no video, or shows no more than a cover.
    """
    if path.is_dir():
        raise UserError(
            f"{path}: a folder, not a video file\nnext: name one file; folders of images are read by extract_frames (kind: folder)"
        )
    try:
        container = av.open(file_url(path))
    except av.error.FileNotFoundError:
        raise UserError(f"{path}: no such video file\nnext: check the path") from None
    except (av.error.FFmpegError, OSError) as error:
        raise UserError(
            f"{path}: the video cannot be opened ({error.strerror}); it is cut off before its index, or not a video\n"
            "next: copy the file again from its source, or repair it (an MP4 without its end has lost its index)"
        ) from None
    with container:
        stream = _stream(path, container)
        stream.codec_context.thread_count = 1  # one CPU per task; more tasks are better than more threads
        yield container, stream


def file_url(path: Path) -> str:
    """A URL by which FFmpeg opens a path as a file, whatever colons and percent signs are in its name."""
    return f"file:{os.path.abspath(path)}"


def films(container: Any) -> list[Any]:
    """The video streams that are no cover and no thumbnail."""
    return [
        stream for stream in container.streams.video if not stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails)
    ]


def _stream(path: Path, container: Any) -> Any:
    """The default video stream; of several or no default ones what FFmpeg would choose."""
    found = films(container)
    if not found:
        cover = " but a cover picture" if container.streams.video else ""
        raise UserError(f"{path}: the file has no video stream{cover}\nnext: replace it")
    default = [stream for stream in found if stream.disposition & Disposition.default]
    best = container.streams.best("video")
    if len(default) == 1:
        return default[0]
    return best if best is not None and best.index in [stream.index for stream in default or found] else (default or found)[0]


@dataclass(frozen=True)
class _Packet:
    """The part of a packet that may outlive its container; `hidden`: decoders show nothing of it."""

    pts: int | None
    dts: int | None
    key: bool
    discard: bool
    hidden: bool


def _packets(container: Any, stream: Any) -> tuple[list[_Packet], str]:
    """All coded frames without their end mark, and what stopped the reading early."""
    found: list[_Packet] = []
    codec = stream.codec_context.name
    try:
        for packet in container.demux(stream):
            if packet.size:
                hidden = bool(packet.is_discard) or _shows_nothing(codec, packet)
                found.append(_Packet(packet.pts, packet.dts, bool(packet.is_keyframe), bool(packet.is_discard), hidden))
    except (av.error.FFmpegError, OSError) as error:
        return found, f"the file cannot be read past frame {len(found)}: {error.strerror}"
    return found, ""


def _shows_nothing(codec: str, packet: Any) -> bool:
    """Whether a packet is a frame that others are made of and that is itself not shown (VP8's, VP9's), or repeats the one before."""
    if codec.endswith("mpeg4"):
        return bool(packet.size <= NOT_CODED)
    if "vp8" not in codec and "vp9" not in codec:
        return False
    view = memoryview(packet)
    first, last = view[0], view[-1]
    if "vp8" in codec:
        return not first >> 4 & 1  # RFC 6386, section 9.1: show_frame
    if last & 0xE0 == 0xC0 or first >> 6 != 2:  # a superframe, which ends in a frame that is shown; or no VP9
        return False
    shift = 1 if first >> 4 & 3 == 3 else 0  # profile 3 has a further bit
    return not first >> (3 - shift) & 1 and not first >> (1 - shift) & 1  # neither show_existing_frame nor show_frame


def _stamps(packets: list[_Packet], time_base: Fraction) -> tuple[list[int], bool]:
    """Presentation time stamps in display order, and whether they begin anew in between; none where frames lack them or share one."""
    parts: list[list[int]] = [[]]
    previous: int | None = None
    for packet in packets:
        if packet.pts is None:
            return [], False
        if previous is not None and packet.dts is not None and (previous - packet.dts) * time_base > BACK:
            parts.append([])
        parts[-1].append(packet.pts)
        previous = previous if packet.dts is None else packet.dts
    joined: list[int] = []
    for part in map(sorted, parts):
        step = max(joined[-1] - joined[-2], 1) if len(joined) > 1 else 1
        shift = joined[-1] + step - part[0] if joined and part[0] <= joined[-1] else 0
        joined += [stamp + shift for stamp in part]
    return (joined if len(set(joined)) == len(joined) else []), len(parts) > 1


def _joints(packets: list[_Packet], time_base: Fraction, usual: float | None) -> tuple[int, ...]:
    """Where recordings may have been joined: decoding times fall back, or leap by many frames."""
    found, previous, limit = [], None, max(0.5, LEAP * (usual or 0.04))
    for place, packet in enumerate(packets):
        if packet.dts is None:
            continue
        step = 0.0 if previous is None else float((packet.dts - previous) * time_base)
        if step < -BACK or step > limit:
            found.append(place)
        previous = packet.dts
    return tuple(found)


def _mean_rate(stamps: list[int], time_base: Fraction) -> float:
    return float((len(stamps) - 1) / ((stamps[-1] - stamps[0]) * time_base))


def _promised(container: Any, stream: Any, discarded: int) -> int | None:
    """Frames that the header states; an MP4's edit list may leave some of them out, its index then lists the others."""
    if not stream.frames:
        return None
    listed = len(stream.index_entries) if "mp4" in container.format.name else 0
    return (min(listed, stream.frames) if listed else stream.frames) - discarded


def _missing_tail(facts: VideoFacts, container: Any, packets: list[_Packet]) -> str:
    """Compare what the header promises with what is there, a frame more or less; in AVI frames that repeat others are left out."""
    held = facts.frames
    if container.format.name == "avi":
        places = [packet.dts for packet in packets if packet.dts is not None] or [0]
        held = max(held, places[-1] + (places[-1] - places[-2] if len(places) > 1 else 1))
    if facts.promised is not None and held < facts.promised:
        return f"its header promises {facts.promised} frames, the file ends after {facts.frames}"
    # With sound the container's duration may be the sound's, and says nothing about the frames. Streams to broadcast have no header.
    headed = "matroska" in container.format.name or "flv" in container.format.name or "asf" in container.format.name
    if facts.promised is None and headed and len(facts.stamps) > 1 and container.duration and len(container.streams) == 1:
        seconds, first, last = container.duration / av.time_base, *(float(facts.stamps[place] * facts.time_base) for place in (0, -1))
        span = max(last - first, last)
        interval = max(span / len(facts.stamps), last - float(facts.stamps[-2] * facts.time_base))
        if span + max(TAIL_SECONDS, TAIL_INTERVALS * interval) < seconds:
            return f"its header promises {seconds:.2f} s, the file ends after {last - first:.2f} s"
    return ""


def _notes(facts: VideoFacts, container: Any, stream: Any) -> tuple[str, ...]:
    notes = []
    others = len(films(container)) - 1
    if others:
        notes.append(f"{others + 1} video streams; number {stream.index} is read, {stream.width}x{stream.height}")
    if facts.joined:
        notes.append("time stamps begin anew inside the file, as in joined recordings; they are read on")
    if facts.uneven and facts.frame_rate and facts.interval:
        notes.append(f"frames come at a varying rate: {facts.frame_rate:.4g} a second on average, {1 / facts.interval:.4g} as a rule")
    if container.format.name in RAW:
        notes.append(f"a raw stream states no times; {facts.frame_rate:.4g} frames/s assumed")
    return tuple(notes)


def _suspects(packets: list[_Packet]) -> int:
    """How many packets to try where some at the beginning come before the first key frame, in order or in time; 0: none do."""
    keys = [place for place, packet in enumerate(packets) if packet.key]
    if not keys:
        return 0
    first, second = keys[0], keys[1] if len(keys) > 1 else len(packets)
    start = packets[first].pts
    early = [packet for packet in packets[first + 1 : second] if packet.pts is None or (start is not None and packet.pts < start)]
    stamped = all(packet.pts is not None for packet in packets[second:]) and start is not None
    return min(second, LED) if first or (early and stamped and len(early) < second - first) else 0


def _leading(path: Path, count: int) -> int:
    """How many of the first packets' frames the decoder leaves out without a complaint of damage."""
    with opened(path) as (container, stream):
        given = shown = 0
        begun = False
        for packet in container.demux(stream):
            if given == count or not packet.size:
                break
            given += not packet.is_discard
            begun |= bool(packet.is_keyframe)
            try:
                shown += len(packet.decode())
            except av.error.FFmpegError:
                if begun:
                    return 0
        try:
            shown += len(stream.codec_context.decode(None))
        except av.error.FFmpegError:
            return 0
    return max(given - shown, 0)


def _without_lead(facts: VideoFacts, led: int) -> tuple[int, ...]:
    return facts.stamps[led:]
