"""Detections to identities: track the held-out frames of every video sequence."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from models import of_card
from pipeline.artifacts import reuse
from pipeline.artifacts.fingerprint import code_of
from pipeline.artifacts.manifest import checked, checked_text, read_manifest
from pipeline.artifacts.publication import file_digest
from pipeline.artifacts.store import Place, follow, remove, write_text
from pipeline.errors import UserError
from pipeline.files.track_origin import ORIGIN, TrackOrigin
from pipeline.tracking.plan import CARD, WEIGHTS, Code, keyed, tracked_frames
from stages import ROOT, Context, run

if TYPE_CHECKING:
    from pipeline.contract.spec import ModelSpec
    from pipeline.tracking.plan import TrackedFrames
    from pipeline.tracking.sequences import Job, Outputs, Timing

SPEED = "speed.json"
GPU_SHARE = 0.25  # of a GPU for one sequence, which waits for decoding most of the time


def track(context: Context) -> None:
    """Write artifacts/tracks, artifacts/observations and artifacts/speed.json for the frames that `track.frames` names.

    Sequences whose observations are those that an earlier run made are tracked again from them, without the network.
    """
    from pipeline.tracking.sequences import Outputs, associate_sequences

    for name in ("frames", "samples"):
        context.run.input(read_manifest(context.data / name), name)
    model = _stage_model(context)
    spec, options = spec_and_options(model, context.options)
    frames = tracked_frames(context.params, context.root)
    for line in frames.remarks:
        print(f"note: {line}", file=sys.stderr)
    _check_classes(model, frames.classes)
    outputs = Outputs(*(context.publication(context.artifacts / name) for name in ("tracks", "observations", "speed.json")))
    params = context.params.model_copy(update={"model": context.params.model.model_copy(update={"name": spec.name})})
    code = Code(code_of("track", params, without="association"), code_of("track", params))
    jobs = keyed(frames.jobs(spec, options, model, outputs), frames, context.data / "frames", code)
    unseen, untracked = _left(jobs, outputs, context.artifacts / SPEED)
    if len(unseen) < len(jobs):
        print(f"track: the network saw {len(jobs) - len(unseen)} of {len(jobs)} sequences before", file=sys.stderr)
    associate_sequences(untracked)
    _look(context, unseen)
    origin = _origin(spec, options, model, frames)
    with outputs.tracks.write(ORIGIN) as path:
        origin.write(path)
    _publish(context, jobs, outputs, origin)


def spec_and_options(folder: Place, current: BaseModel | None = None) -> tuple[ModelSpec, BaseModel]:
    """Spec and options of a model folder; the tracker's options are the current ones where there are any."""
    from pipeline.files.model_folder import load_model

    card = load_model(folder)
    return of_card(card.name, card.options, None if current is None else current.model_dump()["tracker"], str(folder / CARD))


def _left(jobs: Sequence[Job], outputs: Outputs, speeds: Path) -> tuple[list[Job], list[tuple[Job, Timing]]]:
    """What earlier runs left to do: sequences that the network has not seen, and seen ones to be tracked again, with their timing."""
    from pipeline.tracking.sequences import Timing, timing_of, write_timing

    seen, tracks, timed = (reuse.by_key(reuse.parts(part)) for part in (outputs.observations, outputs.tracks, outputs.timings))
    published = (checked(speeds) or {}).get("sequences", {})
    unseen: list[Job] = []
    untracked: list[tuple[Job, Timing]] = []
    for job in jobs:
        assert job.seen_from is not None
        part, timing = seen.get(job.seen_from), None
        if outputs.timings.done(job.timing) or job.seen_from in timed:
            reuse.settled(outputs.timings, job.timing, job.seen_from, timed)
            timing = Timing(**json.loads(outputs.timings.path(job.timing).read_text()))
        elif part is not None and part.path == follow(outputs.observations.out) / job.observation and job.name in published:
            timing = timing_of(published[job.name])
        if timing is None or not reuse.settled(outputs.observations, job.observation, job.seen_from, seen):
            unseen.append(job)
            continue
        write_timing(job, timing)
        taken = [reuse.settled(outputs.tracks, name, key, tracks) for name, key in job.results.items()]
        if not all(taken):
            untracked.append((job, timing))
    return unseen, untracked


def _look(context: Context, jobs: Sequence[Job]) -> None:
    """Show the network the sequences that nobody has shown it."""
    from pipeline.runtime.cluster import attached, gpus, map_tasks
    from pipeline.tracking.sequences import track_sequence

    if jobs:
        with attached(context.params.cluster):
            needs = {"num_cpus": context.params.track.threads, "num_gpus": GPU_SHARE if gpus() else 0}
            map_tasks(track_sequence, jobs, label="Tracking", unit="frames", weight=lambda job: job.length, **needs)


def _stage_model(context: Context) -> Place:
    """Folder of the model to track with, its origin recorded on the run."""
    named = context.params.track.model
    if named is None:
        folder = context.artifacts / "finetune"
        context.run.input(read_manifest(folder), "finetune")
        return follow(folder)
    context.run.tag("throughline.track.model", named)
    from pipeline.registry.model_source import local_model

    return local_model(named, context.run.tracking_uri, "track.model", ROOT / ".throughline" / "models")


def _check_classes(folder: Place, classes: tuple[str, ...]) -> None:
    """Detections count their classes in a list: the one that the model learnt must be the one that is tracked."""
    from pipeline.files.model_folder import load_model

    learnt = load_model(folder).classes
    if learnt != classes:
        raise UserError(
            f"{folder}: the model learnt {', '.join(learnt)}; pack_samples.classes is {', '.join(classes)}\n"
            f"next: set pack_samples.classes to [{', '.join(learnt)}], or train anew"
        )


def _origin(spec: ModelSpec, options: BaseModel, model: Place, frames: TrackedFrames) -> TrackOrigin:
    """What a score of these tracks belongs to."""
    settings, boxes = frames.settings, {f"{name[0]}/{name[1]}": file_digest(path) for name, path in frames.given.items()}
    tracker = options.model_dump(mode="json")["tracker"]
    return TrackOrigin(spec.name, file_digest(model / WEIGHTS), tracker, settings.detections, settings.association, boxes)


def _publish(context: Context, jobs: Sequence[Job], outputs: Outputs, origin: TrackOrigin) -> None:
    from pipeline.tracking.sequences import Timing, speed

    timings = {job.name: Timing(**json.loads(outputs.timings.path(job.timing).read_text())) for job in jobs}
    measured = speed(timings)
    write_text(context.artifacts / SPEED, checked_text(measured))
    facts = {"frames": context.params.track.frames, "detections": origin.detections, "weights_sha256": origin.weights_sha256}
    if origin.association != "tracker":
        facts["association"] = origin.association
    for publication in (outputs.observations, outputs.tracks):
        context.run.output(publication.publish(**facts))
    for attempt in (outputs.timings.kept or outputs.timings.partial, *outputs.timings.others()):
        remove(attempt)
    counts = {name: float(count) for name, count in measured.get("counts", {}).items()}
    if any(counts.values()):
        print(f"track: the trackers counted {', '.join(f'{count:.0f} {name}' for name, count in counts.items())}", file=sys.stderr)
    context.run.metrics({"frames_per_second": measured["frames_per_second"]} | counts)


if __name__ == "__main__":
    run("track", track)
