"""Anyone's video tracked into MOTChallenge text and a playable video, without data folders, Ray or DVC."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from pipeline.files import mot_text
from pipeline.files.video import VideoFrame, VideoWriter, probe, read_video
from pipeline.runtime.progress import Progress
from pipeline.tracking import detector as inference
from pipeline.tracking.association import ResultRows
from pipeline.tracking.drawing import Boxes, Painter
from pipeline.tracking.frame_clock import FrameClock

FRAME_RATE = 25.0  # where the file does not tell
TRAIL_SECONDS = 2.0


def track_file(video: Path, out: Path, detector: inference.Detector, batch_size: int) -> tuple[Path, Path]:
    """Track a video file; damaged parts are gone past and named on stderr.

    Frames of a varying rate keep their times in the drawn video, and a lost track is remembered by seconds, not by frames. Frames whose
    size changes inside the file are scaled to the first one's, so that all boxes are in its pixels.

    Args:
        video: any file that PyAV decodes.
        out: folder to make or fill with <name>.txt and <name>.mp4.
        detector: the model.
        batch_size: frames a forward pass.

    Returns:
        Paths of the text and of the video with boxes, identities and trails.

    Raises:
        UserError: the file cannot be read.
    """
    facts = probe(video)
    rate = facts.usual_rate or FRAME_RATE
    out.mkdir(parents=True, exist_ok=True)
    text, drawn = out / f"{video.stem}.txt", _apart(out / f"{video.stem}.mp4", video)
    painter, rows = Painter(round(TRAIL_SECONDS * rate)), ResultRows(detector.classes)
    pictures = _Pictures(video, facts.varying_interval)
    with VideoWriter(drawn, rate, timed=facts.uneven) as writer, Progress(f"Tracking {video.name}", facts.frames, "frames") as bar:
        for found in inference.track(pictures.read(), detector, batch_size, rate, inference.Stopwatch()):
            tracks, time = found.tracks, pictures.times.pop(found.picture.frame)
            rows.add(found.picture.frame, tracks)
            rows.counts = found.counts
            writer.write(painter.paint(found.picture.image, Boxes(tracks.boxes, tracks.identities, tracks.recovered)), time)
            bar.advance()
    mot_text.write_results(text, rows.collect())
    for defect in [*(f"{video}: {note}" for note in facts.notes), *pictures.changes, *pictures.defects, *_counted(rows)]:
        print(f"warning: {defect}", file=sys.stderr)
    return text, drawn


def _counted(rows: ResultRows) -> list[str]:
    """What the tracker could not do, in words."""
    return [f"the tracker counted {count} {name}" for name, count in rows.counts.items() if count]


class _Pictures:
    """A file's pictures as the tracker gets them.

    Args:
        video: the file.
        interval: usual seconds from frame to frame of a video whose rate varies; None: it is constant.

    Attributes:
        times: seconds of the frames that are under way, by their numbers.
        defects: what was lost.
        changes: what was said of sizes that change.
    """

    def __init__(self, video: Path, interval: float | None) -> None:
        self._video, self._interval = video, interval
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
            yield inference.Picture(frame.number, image, step=None if self._interval is None else due)

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
