"""What a data set holds and what is wrong with it, before anything runs (`throughline inspect ROOT`)."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from pipeline import sources
from pipeline.errors import UserError
from pipeline.params.sections.data import Source, SourceKind
from pipeline.sources import bdd100k, coco, mot_challenge, posetrack, youtube_vis
from pipeline.sources.findings import Findings, look
from pipeline.sources.kinds import guess
from pipeline.sources.media import is_image
from pipeline.sources.place import Place, locate, walked
from pipeline.sources.planned import Plan

_UNSEEN = {"coco": coco.plan, "bdd100k": bdd100k.plan, "posetrack": posetrack.plan, "youtube_vis": youtube_vis.plan}  # without images
UNLIMITED = 10_000  # columns; a table is never narrower than its content, so that a log keeps it whole


@dataclass(frozen=True)
class Inspection:
    """A whole data set.

    Attributes:
        root: as it was given.
        kind: of source, given or guessed.
        sequences: each one's findings.
        defects: those of the set as a whole; those of a sequence are in its findings.
        remarks: those of the set as a whole; those of a sequence are in its findings.
    """

    root: str
    kind: SourceKind
    sequences: list[Findings]
    defects: list[str]
    remarks: list[str] = field(default_factory=list)

    @property
    def all_remarks(self) -> list[str]:
        """The set's, then each sequence's."""
        return [*self.remarks, *(line for found in self.sequences for line in found.remarks)]

    @property
    def all_defects(self) -> list[str]:
        """The set's, then each sequence's."""
        return [*self.defects, *(line for found in self.sequences for line in found.defects)]

    @property
    def totals(self) -> dict[str, Any]:
        """Counts over all sequences; identities are different people in different sequences."""
        keys = ("frames", "identities", "boxes", "ignored", "masks", "joints")
        counts = {key: sum(getattr(found, key) for found in self.sequences) for key in keys}
        classes = sum((Counter(found.classes) for found in self.sequences), Counter[str]())
        sizes = sum((Counter(found.sizes) for found in self.sequences), Counter[str]())
        remarks = len(self.all_remarks)
        numbers = {"sequences": len(self.sequences), **counts, "defects": len(self.all_defects), "remarks": remarks}
        return numbers | {"classes": dict(classes), "sizes": dict(sizes)}

    def document(self) -> dict[str, Any]:
        """All of it as plain data."""
        return asdict(self) | {"totals": self.totals}


def inspect(
    root: str, *, kind: SourceKind | None = None, wanted: list[str] | None = None, per_file: int = 64, decode: bool = False
) -> Inspection:
    """Plan a data set as extraction does, list its defects, and count what is there; of a set without images its annotation.

    Args:
        root: a folder, a .zip file or an fsspec URL.
        kind: of source; None: guessed from the files.
        wanted: names of sequences; None: all.
        per_file: how many stills make a sequence.
        decode: read every frame.

    Raises:
        UserError: nothing can be read.
    """
    place = locate(root, Path.cwd())
    chosen = kind or guess(place)
    entry = Source(name="set", kind=chosen, root=root, sequences=wanted, images_per_file=per_file)
    unseen = False
    try:
        plan = sources.plan_one(entry, place, strict=False)
    except UserError:
        plan, unseen = _annotation_alone(entry, place), True
        if not plan.sequences:
            raise
    found = [look(sequence, decode=decode, unseen=unseen) for sequence in plan.sequences]
    return Inspection(root, chosen, found, plan.defects, list(plan.notes))


def _annotation_alone(source: Source, place: Place) -> Plan:
    """What an annotation says of images that are not there; nothing where there is no annotation either, or where there are images."""
    if source.kind == "mot_challenge":
        return Plan(mot_challenge.annotation_alone(source, place), [])
    if source.kind not in _UNSEEN or any(is_image(path) for path in walked(place)):
        return Plan([], [])
    try:
        plan = _UNSEEN[source.kind](source, place, strict=False, unseen=True)
    except UserError:
        return Plan([], [])
    return plan._replace(notes=("no images are here; the annotation alone is counted", *plan.notes))


def print_inspection(found: Inspection) -> None:
    """One row per sequence, a row of all together, then classes, masks, defects and remarks, all of them."""
    table = Table(title=f"{found.root} as {found.kind}", title_justify="left")
    table.add_column("sequence")
    for name in ("kind", "frames", "rate", "size", "identities", "boxes", "ignored", "visible", "hidden", "covered", "defects", "remarks"):
        table.add_column(name, justify="right")
    for item in found.sequences:
        table.add_row(*_cells(item))
    table.add_section()
    totals = found.totals
    counts = [str(totals[key]) for key in ("identities", "boxes", "ignored")]
    table.add_row("all", "", str(totals["frames"]), "", "", *counts, "", "", "", str(totals["defects"]), str(totals["remarks"]))
    console = Console(width=UNLIMITED, soft_wrap=True, highlight=False, markup=False)
    Console(width=max(Console().width, console.measure(table).maximum)).print(table)
    for name, count in totals["classes"].items():
        print(f"class {name}: {count} boxes")
    if totals["masks"]:
        print(f"masks: of {totals['masks']} boxes")
    if totals["joints"]:
        print(f"joints: of {totals['joints']} boxes")
    for line in found.all_defects:
        print(f"defect: {line}")
    for line in found.all_remarks:
        print(f"remark: {line}")


def _cells(found: Findings) -> list[str]:
    rate = "" if found.frame_rate is None else f"{found.frame_rate:g}"
    sizes = ", ".join(list(found.sizes)[:2]) + (", ..." if len(found.sizes) > 2 else "")
    seen = found.occlusion
    shares = ["", "", ""] if seen is None else [f"{value:.2f}" for value in (seen.visibility, seen.hidden, seen.covered)]
    counts = [str(value) for value in (found.identities, found.boxes, found.ignored)]
    return [
        found.sequence, found.kind, str(found.frames), rate, sizes, *counts, *shares, str(len(found.defects)), str(len(found.remarks)),
    ]  # fmt: skip
