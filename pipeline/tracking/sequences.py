"""One sequence of a data set tracked as a job of its own: what a Ray task gets, does and leaves behind."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from pydantic import BaseModel

from pipeline.artifacts.publication import Publication
from pipeline.artifacts.store import Place, local
from pipeline.contract.spec import ModelSpec
from pipeline.files import mot_text
from pipeline.files.frames import Frame, Objects, decode_jpeg, frame_span, read_frames
from pipeline.files.observations import Observation, ObservationWriter
from pipeline.files.recovered import write_recovered
from pipeline.params.classes import PEDESTRIANS, class_indices
from pipeline.params.sections.common import Precision
from pipeline.tracking import detector as inference
from pipeline.tracking.asked import Asked, load_asked
from pipeline.tracking.association import TOGETHER, ResultRows, associate_all, load
from pipeline.tracking.external_boxes import Given, oracle, read_detections, scored
from pipeline.tracking.frame_clock import FrameClock
from pipeline.tracking.oracle import associate_by_truth, true_tracks
from pipeline.tracking.part_masks import measure


@dataclass(frozen=True)
class Outputs:
    """Where the parts of one tracking run go; `timings` is never published, it only survives a kill."""

    tracks: Publication
    observations: Publication
    timings: Publication


@dataclass(frozen=True)
class Job:
    """One sequence to track; picklable.

    Attributes:
        name: of the sequence, and of its files.
        frames: its frame file.
        first: number of the first frame to track.
        last: number of the last frame to track.
        frame_rate: frames per second; the usual rate where it varies.
        public: whether the data set's own detections gate births; for a system that detects nothing they are its detections, of score 1.
        spec: the model.
        options: its options.
        model: folder with its weights and card.
        batch_size: frames per forward pass.
        threads: CPU threads.
        outputs: where the results go.
        seen_from: digest of all that what the network sees depends on; None: it is not reused.
        tracked_from: digest of everything that the tracks depend on; None: they are not reused.
        true_identities: whether the ground truth gives the identities, in the place of the tracker.
        given: MOTChallenge text of another detector, whose boxes replace the network's.
        oracle: whether the boxes that scoring counts replace the network's.
        precision: of the network.
        classes: names of what is tracked.
        interval: usual seconds from frame to frame of a video whose rate varies; None: it is constant.
        keep_masks: whether observations keep the masks of a system's parts.
    """

    name: str
    frames: Place
    first: int
    last: int
    frame_rate: float
    public: bool
    spec: ModelSpec
    options: BaseModel
    model: Place
    batch_size: int
    threads: int
    outputs: Outputs
    given: Path | None = None
    oracle: bool = False
    precision: Precision = "auto"
    classes: tuple[str, ...] = PEDESTRIANS
    seen_from: str | None = None
    tracked_from: str | None = None
    true_identities: bool = False
    interval: float | None = None
    keep_masks: bool = False

    @property
    def length(self) -> int:
        """How many frame numbers there are to go through."""
        return self.last - self.first + 1

    @property
    def observation(self) -> str:
        """Name of the file with what the network saw."""
        return f"{self.name}.parquet"

    @property
    def timing(self) -> str:
        """Name of the file with how long it took."""
        return f"{self.name}.json"

    @property
    def results(self) -> dict[str, str | None]:
        """Names of the files that tracking writes, the boxes that no detection supports and the text, with the key of each."""
        key = self.tracked_from
        return {f"{self.name}.recovered.parquet": key and f"{key}-recovered", f"{self.name}.txt": key}


class Timing(NamedTuple):
    """How long a sequence took: frames tracked, seconds in all, and seconds by part (`detector.Stopwatch`); what its tracker counted."""

    frames: int
    seconds: float
    parts: dict[str, float]
    counts: dict[str, int] = {}  # noqa: RUF012  # never changed


def track_sequence(job: Job) -> None:
    """Look at one sequence and track it; leave its observations, results and timing as finished parts."""
    torch.set_num_threads(job.threads)
    job.spec.association.warm_up(job.options)
    follow(job, inference.load_detector(job.spec, job.options, job.model, job.precision))


def follow(job: Job, detector: inference.Detector) -> None:
    """`track_sequence` with the network at hand."""
    watch, rows, begun = inference.Stopwatch(), ResultRows(job.classes), time.perf_counter()
    sequence = _Sequence(job)
    with (
        job.outputs.observations.write(job.observation, _key(job.seen_from)) as path,
        ObservationWriter(path, **_facts(job), weights=detector.weights) as writer,
    ):
        for found in inference.track(sequence.pictures(), detector, job.batch_size, job.frame_rate, watch):
            truth = sequence.truth.pop(found.picture.frame)
            rows.add(found.picture.frame, true_tracks(found.detections, truth, job.classes) if job.true_identities else found.tracks)
            rows.counts = found.counts
            writer.write(_observation(found, truth, keep_masks=job.keep_masks))
    _write_results(job, rows)
    write_timing(job, Timing(sequence.count, time.perf_counter() - begun, watch.seconds, rows.counts))


def associate_sequences(jobs: Sequence[tuple[Job, Timing]]) -> None:
    """Track sequences again from the observations that are among their outputs already, without the detector.

    Trackers that ask a network share its passes, `TOGETHER` sequences at a time.

    Args:
        jobs: sequences of one model and its options, each with how long it took when the network looked; its time for association is
            replaced by the new one.
    """
    if not jobs:
        return
    first = jobs[0][0]
    first.spec.association.warm_up(first.options)
    asked = load_asked(first.spec, first.options, first.model)
    size = 1 if asked is None else TOGETHER
    for start in range(0, len(jobs), size):
        _associate(jobs[start : start + size], asked)


def _associate(jobs: Sequence[tuple[Job, Timing]], asked: Asked | None) -> None:
    sequences = []
    for job, _ in jobs:
        with local(job.outputs.observations.path(job.observation)) as path:
            sequences.append(load(path, job.spec))
    begun, first = time.perf_counter(), jobs[0][0]
    if first.true_identities:
        found = [associate_by_truth(sequence, job.frames) for (job, _), sequence in zip(jobs, sequences, strict=True)]
    else:
        found = associate_all(sequences, first.spec, first.options, asked)
    for (job, _), rows in zip(jobs, found, strict=True):
        _write_results(job, rows)
    spent, frames = time.perf_counter() - begun, sum(len(sequence.frames) for sequence in sequences)
    for (job, before), sequence, rows in zip(jobs, sequences, found, strict=True):
        own = spent * len(sequence.frames) / max(frames, 1)
        seconds = before.seconds - before.parts["association"] + own
        write_timing(job, Timing(before.frames, seconds, before.parts | {"association": own}, rows.counts))


def _write_results(job: Job, rows: ResultRows) -> None:
    (recovered, first), (text, second) = job.results.items()
    with job.outputs.tracks.write(recovered, _key(first)) as path:
        write_recovered(path, *rows.recovered())
    with job.outputs.tracks.write(text, _key(second)) as path:
        mot_text.write_results(path, rows.collect())


def write_timing(job: Job, timing: Timing) -> None:
    """Keep how long a sequence took until all of them are done."""
    with job.outputs.timings.write(job.timing, _key(job.seen_from)) as path:
        path.write_text(json.dumps(timing._asdict()))


def _key(digest: str | None) -> dict[str, str] | None:
    return None if digest is None else {"key": digest}


def timing_of(entry: dict[str, Any]) -> Timing:
    """A sequence's timing from its entry in speed.json."""
    parts = dict(entry["seconds"])
    return Timing(entry["frames"], parts.pop("total"), parts, entry.get("counts", {}))


def speed(timings: dict[str, Timing]) -> dict[str, Any]:
    """What speed.json holds: frames per second and seconds by part, for each sequence and over all of them.

    The figure over all is frames over the sum of the sequences' seconds: of one worker, not of all that ran side by side.
    """
    frames, seconds = sum(item.frames for item in timings.values()), sum(item.seconds for item in timings.values())
    names = next(iter(timings.values())).parts if timings else {}
    parts = {name: sum(item.parts[name] for item in timings.values()) for name in names}
    counts: Counter[str] = Counter()
    for item in timings.values():
        counts.update(item.counts)
    return {
        **_speed(Timing(frames, seconds, parts, dict(counts))),
        "sequences": {name: _speed(item) for name, item in sorted(timings.items())},
    }


class _Sequence:
    """Reads a job's frames as pictures and keeps what scoring needs of each until it is fetched."""

    def __init__(self, job: Job) -> None:
        self._job, self.count = job, 0
        self._given = read_detections(job.given, frame_span(job.frames), job.classes) if job.given is not None else {}
        self.truth: dict[int, Objects] = {}

    def pictures(self) -> Iterator[inference.Picture]:
        clock = FrameClock(self._job.interval)
        for frame in read_frames(self._job.frames):
            due = clock.step(frame.frame, frame.time)
            if self._job.first <= frame.frame <= self._job.last:
                self.count += 1
                self.truth[frame.frame] = truth = scored(frame.objects, self._job.classes)
                kinds = class_indices(truth.classes, self._job.classes)
                public = frame.public_boxes if self._job.public and self._job.spec.detection.decode is not None else None
                image = decode_jpeg(frame.image, _where(self._job.frames, frame))
                step = None if self._job.interval is None else due
                yield inference.Picture(frame.frame, image, truth.boxes, public, self._boxes(frame, truth), kinds, step)

    def _boxes(self, frame: Frame, truth: Objects) -> Given | None:
        """What stands for the network's detections."""
        if self._job.given is not None:
            return self._given.get(frame.frame, Given(np.zeros((0, 4), np.float32), np.zeros(0, np.float32)))
        if self._job.oracle:
            return oracle(truth, self._job.classes)
        alone = self._job.spec.detection.decode is not None
        return None if alone else Given(frame.public_boxes, np.ones(len(frame.public_boxes), np.float32))


def _where(path: Place, frame: Frame) -> str:
    return f"{path}: frame {frame.frame}"


def _facts(job: Job) -> dict[str, Any]:
    """What an observation file states of its sequence, whose frames have one size."""
    width, height = next(((frame.width, frame.height) for frame in read_frames(job.frames, ("width", "height"))), (0, 0))
    return {"sequence": job.name, "width": width, "height": height, "frame_rate": job.frame_rate, "classes": job.classes}


def _observation(found: inference.Tracked, truth: Objects, *, keep_masks: bool) -> Observation:
    height, width = found.picture.image.shape[:2]
    figures = None if found.masks is None else measure(found.masks, truth, width, height)
    return Observation(
        frame=found.picture.frame,
        detections=found.detections if keep_masks else replace(found.detections, part_masks=None),
        identities=truth.identities,
        visibilities=truth.visibilities,
        embeddings=found.embeddings,
        public=found.picture.public,
        step=found.picture.step,
        overlaps=None if figures is None else figures.overlaps,
        focuses=None if figures is None else figures.focuses,
    )


def _speed(timing: Timing) -> dict[str, Any]:
    rate = timing.frames / timing.seconds if timing.seconds else 0.0
    return {
        "frames_per_second": round(rate, 3),
        "frames": timing.frames,
        "seconds": {"total": round(timing.seconds, 3), **{name: round(value, 3) for name, value in timing.parts.items()}},
        **({"counts": timing.counts} if timing.counts else {}),
    }
