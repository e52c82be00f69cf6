"""Which frames a parameter file tracks, from whose detections, and the jobs that follow; everything is checked before the first starts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel

from pipeline.artifacts.publication import file_digest, read_manifest
from pipeline.artifacts.store import Place, follow
from pipeline.errors import UserError
from pipeline.files.frames import frame_facts, frame_span
from pipeline.files.splits import read_split, spans
from pipeline.params.classes import PEDESTRIANS
from pipeline.params.file import digest
from pipeline.params.sections import Params
from pipeline.params.sections.results import Track
from pipeline.tracking.external_boxes import detection_file, read_detections

if TYPE_CHECKING:
    from pipeline.contract.spec import ModelSpec
    from pipeline.tracking.sequences import Job, Outputs

Name = tuple[str, str]  # data set and sequence
WEIGHTS, CARD = "weights.safetensors", "model.json"  # the files of a model's folder


@dataclass(frozen=True)
class TrackedFrames:
    """What is tracked.

    Attributes:
        settings: of tracking.
        folder: data/frames.
        spans: first and last frame of each sequence.
        given: another detector's file of each sequence; none unless `track.detections` is `file`.
        classes: names of what is tracked.
        remarks: what was assumed about the columns of the other detector's files.
    """

    settings: Track
    folder: Place
    spans: dict[Name, tuple[int, int]]
    given: dict[Name, Path]
    classes: tuple[str, ...] = PEDESTRIANS
    remarks: tuple[str, ...] = ()

    def file(self, name: Name) -> Place:
        """A sequence's frame file."""
        return frame_file(self.folder, name)

    def jobs(self, spec: ModelSpec, options: BaseModel, model: Place, outputs: Outputs) -> list[Job]:
        """One job per sequence.

        Raises:
            UserError: a sequence lacks the detections or the ground truth that the parameters ask for, or the system detects nothing, or
                has no masks to keep.
        """
        from pipeline.tracking.sequences import Job

        settings, jobs = self.settings, []
        check_detections(spec.name, settings, detects=spec.detection.decode is not None)
        check_masks(spec.name, settings, carried=spec.detection.part_masks(options))
        public, oracle = settings.detections == "public", settings.detections == "ground_truth"
        by_truth = settings.association == "ground_truth"
        for name, (first, last) in self.spans.items():
            facts = frame_facts(self.file(name))
            _require(public, facts["detections"], f"track.detections: {name[0]}/{name[1]} has no det/det.txt", "private")
            _require(oracle, facts["ground_truth"], f"track.detections: {name[0]}/{name[1]} has no gt/gt.txt", "private")
            _require(by_truth, facts["ground_truth"], f"track.association: {name[0]}/{name[1]} has no gt/gt.txt", "tracker")
            frames, sizes = (self.file(name), first, last, float(facts["frame_rate"])), (settings.batch_size, settings.threads)
            given = self.given.get(name)
            job = Job(name[1], *frames, public, spec, options, model, *sizes, outputs, given, oracle, precision=settings.precision)
            job = replace(job, true_identities=by_truth, classes=self.classes, interval=facts.get("interval"))
            jobs.append(replace(job, keep_masks=settings.keep_masks))
        return jobs


def check_detections(system: str, settings: Track, *, detects: bool) -> None:
    """Refuse `track.detections: private` for a system that detects nothing by itself.

    Raises:
        UserError: it asks such a system for its own detections.
    """
    if not detects and settings.detections == "private":
        raise UserError(
            f"track.detections: private asks {system} for its own detections, and it detects nothing by itself\n"
            "next: set track.detections to public, file or ground_truth"
        )


def check_masks(system: str, settings: Track, *, carried: bool) -> None:
    """Refuse `track.keep_masks` for a system whose detections carry no masks.

    Raises:
        UserError: masks are to be kept, and there are none.
    """
    if settings.keep_masks and not carried:
        raise UserError(
            f"track.keep_masks: true asks {system} for the masks of its parts, and with these options it has none\n"
            "next: set track.keep_masks to false"
        )


@dataclass(frozen=True)
class Code:
    """Digests of the code behind two outputs: observations (`seeing`) and tracks (`tracking`)."""

    seeing: str
    tracking: str


def keyed(jobs: Sequence[Job], frames: TrackedFrames, data: Path, code: Code) -> list[Job]:
    """The jobs with digests of everything that their observations, and their tracks, depend on.

    Observations depend on the weights, the network's options and the few of the tracker's that decoding reads, on the pictures, the boxes
    that replace the network's, and the code that sees; tracks on those and on all options of the tracker and the code that associates. So
    another threshold of the tracker, or another tracker, takes the stored observations.

    Args:
        jobs: one per sequence.
        frames: that they track.
        data: the folder of data/frames.
        code: that runs.
    """
    if not jobs:
        return []
    first, files = jobs[0], read_manifest(data).files
    options = first.options.model_dump()
    tracker = options.pop("tracker")
    decoding = {name: tracker[name] for name in first.spec.detection.decodes_with(first.options)}
    model = [file_digest(first.model / name) for name in (WEIGHTS, CARD)]
    shared = digest(first.spec.name, model, options, decoding, first.precision, code.seeing)
    found = []
    for job, name in zip(jobs, frames.spans, strict=True):
        pictures = files[f"{name[0]}/{name[1]}.parquet"]["sha256"]
        boxes = file_digest(job.given) if job.given is not None else None
        seen = digest(shared, pictures, job.first, job.last, job.frame_rate, job.public, job.oracle, boxes, job.classes)
        seen = digest(seen, "masks") if job.keep_masks else seen
        tracked = digest(seen, "ground truth", code.tracking) if job.true_identities else digest(seen, tracker, code.tracking)
        found.append(replace(job, seen_from=seen, tracked_from=tracked))
    return found


def tracked_frames(params: Params, root: Path) -> TrackedFrames:
    """What a parameter file tracks.

    Raises:
        UserError: the split has no such frames, two sequences share a name, or another detector's file is missing or broken.
    """
    found = _spans(follow(root / "data" / "samples"), params.track.frames)
    folder = follow(root / "data" / "frames")
    remarks: list[str] = []
    given = _given(params, root, folder, found, remarks)
    return TrackedFrames(params.track, folder, found, given, tuple(params.pack_samples.classes), tuple(remarks))


def frame_file(folder: Place, name: Name) -> Place:
    """A sequence's file in data/frames."""
    return folder / name[0] / f"{name[1]}.parquet"


def _spans(samples: Place, which: Literal["train", "val", "all"]) -> dict[Name, tuple[int, int]]:
    found = dict(sorted(spans(read_split(samples), which).items()))
    if not found:
        raise UserError(f"track.frames: the split has no {which} frames\nnext: set track.frames (val, train, all) or pack_samples.split")
    twice = [name for name, count in Counter(name for _, name in found).items() if count > 1]
    if twice:
        raise UserError(f"track: sequences of two data sets share a name: {', '.join(twice)}\nnext: rename one; each has <name>.txt")
    return found


def _given(params: Params, root: Path, folder: Place, names: dict[Name, tuple[int, int]], remarks: list[str]) -> dict[Name, Path]:
    """Another detector's files, each read once for mistakes and for what has to be assumed about it."""
    settings, found = params.track, dict[Name, Path]()
    if settings.detections != "file" or settings.detections_files is None:
        return found
    for name in names:
        dataset, sequence = name
        path = detection_file(settings.detections_files, data_root=params.base.data_root, root=root, dataset=dataset, sequence=sequence)
        if path in found.values():
            raise UserError(f"track.detections_files: {path} would serve two sequences\nnext: put {{sequence}} (or {{dataset}}) into it")
        read_detections(path, frame_span(frame_file(folder, name)), params.pack_samples.classes, remarks)
        found[name] = path
    return found


def _require(needed: bool, there: bool, complaint: str, otherwise: str) -> None:
    if needed and not there:
        raise UserError(f"{complaint}\nnext: add it, or set {complaint.partition(':')[0]} to {otherwise}")
