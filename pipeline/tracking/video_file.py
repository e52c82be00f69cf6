"""Anyone's video tracked into MOTChallenge text and a playable video, without data folders, Ray or DVC."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from pipeline.files import mot_text
from pipeline.files.video import VideoWriter, probe, read_video
from pipeline.runtime.progress import Progress
from pipeline.tracking import detector as inference
from pipeline.tracking.association import ResultRows
from pipeline.tracking.drawing import Boxes, Painter

FRAME_RATE = 25.0  # where the file does not tell
TRAIL_SECONDS = 2.0


def track_file(video: Path, out: Path, detector: inference.Detector, batch_size: int) -> tuple[Path, Path]:
    """Track a video file; damaged parts are gone past and named on stderr.

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
    rate = facts.frame_rate or FRAME_RATE
    out.mkdir(parents=True, exist_ok=True)
    text, drawn = out / f"{video.stem}.txt", _apart(out / f"{video.stem}.mp4", video)
    painter, rows, defects = Painter(round(TRAIL_SECONDS * rate)), ResultRows(), list[str]()
    with VideoWriter(drawn, rate) as writer, Progress(f"Tracking {video.name}", facts.frames, "frames") as bar:
        for found in inference.track(_pictures(video, defects), detector, batch_size, rate, inference.Stopwatch()):
            tracks = found.tracks
            rows.add(found.picture.frame, tracks)
            writer.write(painter.paint(found.picture.image, Boxes(tracks.boxes, tracks.identities, tracks.recovered)))
            bar.advance()
    mot_text.write_results(text, rows.collect())
    for defect in defects:
        print(f"warning: {defect}", file=sys.stderr)
    return text, drawn


def _pictures(video: Path, defects: list[str]) -> Iterator[inference.Picture]:
    for frame in read_video(video, defects=defects):
        yield inference.Picture(frame.number, frame.image)


def _apart(drawn: Path, video: Path) -> Path:
    """Never write over the film that is being read."""
    return drawn.with_stem(f"{drawn.stem}-tracked") if drawn.resolve() == video.resolve() else drawn
