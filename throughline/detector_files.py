"""What another detector's files say, beside the data set that they are of (`throughline inspect --detections`)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pipeline.errors import UserError
from pipeline.sources.inspect import Inspection
from pipeline.tracking.external_boxes import detection_file, read_detections


def with_detections(found: Inspection, pattern: str) -> Inspection:
    """Add the defects and the remarks of the files that a pattern names, one for each video of the set.

    Args:
        found: the set.
        pattern: as `track.detections_files`, with `{sequence}` in it where the set has several videos; a relative one starts here.
    """
    defects, remarks, taken = list[str](), list[str](), set[Path]()
    for item in found.sequences:
        if item.kind != "video":
            continue
        path = detection_file(pattern, data_root="{data_root}", root=Path.cwd(), dataset="{dataset}", sequence=item.sequence)
        if path in taken:
            defects.append(f"--detections: {path} would serve two sequences")
            continue
        taken.add(path)
        try:
            read_detections(path, item.span, remarks=remarks)
        except UserError as error:
            defects += str(error).partition("\nnext:")[0].splitlines()
    if not taken:
        defects.append("--detections: the set has no video, and only videos are tracked")
    return replace(found, defects=[*found.defects, *defects], remarks=[*found.remarks, *remarks])
