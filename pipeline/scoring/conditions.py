"""The conditions of a score (frames, detections, rules), as the parameters and the published frames state them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipeline.artifacts.publication import read_manifest
from pipeline.artifacts.store import follow
from pipeline.files.frames import frame_facts
from pipeline.files.splits import read_split, spans
from pipeline.params.file import digest
from pipeline.params.sections import Params
from pipeline.registry.scores import Conditions

Spans = dict[tuple[str, str], tuple[int, int]]  # first and last frame by data set and sequence


def tracked_spans(params: Params, root: Path) -> Spans:
    """The frames of every sequence that `track.frames` names."""
    return dict(sorted(spans(read_split(follow(root / "data" / "samples")), params.track.frames).items()))


def is_labelled(root: Path, dataset: str, name: str) -> bool:
    """Whether a sequence has ground truth, so that it can be scored."""
    return bool(frame_facts(follow(root / "data" / "frames") / dataset / f"{name}.parquet")["ground_truth"])


def conditions(params: Params, root: Path, boxes: Mapping[str, str]) -> Conditions:
    """The conditions that a score of these parameters belongs to.

    Args:
        params: the parameter file.
        root: the repository.
        boxes: SHA-256 of another detector's file for each `dataset/sequence`; empty where boxes are the network's.
    """
    files = read_manifest(root / "data" / "frames").files
    scored = [
        (f"{dataset}/{name}", span) for (dataset, name), span in tracked_spans(params, root).items() if is_labelled(root, dataset, name)
    ]
    data = digest([[name, files[f"{name}.parquet"]["sha256"], *span] for name, span in scored])
    given = digest({name: boxes[name] for name, _ in scored}) if boxes else ""
    names = ", ".join(sorted({name.partition("/")[0] for name, _ in scored}))
    told = f"{params.track.frames} frames of {len(scored)} sequence{'s' * (len(scored) != 1)} of {names}"
    return Conditions(data, params.track.detections, given, params.evaluate.benchmark, tuple(params.pack_samples.classes), told)
