"""MOTChallenge folders: `<sequence>/{img1/*.jpg or a video file, gt/gt.txt, det/det.txt, seqinfo.ini}`, all but the images optional.

Frames are numbered by the digits that end an image's name (gaps stay gaps), or by their place in the video. seqinfo.ini's frame rate is
that of the annotation and wins over the video container's, which is often wrong; the times of frames are the container's time
stamps nevertheless. Its seqLength is never used.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline import video
from pipeline.errors import UserError
from pipeline.frames import Frame, Objects, encode_jpeg
from pipeline.mot_text import MotRows, read_rows, rows
from pipeline.params import Source
from pipeline.sources import images
from pipeline.sources.planned import Defects, Plan, PlannedSequence, choose, content_digest

# Classes that look like pedestrians and are not scored: person on vehicle, static person, distractor, reflection, crowd.
NEITHER = (2, 7, 8, 12, 13)
PEDESTRIAN = 1
ASSUMED_RATE = 30.0  # frames a second of an image folder without seqinfo.ini
BYTES_PER_PIXEL = 0.35  # of a video frame as JPEG of quality 92 (PETS09-S2L1: 0.27), for the check of disk space
MARKS = ("img1", "gt", "det", "seqinfo.ini")


def plan(source: Source, folder: Path, strict: bool) -> Plan:
    """Find the sequences of a data set and check their annotation.

    Args:
        source: the section's entry.
        folder: one sequence, a folder of sequences, or a folder whose `train` subfolder is one.
        strict: raise at the first defect (else it is listed and left out).

    Raises:
        UserError: there is no sequence, none has images, a wanted one is missing, or, when strict, the data has a defect.
    """
    folders = _sequence_folders(folder)
    wanted = choose(list(folders), source.sequences, str(folder))
    media = {name: _media(folders[name]) for name in wanted}
    if not any(media.values()):
        raise UserError(
            f"{folder}: no images and no video in {', '.join(wanted) or 'any sequence'}; looked for img1/ with "
            f"{', '.join(images.SUFFIXES)} and for one file of {', '.join(video.SUFFIXES)}\nnext: add them, or choose another root"
        )
    lacking, planned = Defects(folder, strict), []
    for name, found in media.items():
        if found is None:
            lacking.add(f"{folders[name]}: the sequence has neither images in img1/ nor a video file")
        else:
            planned.append(_plan_sequence(source.name, name, folders[name], found, Defects(folder, strict)))
    return Plan(planned, lacking.lines)


class _Info(NamedTuple):
    """seqinfo.ini, as far as it is used."""

    frame_rate: float | None
    length: int | None


@dataclass(frozen=True)
class _Media:
    """The frames of a sequence before they are read.

    Attributes:
        path: folder of images, or a video file.
        files: images by frame number; None for a video.
    """

    path: Path
    files: dict[int, Path] | None


@dataclass(frozen=True)
class _Reading:
    """What reading a sequence needs; picklable."""

    dataset: str
    name: str
    media: _Media
    frame_rate: float
    truth: MotRows
    public: MotRows


def _sequence_folders(folder: Path) -> dict[str, Path]:
    """Sequences by name, in order of their names."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder\nnext: set base.data_root, or root of the entry in extract_frames.sources")
    if _is_sequence(folder):
        return {folder.resolve().name: folder}
    for parent in (folder, folder / "train"):
        found = {child.name: child for child in sorted(parent.glob("*/")) if _is_sequence(child)}
        if found:
            return found
    raise UserError(
        f"{folder}: no sequence here; expected folders that hold img1/ or a video file, and gt/, det/, seqinfo.ini where there are any\n"
        "next: correct root of the entry in extract_frames.sources"
    )


def _is_sequence(folder: Path) -> bool:
    return any((folder / mark).exists() for mark in MARKS) or bool(_videos(folder))


def _videos(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in video.SUFFIXES and path.is_file())


def _media(folder: Path) -> _Media | None:
    """img1 when it holds images, else the folder's one video."""
    listed = sorted(folder.glob("img1/*"))
    files = [path for path in listed if path.suffix.lower() in images.SUFFIXES and not path.name.startswith(".")]
    if files:
        return _Media(folder / "img1", _numbered(files))
    found = _videos(folder)
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise UserError(f"{folder}: several videos ({names}); a sequence has one\nnext: give each video a folder of its own")
    return _Media(found[0], None) if found else None


def _numbered(files: list[Path]) -> dict[int, Path]:
    numbered: dict[int, Path] = {}
    for path in files:
        digits = re.search(r"(\d+)$", path.stem)
        if digits is None or int(digits[1]) < 1:
            raise UserError(f"{path}: an image's name must end in its frame number, counted from 1, as in 000001.jpg\nnext: rename it")
        other = numbered.setdefault(int(digits[1]), path)
        if other != path:
            raise UserError(f"{path}: frame {int(digits[1])} is also {other.name}\nnext: keep one of the two")
    return dict(sorted(numbered.items()))


def _plan_sequence(dataset: str, name: str, folder: Path, media: _Media, defects: Defects) -> PlannedSequence:
    gt, det, ini = (path if path.is_file() else None for path in (folder / "gt/gt.txt", folder / "det/det.txt", folder / "seqinfo.ini"))
    info = _read_info(ini, defects)
    numbers, own_rate, needed = _inspect(media, defects)
    notes: list[str] = []
    truth = _rows(gt, "ground_truth", defects)
    truth = _on_frames(truth, numbers, gt, defects)
    public = _rows(det, "detections", defects)
    beyond = ~np.isin(public.frame, numbers)
    if beyond.any():
        notes.append(f"{name}: {beyond.sum()} of {len(beyond)} rows of det.txt lie on frames that are not here; left out")
        public = public.take(~beyond)
    rate = info.frame_rate or own_rate or ASSUMED_RATE
    notes += _notes(name, info, own_rate, len(numbers))
    return PlannedSequence(
        dataset=dataset,
        name=name,
        kind="video",
        frame_rate=rate,
        ground_truth=gt is not None,
        detections=det is not None,
        source=f"{name}/{media.path.name}",
        frames=len(numbers),
        bytes=needed,
        digest=content_digest([gt, det, ini], _listing(media), dataset, name),
        defects=tuple(defects.lines),
        notes=tuple(notes),
        read=partial(_read, _Reading(dataset, name, media, rate, truth, public)),
    )


def _read_info(path: Path | None, defects: Defects) -> _Info:
    if path is None:
        return _Info(None, None)
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(encoding="utf-8-sig"))
        section = parser["Sequence"]
        rate, length = section.getfloat("frameRate"), section.getint("seqLength")
    except (configparser.Error, KeyError, ValueError) as error:
        defects.add(
            f"{path}: cannot be used ({' '.join(str(error).split())}); expected [Sequence] with a number frameRate (frames a second)"
        )
        return _Info(None, None)
    if rate is not None and not 0 < rate < float("inf"):
        defects.add(f"{path}: frameRate={rate:g} must be above 0 frames a second")
        rate = None
    return _Info(rate, length)


def _inspect(media: _Media, defects: Defects) -> tuple[NDArray[np.int64], float | None, int]:
    """Frame numbers, the container's frame rate, and the bytes that the frames will take."""
    if media.files is not None:
        return np.array(list(media.files), np.int64), None, sum(path.stat().st_size for path in media.files.values())
    facts = video.probe(media.path)
    if facts.damage and defects.strict:  # when not strict, decoding finds out how much was lost
        defects.add(f"{media.path}: the video is damaged or cut off: {facts.damage}")
    return np.arange(1, facts.frames + 1), facts.frame_rate, int(facts.frames * facts.width * facts.height * BYTES_PER_PIXEL)


def _rows(path: Path | None, kind: Literal["ground_truth", "detections"], defects: Defects) -> MotRows:
    if path is None:
        return rows(np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros((0, 4), np.float32), np.zeros(0, np.float32))
    complaints = defects.sink()
    found = read_rows(path, kind=kind, defects=complaints)
    defects.take(complaints)
    return found


def _on_frames(truth: MotRows, numbers: NDArray[np.int64], path: Path | None, defects: Defects) -> MotRows:
    beyond = ~np.isin(truth.frame, numbers)
    if beyond.any():
        first = truth.take(np.flatnonzero(beyond)[:1])
        defects.add(
            f"{path}:{first.line[0]}: frame {first.frame[0]} has no image (frames {numbers[0]} to {numbers[-1]} are here, "
            f"{len(numbers)} in all); {beyond.sum()} of {len(beyond)} rows are such"
        )
    return truth.take(~beyond)


def _notes(name: str, info: _Info, own_rate: float | None, frames: int) -> list[str]:
    notes = []
    if info.length is not None and info.length != frames:
        notes.append(f"{name}: seqinfo.ini states {info.length} frames, {frames} are here")
    if info.frame_rate and own_rate and abs(info.frame_rate - own_rate) > 0.01 * own_rate:
        notes.append(f"{name}: seqinfo.ini states {info.frame_rate:g} frames/s, the video {own_rate:g}; the annotation's is used")
    if not info.frame_rate and not own_rate:
        notes.append(f"{name}: nothing states a frame rate; {ASSUMED_RATE:g} frames/s assumed")
    return notes


def _listing(media: _Media) -> list[tuple[str, int]]:
    files = [media.path] if media.files is None else media.files.values()
    return [(path.name, path.stat().st_size) for path in files]


def _read(reading: _Reading, quality: int, defects: Defects) -> Iterator[Frame]:
    """Frames in order; one whose image is damaged is a defect."""
    truth, public = _ByFrame(reading.truth), _ByFrame(reading.public)
    for number, seconds, picture in _pictures(reading, quality, defects):
        seen = public.of(number)
        yield Frame(
            reading.dataset, reading.name, number, seconds, picture.width, picture.height, picture.image,
            _objects(truth.of(number)), seen.boxes, seen.confidence,
        )  # fmt: skip


def _pictures(reading: _Reading, quality: int, defects: Defects) -> Iterator[tuple[int, float, images.Picture]]:
    if reading.media.files is None:
        complaints = defects.sink()
        for frame in video.read_video(reading.media.path, defects=complaints):
            height, width = frame.image.shape[:2]
            yield frame.number, frame.time, images.Picture(encode_jpeg(frame.image, quality), width, height)
        defects.take(complaints)
        return
    first = min(reading.media.files)
    for number, path in reading.media.files.items():
        try:
            picture = images.read_picture(path, quality)
        except images.BadImage as error:
            defects.add(str(error))
            continue
        yield number, (number - first) / reading.frame_rate, picture


class _ByFrame:
    """Rows grouped by frame, each group in the file's order."""

    def __init__(self, found: MotRows) -> None:
        self._rows = found.take(np.argsort(found.frame, kind="stable"))

    def of(self, frame: int) -> MotRows:
        """The rows of one frame."""
        start, end = np.searchsorted(self._rows.frame, [frame, frame + 1])
        return self._rows.take(np.arange(start, end))


def _objects(found: MotRows) -> Objects:
    unscored = (found.class_id == PEDESTRIAN) & (found.confidence == 0)  # MOT15 has no classes: its flag alone says "do not score"
    ignores = np.isin(found.class_id, NEITHER) | unscored
    return Objects(found.boxes, found.identity, found.class_id, found.visibility, found.confidence, ignores)
