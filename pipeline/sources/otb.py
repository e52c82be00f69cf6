"""OTB: a folder per video, its images in img/, and the boxes of the one object in groundtruth_rect.txt, a line per image.

Boxes count pixels from 1. A video with several objects has groundtruth_rect.1.txt and so on, each of which is an identity here. A line
whose size is not positive, or not a number, says that the object cannot be seen: no box, and a remark.
"""

from __future__ import annotations

import re

import numpy as np

from pipeline.errors import UserError
from pipeline.files.otb_text import boxes_of
from pipeline.params.sections.data import Source
from pipeline.sources.categories import PEDESTRIAN
from pipeline.sources.defects import Defects
from pipeline.sources.media import ASSUMED_RATE, images_in, ordered
from pipeline.sources.place import Place, listed, relative
from pipeline.sources.planned import Plan, PlannedSequence, choose
from pipeline.sources.records import Clip, Collected

TRUTH = re.compile(r"groundtruth_rect(\.(\d+))?\.txt")


def plan(source: Source, folder: Place, strict: bool) -> Plan:
    """Read and check the boxes.

    Args:
        source: the section's entry.
        folder: one video's, or that of several.
        strict: raise at the first defect (else it is listed and left out).

    Raises:
        UserError: there is no video, a wanted one does not exist, or, when strict, the data has a defect.
    """
    found = {inner.name: inner for inner in ([folder] if is_video(folder) else filter(is_video, listed(folder)))}
    if not found:
        raise UserError(f"{folder}: no <video>/groundtruth_rect.txt here\nnext: correct root of the entry in extract_frames.sources")
    lost, planned = Defects(folder, strict), list[PlannedSequence]()
    for name in choose(list(found), source.sequences, str(folder)):
        with lost.leaving_out():
            planned.append(_sequence(source, found[name], Defects(folder, strict)))
    if not planned:
        raise UserError("\n".join([f"{folder}: no video can be used", *lost.lines[:5]]))
    return Plan(planned, lost.lines)


def is_video(folder: Place) -> bool:
    """Whether a folder is one video of OTB's layout."""
    return folder.is_dir() and bool(_truths(folder))


def _truths(folder: Place) -> dict[int, Place]:
    """The files of boxes by the number of their object."""
    matches = [(TRUTH.fullmatch(path.name), path) for path in listed(folder)]
    return {int(match[2] or 1): path for match, path in matches if match}


def _sequence(source: Source, folder: Place, defects: Defects) -> PlannedSequence:
    images = ordered(images_in(folder / "img") or images_in(folder))
    if not images:
        raise UserError(f"{folder}: no image in img/\nnext: put the video's images there")
    objects, unseen, file = Collected(), 0, ""
    for number, path in _truths(folder).items():
        unseen += _read(path, number, list(images), objects, defects)
        file = relative(path, defects.base)
    said = [f"{folder.name}: nothing states a frame rate; {ASSUMED_RATE:g} frames/s assumed"]
    said += [f"{folder.name}: {unseen} lines say that the object cannot be seen; no box"] if unseen else []
    annotated = objects.annotation(file, ":%d")
    return Clip(source.name, folder.name, images, ASSUMED_RATE, annotated, None, tuple(said)).plan(defects)


def _read(path: Place, number: int, frames: list[int], objects: Collected, defects: Defects) -> int:
    """Collect the boxes of one object; returns in how many frames it cannot be seen."""
    complaints = defects.sink()
    rows = boxes_of(path, complaints)
    defects.take(complaints)
    last, unseen = max(rows, default=0), 0
    if last > len(frames):
        defects.add(f"{path}: {last} lines for {len(frames)} images; those beyond are left out")
    elif last < len(frames):
        raise UserError(f"{path}: {last} lines for {len(frames)} images, and nothing says which\nnext: keep the images that have a line")
    for line, (left, top, width, height) in rows.items():
        if line > len(frames):
            continue
        if not (np.isfinite([left, top, width, height]).all() and width > 0 and height > 0):
            unseen += 1
            continue
        box = [left - 1, top - 1, left - 1 + width, top - 1 + height]
        objects.add(frames[line - 1], box, number, PEDESTRIAN, 1.0, False, (line,))
    return unseen
