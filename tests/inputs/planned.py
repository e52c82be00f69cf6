"""Folders planned as extraction does, and which picture each frame shows."""

from __future__ import annotations

from pathlib import Path

from pipeline import sources
from pipeline.files.frames import decode_jpeg
from pipeline.params.sections.data import Source, SourceKind
from pipeline.sources.defects import Defects
from pipeline.sources.place import locate
from pipeline.sources.planned import Plan, PlannedSequence
from tests.pipeline.recorded import place


def planned(root: Path, kind: SourceKind = "folder", *, strict: bool = False, per_file: int = 64) -> Plan:
    """The plan of one source."""
    entry = Source(name="set", kind=kind, root=str(root), sequences=None, images_per_file=per_file)
    return sources.plan_one(entry, locate(str(root), root), strict)


def shown(sequence: PlannedSequence) -> dict[int, int]:
    """The place that each frame's picture was given (`recorded.picture`), by frame number."""
    frames = sequence.read(95, Defects(sequence.root, strict=True))
    return {frame.frame: place(decode_jpeg(frame.image, "")) for frame in frames}
