"""Tracks and ground truth to scores: HOTA, CLEAR, Identity, re-identification, detection AP; the champion moves to the better model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.artifacts.manifest import Manifest, checked, read_manifest
from pipeline.artifacts.store import follow
from pipeline.errors import UserError
from pipeline.files.track_origin import read_track_origin
from pipeline.params.classes import PEDESTRIANS
from pipeline.params.sections import Params
from pipeline.registry.provenance import provenance
from pipeline.scoring import tables
from pipeline.scoring.conditions import conditions, is_labelled, tracked_spans
from pipeline.scoring.network import score_network
from pipeline.scoring.rules import BY_CLASS, Benchmark
from pipeline.scoring.sequences import ScoredSequence, from_frames
from pipeline.scoring.tracking import TrackingScores, score
from stages import Context, Record, run

SHOWN = (tables.METRICS, tables.SCORES, tables.THRESHOLDS, tables.PER_SEQUENCE)  # `dvc metrics` and `dvc plots` read them in the repository


def evaluate(context: Context) -> None:
    """Score artifacts/tracks and artifacts/observations, publish artifacts/evaluate, promote the model if it is better."""
    settings = context.params.evaluate
    for folder in (context.data / "frames", context.artifacts / "tracks", context.artifacts / "observations"):
        context.run.input(read_manifest(folder), folder.name)
    sequences = _sequences(context)
    classes, seen = context.params.pack_samples.classes, follow(context.artifacts / "observations")
    _check_classes(classes, settings.benchmark)
    scores = score(sequences, settings.benchmark, classes)
    network = score_network(
        sequences, seen, settings.benchmark, settings.reid_min_visibility, classes, max_visibility=settings.reid_max_visibility
    )
    found = tables.document(scores, settings.benchmark, network, _speed(context))
    tables.print_table(scores, f"{settings.benchmark} rules, {context.params.track.frames} frames")
    context.run.metrics(tables.flat(found))
    context.run.headline(tables.flat(tables.headline(found)))
    tell_registry(context, found)  # before anything is published: killed here, the same command does it again
    context.run.output(_publish(context, scores, found))


def _check_classes(classes: Sequence[str], benchmark: Benchmark) -> None:
    """MOTChallenge's rules score pedestrians alone."""
    if benchmark not in (BY_CLASS, "none") and list(classes) != list(PEDESTRIANS):
        raise UserError(
            f"evaluate.benchmark: {benchmark} scores pedestrians, pack_samples.classes is {', '.join(classes)}\n"
            f"next: set evaluate.benchmark to {BY_CLASS}"
        )


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
    frames, tracks = follow(context.data / "frames"), follow(context.artifacts / "tracks")
    chosen = []
    for (dataset, name), span in tracked_spans(context.params, context.root).items():
        if is_labelled(context.root, dataset, name):
            chosen.append(from_frames(frames / dataset / f"{name}.parquet", tracks, span))
        else:
            print(f"{dataset}/{name}: not scored, it has no ground truth")
    if not chosen:
        raise UserError(
            f"evaluate: no sequence with ground truth among the {context.params.track.frames} frames\n"
            "next: set track.frames (val, train, all), or add gt/gt.txt to a sequence and run `dvc repro`"
        )
    return chosen


def _publish(context: Context, scores: TrackingScores, found: dict[str, Any]) -> Manifest:
    publication = context.publication(context.artifacts / "evaluate", shown=SHOWN)
    with publication.write(tables.METRICS) as path:
        tables.write_metrics(path, found)
    with publication.write(tables.SCORES) as path:
        tables.write_scores(path, found)
    with publication.write(tables.THRESHOLDS) as path:
        tables.write_thresholds(path, scores)
    with publication.write(tables.PER_SEQUENCE) as path:
        tables.write_per_sequence(path, scores)
    for name in SHOWN:
        context.run.artifact(publication.path(name), "evaluate")
    return publication.publish(benchmark=context.params.evaluate.benchmark, frames=context.params.track.frames)


def tell_registry(context: Context, metrics: Mapping[str, Any]) -> None:
    """Give the version that made the tracks its score; it becomes champion if it beats the present one under the same conditions.

    Options of the tracker that no version with these weights has are registered as a version of their own, which shares the weights.
    """
    from pipeline.registry import champions, registry, variants
    from pipeline.registry.scores import Candidate, Score

    origin = read_track_origin(follow(context.artifacts / "tracks"))
    if origin.needs_labels:
        print("these tracks were told the ground truth: champion not considered")
        return
    run, candidate = context.run, Candidate(origin.weights_sha256, origin.tracker)
    version = registry.find_version(run.tracking_uri, origin.system, candidate)
    trained = version or registry.find_weights(run.tracking_uri, origin.system, candidate.weights_sha256)
    if trained is None:
        print(f"the model of these tracks is not in the registry at {run.tracking_uri}: champion not considered")
        return
    if version is None:
        version = variants.register_variant(run, origin.system, trained, candidate)
        print(f"version {version} of {origin.system}: the weights of version {trained} with other options of the tracker")
    score = Score(
        conditions(context.params, context.root, origin.boxes), _numbers(metrics), provenance(run.run_id, context.params, context.root)
    )
    run.tag("throughline.evaluation_digest", score.conditions.digest)
    run.tag("throughline.version", f"{origin.system}/{version}")
    print(champions.consider(run.tracking_uri, origin.system, version, score, context.params.evaluate.champion_metric).reason)


def is_told(params: Params, root: Path) -> bool:
    """Whether the registry has the score in artifacts/evaluate, or need not have it."""
    from pipeline.registry import registry
    from pipeline.registry.address import tracking_uri
    from pipeline.registry.scores import Candidate, scores

    uri, origin = tracking_uri(params.mlflow.tracking_uri, root), read_track_origin(follow(root / "artifacts" / "tracks"))
    if origin.needs_labels or registry.find_weights(uri, origin.system, origin.weights_sha256) is None:
        return True
    version = registry.find_version(uri, origin.system, Candidate(origin.weights_sha256, origin.tracker))
    known = {} if version is None else scores(registry.show(f"{origin.system}/{version}", uri).tags)
    measured, wanted = _numbers(_metrics(root)), conditions(params, root, origin.boxes)
    return any(item.conditions.digest == wanted.digest and item.metrics == measured for item in known.values())


def _metrics(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / "artifacts" / "evaluate" / tables.METRICS).read_text())
    return found


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    return {key: value for key, value in metrics["combined"].items() if isinstance(value, float)}


RECORD = Record(is_told, lambda context: tell_registry(context, _metrics(context.root)))

if __name__ == "__main__":
    run("evaluate", evaluate, RECORD)
