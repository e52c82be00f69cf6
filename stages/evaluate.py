"""Tracks and ground truth to scores: HOTA, CLEAR, Identity, re-identification, detection AP; the champion moves to the better model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.artifacts.manifest import Manifest, checked, read_manifest
from pipeline.artifacts.store import follow
from pipeline.errors import UserError
from pipeline.files.frames import frame_facts
from pipeline.files.splits import read_split, spans
from pipeline.params import file as parameters
from pipeline.params.classes import PEDESTRIANS
from pipeline.scoring import tables
from pipeline.scoring.network import score_network
from pipeline.scoring.rules import BY_CLASS, Benchmark
from pipeline.scoring.sequences import ScoredSequence, from_frames
from pipeline.scoring.tracking import TrackingScores, score
from stages import Context, run


def evaluate(context: Context) -> None:
    """Score artifacts/tracks and artifacts/observations, publish artifacts/evaluate, promote the model if it is better."""
    settings = context.params.evaluate
    frames = _read(context, context.data / "frames")
    tracks = _read(context, context.artifacts / "tracks")
    _read(context, context.artifacts / "observations")
    sequences = _sequences(context)
    classes, seen = context.params.pack_samples.classes, follow(context.artifacts / "observations")
    _check_classes(classes, settings.benchmark)
    scores = score(sequences, settings.benchmark, classes)
    reid, detection = score_network(sequences, seen, settings.benchmark, settings.reid_min_visibility, classes)
    found = tables.document(scores, settings.benchmark, reid, detection, _speed(context))
    manifest = _publish(context, scores, found)
    tables.print_table(scores, f"{settings.benchmark} rules, {context.params.track.frames} frames")
    context.run.metrics(tables.flat(found))
    context.run.output(manifest)
    _promote(context, found, frames, tracks)


def _check_classes(classes: Sequence[str], benchmark: Benchmark) -> None:
    """MOTChallenge's rules score pedestrians alone."""
    if benchmark not in (BY_CLASS, "none") and list(classes) != list(PEDESTRIANS):
        raise UserError(
            f"evaluate.benchmark: {benchmark} scores pedestrians, pack_samples.classes is {', '.join(classes)}\n"
            f"next: set evaluate.benchmark to {BY_CLASS}"
        )


def _read(context: Context, folder: Path) -> Manifest:
    manifest = read_manifest(folder)
    context.run.input(manifest, folder.name)
    return manifest


def _speed(context: Context) -> dict[str, Any]:
    path = context.artifacts / "speed.json"
    if not path.is_file():
        raise UserError(f"{path}: no such file\nnext: run `dvc repro track`")
    found = checked(path)
    if found is None:
        raise UserError(f"{path}: damaged since it was written\nnext: make it again with `dvc repro --force --single-item track`")
    return found


def _sequences(context: Context) -> list[ScoredSequence]:
    """Ground truth and tracks of the frames that were tracked; a sequence without ground truth cannot be scored."""
    selected = spans(read_split(follow(context.data / "samples")), context.params.track.frames)
    frames, tracks = follow(context.data / "frames"), follow(context.artifacts / "tracks")
    chosen = []
    for (dataset, name), span in sorted(selected.items()):
        path = frames / dataset / f"{name}.parquet"
        if frame_facts(path)["ground_truth"]:
            chosen.append(from_frames(path, tracks, span))
        else:
            print(f"{dataset}/{name}: not scored, it has no ground truth")
    if not chosen:
        raise UserError(
            f"evaluate: no sequence with ground truth among the {context.params.track.frames} frames\n"
            "next: set track.frames (val, train, all), or add gt/gt.txt to a sequence and run `dvc repro`"
        )
    return chosen


def _publish(context: Context, scores: TrackingScores, found: dict[str, Any]) -> Manifest:
    publication = context.publication(context.artifacts / "evaluate", shown=(tables.METRICS,))  # `dvc metrics` reads it
    with publication.write(tables.METRICS) as path:
        tables.write_metrics(path, found)
    with publication.write(tables.PER_SEQUENCE) as path:
        tables.write_per_sequence(path, scores)
    for name in (tables.METRICS, tables.PER_SEQUENCE):
        context.run.artifact(publication.path(name), "evaluate")
    return publication.publish(benchmark=context.params.evaluate.benchmark, frames=context.params.track.frames)


def _promote(context: Context, found: dict[str, Any], frames: Manifest, tracks: Manifest) -> None:
    """Tag the model that made the tracks with its scores; it becomes champion if it beats the present one on this data."""
    from pipeline.registry import registry

    if "ground_truth" in (tracks.facts.get("detections"), tracks.facts.get("association")):
        print("these tracks were told the ground truth: champion not considered")
        return
    settings, name = context.params.evaluate, context.params.model.name
    split = read_split(follow(context.data / "samples"))
    classes = context.params.pack_samples.classes
    scored = [settings.benchmark] if classes == list(PEDESTRIANS) else [settings.benchmark, *classes]
    data = parameters.digest(frames.digest, split, *scored, context.params.track.frames)
    context.run.tag("throughline.evaluation_digest", data)
    version = registry.find_version(context.run.tracking_uri, name, tracks.facts["weights_sha256"])
    if version is None:
        print(f"the model of these tracks is not in the registry at {context.run.tracking_uri}: champion not considered")
        return
    metrics = {key: value for key, value in found["combined"].items() if isinstance(value, float)}
    uri, metric = context.run.tracking_uri, settings.champion_metric
    print(registry.promote(uri, name, version, metrics=metrics, evaluation_digest=data, metric=metric).reason)


if __name__ == "__main__":
    run("evaluate", evaluate)
