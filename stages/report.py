"""One page that shows it all: scores, curves, tracked clips, heat maps, depth labels, and where they came from."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from models import of_card
from pipeline.artifacts.publication import read_manifest
from pipeline.artifacts.store import follow, relative
from pipeline.files.splits import read_split, spans
from pipeline.params import file as parameters
from stages import Context, run

if TYPE_CHECKING:
    from pipeline.report.clips import TrackedSequence
    from pipeline.report.page import Section
    from pipeline.tracking.detector import Detector

PAGE = "index.html"
REPRESENT = "represent"  # folder of `throughline represent`
PAGE_MB = 15
CLIP_BYTES = 7_000_000  # of all clips together; base64 makes them a third longer
DATA, ARTIFACTS = ("frames", "depth", "samples"), ("pretrain", "finetune", "tracks", "observations")


def report(context: Context) -> None:
    """Write artifacts/report/index.html, a page that works without a network, and attach it to the run."""
    publication = context.publication(context.artifacts / "report", shown=(PAGE,))
    with publication.write(PAGE) as path:
        path.write_text(_page(context), encoding="utf-8")
    megabytes = publication.path(PAGE).stat().st_size / 1e6
    if megabytes > PAGE_MB:
        print(f"report: the page has {megabytes:.0f} MB; lower report.clips, clip_seconds or clip_width for a lighter one", file=sys.stderr)
    context.run.artifact(publication.path(PAGE), "report")
    context.run.tag("mlflow.note.content", f"The page is the artifact `report/{PAGE}`, and artifacts/report/{PAGE} in the repository.")
    context.run.output(publication.publish())


def _page(context: Context) -> str:
    from pipeline.report import sections
    from pipeline.report.page import Section, page
    from pipeline.report.part_masks import part_masks

    settings, metrics = context.params.report, json.loads((context.artifacts / "evaluate" / "metrics.json").read_text())
    shown = _shown(context, metrics)
    frames = follow(context.data / "frames")
    depths = {sequence.name: follow(context.data / "depth") / relative(sequence.frames, frames) for sequence in shown}
    trained = {name: context.artifacts / name for name in ("pretrain", "finetune")}
    detector = _detector(context)
    parts = [
        Section("scores", "Scores", sections.scores(metrics)),
        Section("network", "Detection, re-identification, speed", sections.network(metrics)),
        Section("training", "Training", sections.training(trained)),
        Section("clips", "Tracked clips", sections.clips(shown, settings.clip_seconds, settings.clip_width, CLIP_BYTES)),
        Section("heat", "Heat maps", sections.heat(shown, detector, settings.clip_width) if detector else ""),
        Section("parts", "Where parts look", part_masks(shown, detector) if detector else ""),
        *_own(shown, context, detector, settings.clip_width),
        Section("depth", "Depth labels", sections.depth(shown, depths, settings.clip_width)),
        Section("representations", "Frozen representations", _representations(context)),
        Section("provenance", "Provenance", _provenance(context)),
    ]
    title = f"{context.params.model.name} on {', '.join(context.params.pack_samples.videos)}"
    return page(title, sections.summary(metrics, _told(context, metrics)), parts)


def _told(context: Context, metrics: dict[str, Any]) -> str:
    """What was done, in a sentence."""
    frames = {"val": "held-out frames", "train": "training frames", "all": "all frames"}[context.params.track.frames]
    count, rules = len(metrics["sequences"]), metrics["benchmark"]
    origin = {"file": "another detector's boxes", "ground_truth": "the ground truth's boxes"}
    boxes = origin.get(context.params.track.detections, f"{context.params.track.detections} detections")
    return f"The {frames} of {count} sequence{'s' * (count != 1)}, tracked from {boxes}, scored by the rules of {rules}."


def _shown(context: Context, metrics: dict[str, Any]) -> list[TrackedSequence]:
    """The sequences to show, from the best to the worst."""
    from pipeline.report.clips import choose, read_tracked

    tracked = {name: dataset for dataset, name in spans(read_split(follow(context.data / "samples")), context.params.track.frames)}
    quality = {name: float(values["HOTA"]) for name, values in metrics["sequences"].items()}
    names = choose(list(tracked), quality, context.params.report.clips)
    tracks, observations = follow(context.artifacts / "tracks"), follow(context.artifacts / "observations")
    frames = follow(context.data / "frames")
    classes = context.params.pack_samples.classes
    return [read_tracked(name, frames / tracked[name] / f"{name}.parquet", tracks, observations, classes) for name in names]


def _detector(context: Context) -> Detector | None:
    """The network of `finetune`, when it is the one that made the tracks."""
    from pipeline.files import model_folder

    finetuned = read_manifest(context.artifacts / "finetune").files[model_folder.WEIGHTS]["sha256"]
    if read_manifest(context.artifacts / "tracks").facts["weights_sha256"] != finetuned:
        return None
    return _load(context, "finetune")


def _pretrained(context: Context, detector: Detector) -> Detector | None:
    """The network of `pretrain`, when it is built as the fine-tuned one."""
    from pipeline.files import model_folder

    card = model_folder.load_model(follow(context.artifacts / "pretrain"))
    _, options = of_card(card.name, card.options, None, model_folder.CARD)
    same = card.name == detector.spec.name and options.model_dump()["network"] == detector.options.model_dump()["network"]
    return _load(context, "pretrain") if same else None


def _load(context: Context, stage: str) -> Detector:
    from pipeline.files import model_folder
    from pipeline.tracking import detector as inference

    where = follow(context.artifacts / stage)
    card = model_folder.load_model(where)
    spec, options = of_card(card.name, card.options, None, str(where / model_folder.CARD))
    return inference.load_detector(spec, options, where, context.params.track.precision)


def _own(shown: list[TrackedSequence], context: Context, detector: Detector | None, width: int) -> list[Section]:
    """What the system shows of itself, where it does."""
    from pipeline.report import system
    from pipeline.report.page import Section

    if detector is None or (part := detector.spec.pictures) is None:
        return []
    return [Section("own", part.title, system.own(shown, detector, _pretrained(context, detector), part, width))]


def _representations(context: Context) -> str:
    """Where `throughline represent` left its page, if it did; nothing of that is read, so that it is no input of this one."""
    if not (context.artifacts / REPRESENT / PAGE).is_file():
        return ""
    where = f"../{REPRESENT}/{PAGE}"
    return f'<p>What frozen features are worth in seven tracking tasks, with a drawn clip of each: <a href="{where}">{where}</a></p>'


def _provenance(context: Context) -> str:
    from pipeline.registry.runs import git_state
    from pipeline.report.provenance import parameters as listed
    from pipeline.report.provenance import provenance

    folders = [*(context.data / name for name in DATA), *(context.artifacts / name for name in ARTIFACTS)]
    manifests = {folder.relative_to(context.root).as_posix(): read_manifest(folder) for folder in folders}
    for name, manifest in manifests.items():
        context.run.input(manifest, Path(name).name)
    text = yaml.safe_dump(context.params.model_dump(), sort_keys=False, width=120)
    tables = provenance(git_state(context.root), parameters.digest(context.params), manifests, context.run.tracking_uri)
    return tables + listed(text)


if __name__ == "__main__":
    run("report", report)
