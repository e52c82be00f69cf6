"""Where frames come from. A source is a module with `plan(source, folder, strict) -> Plan`: find, check, and say how to read.

To add one: write such a module, name it in `_kinds` and in `pipeline.params.sections.data.SourceKind`.
Imports files, numerics, artifacts, params and errors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline.errors import UserError
from pipeline.params.roots import address, folder_of
from pipeline.params.sections.data import Source
from pipeline.sources import bdd100k, coco, crowdhuman, davis, folder, jhmdb, mot_challenge, otb, posetrack, youtube_vis
from pipeline.sources.defects import Defects
from pipeline.sources.place import Place, locate
from pipeline.sources.planned import Plan, PlannedSequence

__all__ = ["Defects", "Plan", "PlannedSequence", "folder_of", "plan", "plan_one"]


def plan(sources: Sequence[Source], *, data_root: str, root: Path, strict: bool) -> Plan:
    """Find and check everything that is to be read, before anything is.

    Args:
        sources: entries of extract_frames.sources.
        data_root: what `{data_root}` in an entry's root stands for.
        root: folder from which relative paths start, the repository.
        strict: raise at the first defect (else it is listed and left out).

    Raises:
        UserError: names the file and line, folder or sequence at fault.
    """
    plans = [plan_one(source, locate(address(source, data_root), root), strict) for source in sources]
    sequences = [sequence for found in plans for sequence in found.sequences]
    _check_unique([sequence for sequence in sequences if sequence.kind == "video"])
    defects = [f"{source.name}: {line}" for source, found in zip(sources, plans, strict=True) for line in found.defects]
    notes = [f"{source.name}: {line}" for source, found in zip(sources, plans, strict=True) for line in found.notes]
    return Plan(sequences, defects, tuple(notes))


def plan_one(source: Source, place: Place, strict: bool) -> Plan:
    """Find and check one source.

    Raises:
        UserError: see `plan`; or a sequence's name cannot be a file's.
    """
    found = _kinds()[source.kind](source, place, strict)
    for sequence in found.sequences:
        if not sequence.name.isprintable() or "/" in sequence.name or sequence.name.startswith("."):
            raise UserError(f"{place}: {sequence.name!r} cannot be a sequence's name\nnext: rename it")
    return found


def _kinds() -> dict[str, Callable[[Source, Place, bool], Plan]]:
    return {
        "mot_challenge": mot_challenge.plan,
        "crowdhuman": crowdhuman.plan,
        "bdd100k": bdd100k.plan,
        "coco": coco.plan,
        "otb": otb.plan,
        "davis": davis.plan,
        "posetrack": posetrack.plan,
        "jhmdb": jhmdb.plan,
        "youtube_vis": youtube_vis.plan,
        "folder": folder.plan,
    }


def _check_unique(videos: list[PlannedSequence]) -> None:
    """Tracks are one file per sequence, named by it alone."""
    seen: dict[str, str] = {}
    for sequence in videos:
        other = seen.setdefault(sequence.name, sequence.dataset)
        if other != sequence.dataset:
            raise UserError(
                f"extract_frames.sources: sequence {sequence.name} is in {other} and in {sequence.dataset}\n"
                "next: rename a folder, or choose sequences with `sequences`"
            )
