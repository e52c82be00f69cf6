"""Turn videos and image folders into frame files: JPEG bytes beside the objects, one Parquet file per sequence."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from pipeline.artifacts.publication import read_manifest, require_space
from stages import Context, run

SHOWN = 20  # defects printed; the manifest has all of them


def extract_frames(context: Context) -> None:
    """Write data/frames/<dataset>/<sequence>.parquet for every sequence of every source."""
    from pipeline import sources
    from pipeline.runtime.cluster import attached, map_tasks
    from pipeline.sources.extraction import Extraction, forget_others, perform, reused

    section, data_root = context.params.extract_frames, context.params.base.data_root
    strict = section.defects == "fail"
    plan = sources.plan(section.sources, data_root=data_root, root=context.root, strict=strict)
    _cite_walkers(context, [sources.folder_of(source, data_root, context.root) for source in section.sources])
    publication = context.publication(context.data / "frames")
    sizes = section.jpeg_quality, section.row_group_mb
    tasks = [Extraction(publication, sequence, *sizes, strict, context.code) for sequence in plan.sequences]
    forget_others(publication, tasks)
    todo = reused(tasks, context.root)
    if len(todo) < len(tasks):
        print(f"extract_frames: {len(tasks) - len(todo)} of {len(tasks)} sequences are as an earlier run made them")
    require_space(publication.partial, sum(task.sequence.bytes for task in todo), "extracting frames")
    begun = time.monotonic()
    if todo:
        with attached(context.params.cluster):
            map_tasks(perform, todo, label="Extracting frames", unit="frames", weight=lambda task: task.sequence.frames)
    facts = {task.part: task.facts() for task in tasks}
    written = sum(facts[task.part]["frames"] for task in todo)
    defects, notes = plan.defects + _lines(facts, "defects"), [*plan.notes, *_lines(facts, "notes")]
    _report(context, facts, (defects, notes), written, time.monotonic() - begun)
    context.run.output(publication.publish(**_totals(facts), defects=defects, notes=notes))


def _cite_walkers(context: Context, folders: list[Path]) -> None:
    walkers = context.data / "walkers"
    if any(walkers.resolve() in folder.parents for folder in folders):
        context.run.input(read_manifest(walkers), "walkers")


def _report(context: Context, facts: dict[str, dict[str, Any]], said: tuple[list[str], list[str]], written: int, seconds: float) -> None:
    """Log the counts, and print what was left out."""
    defects, notes = said
    context.run.metrics(_totals(facts) | {"defects": len(defects), "seconds": seconds, "frames_per_second": written / max(seconds, 1e-9)})
    for line in notes:
        print(f"note: {line}")
    for line in defects[:SHOWN]:
        print(f"left out: {line}")
    if len(defects) > SHOWN:
        print(f"left out: ... and {len(defects) - SHOWN} more (data/frames/manifest.json names all)")


def _totals(facts: dict[str, dict[str, Any]]) -> dict[str, float]:
    keys = ("objects", "identities", "detections", "image_bytes")
    totals = {key: sum(found["summary"][key] for found in facts.values()) for key in keys}
    return {"sequences": len(facts), "frames": sum(found["frames"] for found in facts.values())} | totals


def _lines(facts: dict[str, dict[str, Any]], key: str) -> list[str]:
    return [f"{found['dataset']}: {line}" for found in facts.values() for line in found["summary"][key]]


if __name__ == "__main__":
    run("extract_frames", extract_frames)
