"""Excerpts of a tracked sequence for the page: its busiest stretch as a clip, its most crowded frame as a picture."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.artifacts.store import Place
from pipeline.files.frames import Frame, decode_jpeg, frame_facts, read_frames
from pipeline.files.mot_text import MotRows, read_rows
from pipeline.files.observations import read_observations
from pipeline.files.recovered import read_recovered
from pipeline.files.video import VideoWriter
from pipeline.numerics.boxes import iou
from pipeline.params.classes import PEDESTRIANS, class_numbers
from pipeline.tracking.drawing import Boxes, Painter

QUALITIES = (27, 32, 37)  # x264's rate factors, tried in turn until a clip is small enough
TRAIL_SECONDS = 1.5


@dataclass(frozen=True)
class TrackedSequence:
    """A sequence with its tracks.

    Attributes:
        name: of the sequence.
        frames: its frame file.
        rows: the tracker's output.
        numbers: (F,) int64, ascending numbers of the frames that were tracked.
        recovered: (frame, identity) of boxes that no detection supports.
        frame_rate: frames per second.
        classes: names of what is tracked.
        uneven: whether frames come at a varying rate, so that a clip keeps their times.
    """

    name: str
    frames: Place
    rows: MotRows
    numbers: NDArray[np.int64]
    recovered: frozenset[tuple[int, int]]
    frame_rate: float
    classes: tuple[str, ...] = PEDESTRIANS
    uneven: bool = False

    def at(self, number: int) -> NDArray[np.int64]:
        """(K,) int64 indices into `rows` of the rows of frame `number`."""
        order, frames = self._by_frame
        start, end = np.searchsorted(frames, [number, number + 1])
        return order[start:end]

    @functools.cached_property
    def _by_frame(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        order = np.argsort(self.rows.frame, kind="stable")
        return order, self.rows.frame[order]


def read_tracked(name: str, frames: Place, tracks: Place, observations: Place, classes: Sequence[str] = PEDESTRIANS) -> TrackedSequence:
    """Join what tracking left of a sequence: its text and recovered boxes below `tracks`, and <observations>/<name>.parquet."""
    numbers = np.array([item.frame for item in read_observations(observations / f"{name}.parquet")], np.int64)
    facts = frame_facts(frames)
    return TrackedSequence(
        name=name,
        frames=frames,
        rows=read_rows(tracks / f"{name}.txt", kind="results"),
        numbers=numbers,
        recovered=frozenset(read_recovered(tracks / f"{name}.recovered.parquet")),
        frame_rate=float(facts["frame_rate"]),
        classes=tuple(classes),
        uneven="interval" in facts,
    )


def choose(names: Sequence[str], quality: dict[str, float], count: int) -> list[str]:
    """Up to `count` sequences from the best to the worst, evenly spread over the order of `quality` (unscored ones last)."""
    ordered = sorted(names, key=lambda name: (-quality.get(name, -1.0), name))
    if count >= len(ordered):
        return ordered
    places = np.linspace(0, len(ordered) - 1, count).round().astype(int) if count > 1 else np.arange(count)
    return [ordered[place] for place in places]


def busiest_stretch(sequence: TrackedSequence, seconds: float) -> NDArray[np.int64]:
    """(K,) int64 numbers of the consecutive tracked frames, `seconds` long, that hold the most tracked boxes."""
    length = max(1, min(round(seconds * sequence.frame_rate), len(sequence.numbers)))
    counts = np.array([len(sequence.at(number)) for number in sequence.numbers])
    sums = np.convolve(counts, np.ones(length, np.int64), mode="valid") if len(counts) else np.zeros(1)
    start = int(sums.argmax())
    return sequence.numbers[start : start + length]


def most_crowded(sequence: TrackedSequence) -> int:
    """Number of the frame whose tracked boxes overlap most."""
    overlaps = []
    for number in sequence.numbers:
        boxes = sequence.rows.boxes[sequence.at(number)]
        overlaps.append(float(np.triu(iou(boxes, boxes), 1).sum()))
    return int(sequence.numbers[int(np.argmax(overlaps))])


def read_frame(sequence: TrackedSequence, number: int) -> Frame:
    """One frame of the sequence, image included."""
    return next(frame for frame in read_frames(sequence.frames) if frame.frame == number)


def render(sequence: TrackedSequence, numbers: NDArray[np.int64], width: int, most_bytes: int) -> bytes:
    """An MP4 of the frames with tracks, trails and thin white ground truth, `width` pixels wide, of at most about `most_bytes` bytes."""
    return encoded(_paint(sequence, numbers, width), sequence.frame_rate, most_bytes, uneven=sequence.uneven)


def encoded(pictures: Sequence[tuple[NDArray[np.uint8], float]], frame_rate: float, most_bytes: int, *, uneven: bool = False) -> bytes:
    """(H, W, 3) uint8 RGB pictures and their times in seconds as an MP4 of at most about `most_bytes` bytes.

    The best of `QUALITIES` that is small enough is taken, or the worst where none is.
    """
    content = b""
    with tempfile.TemporaryDirectory() as folder:
        for quality in QUALITIES:
            path = Path(folder) / "clip.mp4"
            with VideoWriter(path, frame_rate, quality, timed=uneven) as writer:
                for image, time in pictures:
                    writer.write(image, time - pictures[0][1])
            content = path.read_bytes()
            if len(content) <= most_bytes:
                break
    return content


def _paint(sequence: TrackedSequence, numbers: NDArray[np.int64], width: int) -> list[tuple[NDArray[np.uint8], float]]:
    """The drawn frames with their times in seconds; trails start before the first."""
    trail = round(TRAIL_SECONDS * sequence.frame_rate)
    painter, wanted, images = Painter(trail), set(numbers.tolist()), list[tuple[NDArray[np.uint8], float]]()
    for frame in read_frames(sequence.frames):
        if numbers[0] - trail <= frame.frame <= numbers[-1] and frame.frame >= sequence.numbers[0]:
            image, scale = shrink(decode_jpeg(frame.image, f"{sequence.frames}: frame {frame.frame}"), width)
            drawn = painter.paint(image, _tracks(sequence, frame.frame, scale), _truth(frame, sequence.classes) * scale)
            if frame.frame in wanted:
                images.append((drawn, frame.time))
    return images


def shrink(image: NDArray[np.uint8], width: int) -> tuple[NDArray[np.uint8], np.float32]:
    """The picture made smaller to `width` pixels (never enlarged), and the factor by which it was scaled."""
    scale = min(1.0, width / image.shape[1])
    size = round(image.shape[1] * scale), round(image.shape[0] * scale)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8), np.float32(scale)


def _tracks(sequence: TrackedSequence, frame: int, scale: np.float32) -> Boxes:
    here = sequence.at(frame)
    identities = sequence.rows.identity[here]
    recovered = np.array([(frame, int(identity)) in sequence.recovered for identity in identities], np.bool_)
    return Boxes(sequence.rows.boxes[here] * scale, identities, recovered)


def _truth(frame: Frame, classes: Sequence[str]) -> NDArray[np.float32]:
    objects = frame.objects
    return objects.boxes[np.isin(objects.classes, class_numbers(classes)) & (objects.confidences > 0) & ~objects.ignores]
