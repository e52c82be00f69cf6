"""MOTChallenge folders: `<sequence>/{img1/*.jpg or a video file, gt/gt.txt, det/det.txt, seqinfo.ini}`, all but the images optional.

So are laid out MOT15 to MOT20, MOTS, DanceTrack, SportsMOT, BFT and CVAT's exports (`mot_layout` finds their files). Frames are numbered
by the digits that end an image's name (gaps stay gaps), or by their place in the video. seqinfo.ini's frame rate is that of the annotation
and wins over the video container's, which is often wrong; the times of frames are the container's time stamps nevertheless. Its seqLength
is never used.
"""

from __future__ import annotations

import configparser
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.files.frames import Objects
from pipeline.files.mot_text import MotRows, of_heads, read_rows, rows
from pipeline.files.video import SUFFIXES
from pipeline.params.sections.data import Source
from pipeline.sources import categories, images, media, mot_layout, mot_shapes, mots
from pipeline.sources.annotation import Annotation, annotation
from pipeline.sources.annotation import objects as make_objects
from pipeline.sources.categories import NEITHER, PEDESTRIAN
from pipeline.sources.defects import Defects
from pipeline.sources.media import ASSUMED_RATE, Media, Reading
from pipeline.sources.place import Place, dead_link, relative
from pipeline.sources.planned import Plan, PlannedSequence, content_digest


def plan(source: Source, folder: Place, strict: bool) -> Plan:
    """Find the sequences of a data set and check their annotation.

    Args:
        source: the section's entry; its `sequences` may name splits.
        folder: see `mot_layout.sequences`.
        strict: raise at the first defect (else it is listed and left out).

    Raises:
        UserError: there is no sequence, none has images, a wanted one is missing, or, when strict, the data has a defect.
    """
    lacking, planned = Defects(folder, strict), list[PlannedSequence]()
    found = mot_layout.sequences(folder, source.sequences, lacking)
    bare = 0
    for name, files in found.items():
        with lacking.leaving_out():
            frames = mot_layout.media(name, files)
            if frames is None:
                bare += 1
                lacking.lines.append(f"{relative(files.folder, folder)}: the sequence has neither images in img1/ nor a video file")
            else:
                planned.append(_plan_sequence(source, name, files, frames, Defects(folder, strict)))
    if bare == len(found):
        raise UserError(
            f"{folder}: no images and no video in {', '.join(found) or 'any sequence'}; looked for {_looked_for(found)} with "
            f"{', '.join(images.SUFFIXES)} and for one file of {', '.join(SUFFIXES)}\nnext: add them, or choose another root"
        )
    if strict and lacking.lines:
        Defects(folder, strict).add(f"{folder}/{lacking.lines[0]}")
    if not planned:
        raise UserError(f"{folder}: no sequence can be used\n" + "\n".join(lacking.lines[:5]))
    return Plan(planned, lacking.lines, tuple(mot_layout.beside(folder, found)) if source.sequences is None else ())


def annotation_alone(source: Source, folder: Place) -> list[PlannedSequence]:
    """Sequences of a data set that has no images and no video, as far as their ground truth tells; there is nothing to read in them.

    Raises:
        UserError: as `plan`, but for what concerns images.
    """
    found = mot_layout.sequences(folder, source.sequences, Defects(folder, strict=False))
    bare = {name: files for name, files in found.items() if files.gt is not None and mot_layout.media(name, files) is None}
    nothing_to_see = {name: Media(files.folder, {}) for name, files in bare.items()}
    return [_plan_sequence(source, name, files, nothing_to_see[name], Defects(folder, strict=False)) for name, files in bare.items()]


def _looked_for(found: dict[str, mot_layout.Files]) -> str:
    stated = {stated for files in found.values() if (stated := mot_layout.below(mot_layout.stated_folder(files.ini))) not in (None, "img1")}
    return " and ".join([*(f"{name}/ (imDir of seqinfo.ini)" for name in sorted(filter(None, stated))), "img1/"])


class _Info(NamedTuple):
    """seqinfo.ini, as far as it is used."""

    frame_rate: float | None = None
    length: int | None = None
    size: tuple[int, int] | None = None


def _plan_sequence(source: Source, name: str, files: mot_layout.Files, frames: Media, defects: Defects) -> PlannedSequence:
    dataset, files = source.name, _without_dead_links(files, defects)
    info = _read_info(files.ini, defects)
    frames = frames.readable(defects)
    facts = media.facts(frames, defects)
    notes: list[str] = []
    truth = _classes(_rows(files.gt, "ground_truth", defects, notes), files.labels, notes, own=source.classes == "own")
    if files.gt is not None and files.labels is None:
        truth = of_heads(cast(Path, files.gt), truth, notes)
    if not frames.places:  # annotation alone
        last = int(truth.frame.max(initial=0))
        facts = facts._replace(numbers=np.unique(truth.frame).astype(np.int64))
        notes.append(f"{name}: no images are here; the annotation alone is counted, which ends at frame {last}")
    truth = _on_frames(truth, facts.numbers, files.gt, defects)
    public = _rows(files.det, "detections", defects, notes)
    notes = [line.replace(f"{defects.base}/", "") for line in notes]
    beyond = ~np.isin(public.frame, facts.numbers)
    if beyond.any():
        notes.append(f"{name}: {beyond.sum()} of {len(beyond)} rows of det.txt lie on frames that are not here; left out")
        public = public.take(~beyond)
    rate = info.frame_rate or facts.frame_rate or ASSUMED_RATE
    notes += _notes(name, info, facts.frame_rate, len(facts.numbers)) + (media.gaps(name, facts.numbers) if frames.places else [])
    notes += [*_elsewhere(name, files.ini, frames), *media.order_notes(name, frames.files or {}), *facts.notes]
    beside_gt, beside_det = (None if path is None else path.parent for path in (files.gt, files.det))
    annotated = mot_shapes.with_shapes(_annotation(truth, _objects(truth), files.gt, defects), beside_gt, defects)
    found = _annotation(public, make_objects(public.boxes, confidences=public.confidence), files.det, defects)
    seen = mot_shapes.with_shapes(found, beside_det, defects)
    listed = [files.gt, files.det, files.ini] + ([files.labels] if files.labels else [])
    listed += [*mot_shapes.files(beside_gt), *mot_shapes.files(beside_det)]
    return PlannedSequence(
        root=defects.base,
        dataset=dataset,
        name=name,
        kind="video",
        frame_rate=rate,
        ground_truth=files.gt is not None,
        detections=files.det is not None,
        source=f"{name}/{frames.path.name}",
        frames=len(facts.numbers),
        bytes=facts.bytes,
        digest=content_digest(listed, frames.listing(), dataset, name),
        defects=tuple(defects.lines),
        notes=tuple(notes),
        annotation=annotated,
        stated_size=truth.drawn or info.size,
        read=Reading(dataset, name, frames, rate, annotated, seen),
        interval=facts.interval,
    )


def _elsewhere(name: str, ini: Place | None, frames: Media) -> list[str]:
    """What is to be said where the images were not found in the folder that seqinfo.ini states."""
    stated = mot_layout.stated_folder(ini) if frames.files else None
    folder = mot_layout.below(stated)
    if stated is None or (folder is not None and PurePosixPath(folder).name in ("", frames.path.name)):
        return []
    return [f"{name}: seqinfo.ini says imDir={stated}; the images are read from {frames.path.name}/"]


def _without_dead_links(files: mot_layout.Files, defects: Defects) -> mot_layout.Files:
    """The files that are there; a link to nothing is a defect."""
    for name in ("gt", "det", "ini", "labels"):
        path = getattr(files, name)
        if path is not None and dead_link(path):
            defects.add(f"{path}: cannot be read (a link to nothing)")
            files = files._replace(**{name: None})  # type: ignore[arg-type]  # names of fields that may be None
    return files


def _read_info(path: Place | None, defects: Defects) -> _Info:
    if path is None:
        return _Info()
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(encoding="utf-8-sig"))
        section = parser["Sequence"]
        rate, length = section.getfloat("frameRate"), section.getint("seqLength")
        width, height = section.getint("imWidth"), section.getint("imHeight")
    except (configparser.Error, KeyError, ValueError, OSError) as error:
        defects.add(
            f"{path}: cannot be used ({' '.join(str(error).split())}); expected [Sequence] with a number frameRate (frames a second)"
        )
        return _Info()
    if rate is not None and not 0 < rate < float("inf"):
        defects.add(f"{path}: frameRate={rate:g} must be above 0 frames a second")
        rate = None
    return _Info(rate, length, (width, height) if width and height else None)


def _rows(path: Place | None, kind: Literal["ground_truth", "detections"], defects: Defects, notes: list[str]) -> MotRows:
    if path is None:
        return rows(np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros((0, 4), np.float32), np.zeros(0, np.float32))
    complaints = defects.sink()
    try:
        if kind == "ground_truth" and mots.is_mots(cast(Path, path)):
            found = mots.read_mots(path, complaints)
        else:
            found = read_rows(cast(Path, path), kind=kind, defects=complaints, remarks=notes)  # a Remote reads as a Path does
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})\nnext: replace the file") from None
    defects.take(complaints)
    return found


def _classes(truth: MotRows, labels: Place | None, notes: list[str], *, own: bool) -> MotRows:
    """Bring the numbers that a list of labels gives its classes to MOTChallenge's, or, with `own` classes, the table's."""
    if labels is None:
        return truth
    try:
        names = [line.strip() for line in labels.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{labels}: cannot be read ({error})\nnext: export the annotation again") from None
    numbers = categories.numbers((name for name in names if name), own=own)
    notes += categories.remarks(numbers)
    table = np.array([categories.OCCLUDER, *(numbers.get(name, categories.OCCLUDER) for name in names)], np.int32)
    known = truth.class_id < len(table)
    return truth._replace(class_id=np.where(known, table[np.where(known, truth.class_id, 0)], categories.OCCLUDER).astype(np.int32))


def _on_frames(truth: MotRows, numbers: NDArray[np.int64], path: Place | None, defects: Defects) -> MotRows:
    """Rows on frames that are there; the others are named by stretches of lines."""
    beyond = np.flatnonzero(~np.isin(truth.frame, numbers))
    starts = [0, *(np.flatnonzero(np.diff(truth.line[beyond]) > 1) + 1).tolist(), len(beyond)]
    for start, end in pairwise(starts):
        some = truth.take(beyond[start:end])
        if len(some.frame):
            lines = f"{some.line[0]}" if len(some.line) == 1 else f"{some.line[0]}-{some.line[-1]}"
            defects.add(
                f"{path}:{lines}: frame {some.frame[0]} has no image (frames {numbers[0]} to {numbers[-1]} are here, "
                f"{len(numbers)} in all); {len(beyond)} of {len(truth.frame)} rows are such"
            )
    return truth.take(np.isin(truth.frame, numbers))


def _notes(name: str, info: _Info, own_rate: float | None, frames: int) -> list[str]:
    notes = []
    if info.length is not None and info.length != frames:
        notes.append(f"{name}: seqinfo.ini states {info.length} frames, {frames} are here")
    if info.frame_rate and own_rate and abs(info.frame_rate - own_rate) > 0.01 * own_rate:
        notes.append(f"{name}: seqinfo.ini states {info.frame_rate:g} frames/s, the video {own_rate:g}; the annotation's is used")
    if not info.frame_rate and not own_rate:
        notes.append(f"{name}: nothing states a frame rate; {ASSUMED_RATE:g} frames/s assumed")
    return notes


def _annotation(found: MotRows, objects: Objects, path: Place | None, defects: Defects) -> Annotation:
    return annotation(found.frame, objects, found.line, "" if path is None else relative(path, defects.base))


def _objects(found: MotRows) -> Objects:
    confidence = np.where(found.confidence < 0, np.float32(1), found.confidence)  # BFT's flag is -1 throughout
    unscored = (found.class_id == PEDESTRIAN) & (confidence == 0)  # MOT15 has no classes: its flag alone says "do not score"
    ignores = np.isin(found.class_id, NEITHER) | unscored
    return Objects(found.boxes, found.identity, found.class_id, found.visibility, confidence, ignores, found.mask)
