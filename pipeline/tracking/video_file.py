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

FRAME_RATE = 25.0  # where the file does not tell
TRAIL_SECONDS = 2.0
LONGEST_HOLE = 60.0  # seconds that a tracker goes through step by step


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
    pictures = _Pictures(video, rate if facts.uneven else None)
    with VideoWriter(drawn, rate, timed=facts.uneven) as writer, Progress(f"Tracking {video.name}", facts.frames, "frames") as bar:
        for found in inference.track(pictures.read(), detector, batch_size, rate, inference.Stopwatch()):
            tracks, (number, time) = found.tracks, pictures.known.pop(found.picture.frame)
            rows.add(number, tracks)
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
        rate: frames a second of a tracker's steps, where frames come at a varying rate: they are then numbered by their times, so that a
            hole of ten seconds is one to the tracker too. None: they keep their numbers.

    Attributes:
        known: number and seconds of the frames that are under way, by what the tracker calls them.
        defects: what was lost.
        changes: what was said of sizes that change.
    """

    def __init__(self, video: Path, rate: float | None) -> None:
        self._video, self._rate = video, rate
        self.known: dict[int, tuple[int, float]] = {}
        self.defects: list[str] = []
        self.changes: list[str] = []

    def read(self) -> Iterator[inference.Picture]:
        """All pictures."""
        step, first, size = 0, None, None
        for frame in read_video(self._video, defects=self.defects):
            step = frame.number if self._rate is None else self._step(step, frame.time)
            self.known[step] = frame.number, frame.time
            first = first or frame.image.shape[1::-1]
            size = self._remarked(frame, first, size or first)
            image = frame.image if size == first else np.asarray(cv2.resize(frame.image, first, interpolation=cv2.INTER_AREA), np.uint8)
            yield inference.Picture(step, image)

    def _step(self, before: int, time: float) -> int:
        """The step of a time, after the one before; a hole longer than any tracker's memory is cut short."""
        assert self._rate is not None
        return min(max(before + 1, round(time * self._rate) + 1), before + round(LONGEST_HOLE * self._rate) + 1)

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
