"""Detections to identities: track the held-out frames of every video sequence, or anyone's video.

As a stage it reads params.yaml. With --video it needs a model and nothing else:

    python -m stages.track --model models:/outrack@champion --video my.mp4 --out out/
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from models import load as load_spec
from pipeline import params as parameters
from pipeline.errors import UserError
from pipeline.publish import file_digest, read_manifest
from pipeline.store import Place, follow, remove, write_text
from pipeline.tracked_frames import TrackedFrames, tracked_frames
from stages import ROOT, Context, execute, plain_errors

if TYPE_CHECKING:
    from pipeline.spec import ModelSpec
    from pipeline.tracking import Job, Outputs

REGISTRY = "models:/"
WEIGHTS, CARD = "weights.safetensors", "model.json"
GPU_SHARE = 0.25  # of a GPU for one sequence, which waits for decoding most of the time
VIDEO_BATCH = 8  # frames a forward pass of the command line


def track(context: Context) -> None:
    """Write artifacts/tracks, artifacts/observations and artifacts/speed.json for the frames that `track.frames` names."""
    from pipeline.cluster import attached, gpus, map_tasks
    from pipeline.tracking import track_sequence

    for name in ("frames", "samples"):
        context.run.input(read_manifest(context.data / name), name)
    model = _stage_model(context)
    spec, options = _model(model, context.options)
    frames = tracked_frames(context.params, context.root)
    outputs = _outputs(context, model, frames)
    jobs = frames.jobs(spec, options, model, outputs)
    left = [job for job in jobs if not job.done]
    if len(left) < len(jobs):
        print(f"track: {len(jobs) - len(left)} of {len(jobs)} sequences were finished before", file=sys.stderr)
    if left:
        with attached(context.params.cluster):
            needs = {"num_cpus": context.params.track.threads, "num_gpus": GPU_SHARE if gpus() else 0}
            map_tasks(track_sequence, left, label="Tracking", unit="frames", weight=lambda job: job.length, **needs)
    _publish(context, jobs, outputs, model)


def track_video(model: str, video: Path, out: Path, tracking_uri: str | None = None) -> tuple[Path, Path]:
    """Track anyone's video with a model of the registry or of a folder; no parameters but the model's own.

    Args:
        model: `models:/outrack@champion`, or a folder that holds a model.
        video: file to track.
        out: folder to make or fill.
        tracking_uri: MLflow store of the registry; None: the one of params.yaml.

    Returns:
        The MOTChallenge text and the video with boxes, identities and trails.

    Raises:
        UserError: the model or the video cannot be used.
    """
    from pipeline.footage import track_file
    from pipeline.inference import load_detector
    from pipeline.video import probe

    probe(video)  # the quick check first
    folder = _resolve(model, tracking_uri or parameters.load(ROOT / "params.yaml").mlflow.tracking_uri, "--model")
    spec, options = _model(folder)
    return track_file(video, out, load_detector(spec, options, folder), VIDEO_BATCH)


def _stage_model(context: Context) -> Place:
    """Folder of the model to track with, its origin recorded on the run."""
    named = context.params.track.model
    if named is None:
        folder = context.artifacts / "finetune"
        context.run.input(read_manifest(folder), "finetune")
        return follow(folder)
    context.run.tag("throughline.track.model", named)
    return _resolve(named, context.run.tracking_uri, "track.model")


def _resolve(model: str, tracking_uri: str, key: str) -> Path:
    """The local folder of a model named by reference or by path."""
    from pipeline import registry
    from pipeline.runs import absolute_uri

    if model.startswith(REGISTRY):
        uri = absolute_uri(tracking_uri, ROOT)
        found = registry.show(model, uri)
        return registry.fetch(model, uri, ROOT / ".throughline" / "models" / f"{found.name}-{found.version}")
    if not Path(model).is_dir():
        raise UserError(f"{key}: no such folder: {model}\nnext: name a folder that holds {WEIGHTS} and {CARD}, or {REGISTRY}NAME@ALIAS")
    return Path(model).resolve()


def _model(folder: Place, current: BaseModel | None = None) -> tuple[ModelSpec, BaseModel]:
    """Spec and options of a model folder; the tracker's options are the current ones where there are any."""
    from pipeline.weights import load_model

    card = load_model(folder)
    spec = load_spec(card.name)
    raw = card.options if current is None else card.options | {"tracker": current.model_dump()["tracker"]}
    return spec, parameters.validate(spec.options, raw, where=str(folder / CARD))


def _outputs(context: Context, model: Place, frames: TrackedFrames) -> Outputs:
    """Three folders in the making; they belong to these very weights and detections as well as to the stage's parameters and inputs."""
    from pipeline.tracking import Outputs

    digests = [file_digest(path) for path in (model / WEIGHTS, model / CARD, *frames.given.values())]
    fingerprint = parameters.digest(context.fingerprint, *digests)
    names = ("tracks", "observations", "speed.json")
    return Outputs(*(context.publication(context.artifacts / name, fingerprint) for name in names))


def _publish(context: Context, jobs: Sequence[Job], outputs: Outputs, model: Place) -> None:
    from pipeline.tracking import Timing, speed

    timings = {job.name: Timing(**json.loads(outputs.timings.path(f"{job.name}.json").read_text())) for job in jobs}
    measured = speed(timings)
    write_text(context.artifacts / "speed.json", json.dumps(measured, indent=1) + "\n")
    settings = context.params.track
    facts = {"frames": settings.frames, "detections": settings.detections, "weights_sha256": file_digest(model / WEIGHTS)}
    for publication in (outputs.observations, outputs.tracks):
        context.run.output(publication.publish(**facts))
    remove(outputs.timings.kept or outputs.timings.partial)
    context.run.metrics({"frames_per_second": measured["frames_per_second"]})


def main(arguments: Sequence[str] | None = None) -> None:
    """The stage, or with --video the tracker for anyone's file."""
    parser = argparse.ArgumentParser(prog="python -m stages.track", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--params", type=Path, default=ROOT / "params.yaml", help="parameter file of the stage (default: params.yaml)")
    parser.add_argument("--video", type=Path, help="file to track")
    parser.add_argument("--model", help="models:/NAME@ALIAS, models:/NAME/VERSION, or a folder such as artifacts/finetune")
    parser.add_argument("--out", type=Path, help="folder for the text and the video")
    parser.add_argument("--tracking-uri", help="MLflow store of the model (default: mlflow.tracking_uri of params.yaml)")
    chosen = parser.parse_args(arguments)
    needed = {"--video": chosen.video, "--model": chosen.model, "--out": chosen.out}
    missing = [name for name, value in needed.items() if value is None]
    if len(missing) == len(needed):
        execute("track", track, chosen.params)
    elif missing:
        parser.error(f"tracking a video needs {', '.join(missing)} as well")
    else:
        with plain_errors():
            for path in track_video(chosen.model, chosen.video, chosen.out, chosen.tracking_uri):
                print(path)


if __name__ == "__main__":
    main()
