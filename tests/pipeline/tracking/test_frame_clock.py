"""Steps of a tracker by numbers and by times, and a video of a varying rate tracked in every way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline import sources
from pipeline.artifacts.publication import Publication
from pipeline.files.frames import frame_facts
from pipeline.files.video import VideoWriter
from pipeline.params.sections.data import Source
from pipeline.sources.extraction import Extraction, perform
from pipeline.tracking import sequences
from pipeline.tracking.association import retrack
from pipeline.tracking.frame_clock import LONGEST_HOLE, FrameClock
from pipeline.tracking.sequences import Job, Outputs, associate_sequences, timing_of, track_sequence
from pipeline.tracking.video_file import track_file
from tests.pipeline import seen

STEPS = [
    pytest.param(None, [0.0, 0.1, 9.0], [1, 2, 5], [1, 2, 5], id="a constant rate keeps the numbers, whatever the times"),
    pytest.param(0.1, [0.0, 0.1, 0.2], [1, 2, 3], [1, 2, 3], id="at the usual pace"),
    pytest.param(0.1, [0.0, 0.1, 8.1], [1, 2, 3], [1, 2, 82], id="a hole of eight seconds"),
    pytest.param(0.1, [0.0, 0.01, 0.02, 0.4], [1, 2, 3, 4], [1, 2, 3, 5], id="no two frames at one step"),
    pytest.param(0.1, [0.0, 1000.0, 1000.1], [1, 2, 3], [1, 602, 1203], id="a hole beyond any memory is cut short"),
]


@pytest.mark.parametrize(("interval", "times", "numbers", "steps"), STEPS)
def test_steps(interval: float | None, times: Sequence[float], numbers: Sequence[int], steps: Sequence[int]) -> None:
    clock = FrameClock(interval)
    assert [clock.step(number, time) for number, time in zip(numbers, times, strict=True)] == steps
    assert LONGEST_HOLE == 60


HOLE = [*np.arange(6) / 10, *(3 + np.arange(6) / 10)]
EVEN = [*np.arange(12) / 10]


def film(path: Path, times: Sequence[float]) -> Path:
    with VideoWriter(path, 10, quality=5, timed=True) as writer:
        for number, time in enumerate(times):
            writer.write(seen.picture(160, 120, (10 + 4 * number, 30, 40 + 4 * number, 90)), time)
    return path


def job_of(video: Path, monkeypatch: pytest.MonkeyPatch, trackers: list[seen.CountingTracker]) -> Job:
    """The video extracted as the stage does, and the job that the stage would plan for it."""
    root = video.parent
    entry = Source(name="set", kind="folder", root=str(video), sequences=None, images_per_file=64)
    frames = Publication(root / "frames", "extract_frames", "f" * 12)
    perform(task := Extraction(frames, sources.plan_one(entry, video, True).sequences[0], 95, 16.0, True, "code"))
    facts = frame_facts(frames.path(task.part))
    monkeypatch.setattr(sequences.inference, "load_detector", lambda *_: seen.detector(128, 96, trackers))
    outputs = Outputs(*(Publication(root / name, "track", "f" * 12) for name in ("tracks", "observations", "speed")))
    rest = (facts["frame_rate"], False, seen.spec(trackers), seen.Options(), root, 4, 1, outputs)
    return Job(video.stem, frames.path(task.part), 1, 12, *rest, interval=facts.get("interval"))


@pytest.mark.parametrize(("times", "absent"), [pytest.param(HOLE, 24, id="a hole of 2.5 s"), pytest.param(EVEN, 0, id="a constant rate")])
def test_a_video_is_tracked_alike_in_every_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: Sequence[float], absent: int
) -> None:
    trackers: list[seen.CountingTracker] = []
    video = film(tmp_path / "film.mp4", times)
    alone, _ = track_file(video, tmp_path / "alone", seen.detector(128, 96, trackers), 4)
    job = job_of(video, monkeypatch, trackers)
    assert ("interval" in frame_facts(job.frames), job.frame_rate) == (bool(absent), pytest.approx(10, abs=0.01))
    track_sequence(job)
    observed, text = job.outputs.observations.path("film.parquet"), job.outputs.tracks.path("film.txt")
    assert text.read_bytes() == alone.read_bytes()
    assert text.read_text().count("\n") == 12
    assert ("step" in pq.read_schema(observed).names) == bool(absent)
    before = text.read_bytes()
    retrack(observed, job.spec, job.options, tmp_path / "again.txt")
    associate_sequences([(job, timing_of({"frames": 12, "seconds": {"total": 1.0, "association": 0.5}}))])
    assert (tmp_path / "again.txt").read_bytes() == text.read_bytes() == before
    assert [tracker.calls for tracker in trackers] == [[(1, None)] * 6 + [(0, None)] * absent + [(1, None)] * 6] * 4
