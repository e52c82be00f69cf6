"""Anyone's video tracked into MOTChallenge text and a playable video, without data folders, Ray or DVC."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.contract.tracks import Tracks
from pipeline.files import mot_text
from pipeline.files.appearance import Appearance, appearance
from pipeline.files.video import VideoFrame, VideoWriter, probe, read_video
from pipeline.runtime.progress import Progress
from pipeline.tracking import detector as inference
from pipeline.tracking.association import ResultRows
from pipeline.tracking.drawing import Boxes, Painter
from pipeline.tracking.external_boxes import Given
from pipeline.tracking.frame_clock import FrameClock

FRAME_RATE = 25.0  # where the file does not tell
TRAIL_SECONDS = 2.0
LOOKS, LOOK_EVERY = 10, 5  # pictures by which a video is compared with those of training, and frames between them
NO_BOXES = Given(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))


def track_file(
    video: Path, out: Path, detector: inference.Detector, batch_size: int, given: Mapping[int, Given] | None = None
) -> tuple[Path, Path]:
    """Track a video file; damaged parts are skipped and named on stderr.

    Frames of a varying rate keep their times in the drawn video, and a lost track is remembered by seconds, not by frames. Frames whose
    size changes inside the file are scaled to the first one's, so that all boxes are in its pixels.

    Args:
        video: any file that PyAV decodes.
        out: folder to make or fill with <name>.txt and <name>.mp4.
        detector: the model.
        batch_size: frames per forward pass.
        given: boxes of another detector by frame number, in the place of the network's own; None: the network's.

    Returns:
        Paths of the text and of the video with boxes, identities and trails.

    Raises:
        UserError: the file cannot be read.
    """
    tracked = TrackedVideo(video, detector, batch_size, given)
    facts, rate = tracked.facts, tracked.frame_rate
    out.mkdir(parents=True, exist_ok=True)
    text, drawn = out / f"{video.stem}.txt", _apart(out / f"{video.stem}.mp4", video)
    painter, rows = Painter(round(TRAIL_SECONDS * rate)), ResultRows(detector.classes)
    with VideoWriter(drawn, rate, timed=facts.uneven) as writer, Progress(f"Tracking {video.name}", facts.frames, "frames") as bar:
        for number, time, image, tracks in tracked.items():
            rows.add(number, tracks)
            writer.write(painter.paint(image, Boxes(tracks.boxes, tracks.identities, tracks.recovered)), time)
            bar.advance()
    mot_text.write_results(text, rows.collect())
    for remark in tracked.remarks():
        print(f"warning: {remark}", file=sys.stderr)
    return text, drawn


class TrackedFrame(NamedTuple):
    """A frame of a video: its number from 1, its time in seconds, (H, W, 3) uint8 pixels, and who is in it."""

    number: int
    time: float
    image: NDArray[np.uint8]
    tracks: Tracks


class TrackedVideo:
    """A video file tracked frame by frame (see `track_file`).

    After its first `LOOKS` pictures, `LOOK_EVERY` frames apart, or at the end of a shorter one, it is said on stderr where they are unlike
    those that the model learnt from.

    Args:
        video: any file that PyAV decodes.
        detector: the model.
        batch_size: frames per forward pass.
        given: boxes of another detector by frame number, in the place of the network's own; None: the network's.

    Attributes:
        facts: what the file says about itself.
        frame_rate: frames per second, by which lost tracks are remembered.

    Raises:
        UserError: the file cannot be read.
    """

    def __init__(self, video: Path, detector: inference.Detector, batch_size: int, given: Mapping[int, Given] | None = None) -> None:
        self.facts = probe(video)
        self.frame_rate = self.facts.usual_rate or FRAME_RATE
        self._video, self._detector, self._batch_size, self._given = video, detector, batch_size, given
        self._pictures = _Pictures(video, self.facts.varying_interval, given)
        self._counts: dict[str, int] = {}
        self._looks: list[Appearance] = []

    def items(self) -> Iterator[TrackedFrame]:
        """Every frame, once."""
        pictures, watch = self._pictures, inference.Stopwatch()
        tracked = inference.track(pictures.read(), self._detector, self._batch_size, self.frame_rate, watch)
        for passed, found in enumerate(tracked):
            number = found.picture.frame
            self._counts = found.counts
            self._look(found.picture.image, passed)
            yield TrackedFrame(number, pictures.times.pop(number), found.picture.image, found.tracks)
        if len(self._looks) < LOOKS:
            self._compare()

    def remarks(self) -> list[str]:
        """What was lost or read otherwise, after all frames: of the file, of the boxes that were given, and of the tracker."""
        notes = [f"{self._video}: {note}" for note in self.facts.notes]
        counts = [f"the tracker counted {count} {name}" for name, count in self._counts.items() if count]
        return [*notes, *self._pictures.changes, *self._pictures.defects, *self._unused(), *counts]

    def _look(self, image: NDArray[np.uint8], passed: int) -> None:
        """Remember what some of the first pictures look like."""
        if self._detector.seen is not None and passed % LOOK_EVERY == 0 and len(self._looks) < LOOKS:
            self._looks.append(appearance(image, self._detector.width, self._detector.height))
            if len(self._looks) == LOOKS:
                self._compare()

    def _compare(self) -> None:
        seen = self._detector.seen
        difference = seen.unlike(self._looks) if seen is not None and self._looks else None
        if seen is not None and difference is not None:
            print(
                f"warning: {self._video} is unlike what the model learnt from ({', '.join(seen.datasets)}): {difference}\n"
                "  its boxes may be wrong, whatever their scores; look at the drawn video before anything else\n"
                "  next: train on videos like it, or give another detector's boxes with --detections FILE",
                file=sys.stderr,
            )

    def _unused(self) -> list[str]:
        late = sum(number > self._pictures.last for number in self._given or ())
        return [f"{self._video}: has {self._pictures.last} frames; boxes were given for {late} more, which are left out"] if late else []


class _Pictures:
    """A file's pictures as the tracker gets them.

    Args:
        video: the file.
        interval: usual seconds from frame to frame of a video whose rate varies; None: it is constant.
        given: boxes by frame number, in the place of the network's own.

    Attributes:
        last: number of the last frame that was read.
        times: seconds of the frames that are under way, by their numbers.
        defects: what was lost.
        changes: what was said of sizes that change.
    """

    def __init__(self, video: Path, interval: float | None, given: Mapping[int, Given] | None = None) -> None:
        self._video, self._interval, self._given, self.last = video, interval, given, 0
        self.times: dict[int, float] = {}
        self.defects: list[str] = []
        self.changes: list[str] = []

    def read(self) -> Iterator[inference.Picture]:
        """All pictures."""
        clock, first, size = FrameClock(self._interval), None, None
        for frame in read_video(self._video, defects=self.defects):
            due = clock.step(frame.number, frame.time)
            self.times[frame.number] = frame.time
            first = first or frame.image.shape[1::-1]
            size = self._remarked(frame, first, size or first)
            image = frame.image if size == first else np.asarray(cv2.resize(frame.image, first, interpolation=cv2.INTER_AREA), np.uint8)
            self.last = frame.number
            given = None if self._given is None else self._given.get(frame.number, NO_BOXES)
            yield inference.Picture(frame.number, image, given=given, step=None if self._interval is None else due)

    def _remarked(self, frame: VideoFrame, first: tuple[int, int], before: tuple[int, int]) -> tuple[int, int]:
        """The frame's size; a change of it is said."""
        size = frame.image.shape[1], frame.image.shape[0]
        if size != before:
            self.changes.append(
                f"{self._video}: from frame {frame.number} on it has {size[0]}x{size[1]} pixels, before {before[0]}x{before[1]}; "
                f"boxes are in pixels of the first size, {first[0]}x{first[1]}"
            )
        return size


def _apart(drawn: Path, video: Path) -> Path:
    """Never write over the film that is being read."""
    return drawn.with_stem(f"{drawn.stem}-tracked") if drawn.resolve() == video.resolve() else drawn
