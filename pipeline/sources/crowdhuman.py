"""CrowdHuman: `annotation_train.odgt`, `annotation_val.odgt` (one JSON object per line) and `Images/<ID>.jpg`.

The archives CrowdHuman_train01.zip ... CrowdHuman_val.zip each unpack into a folder Images; unpack them all beside the odgt files. One of
the two odgt files is enough. Boxes are `fbox` (full body, amodal, left, top, width, height); visibility is the area of `vbox` over that
of `fbox`. A box tagged `mask` (crowds, reflections, statues) or marked `extra.ignore` is neither object nor background. People have
no identity here. Stills are packed `images_per_file` to a frame file, named as sequences `train-00000`, `val-00000`; the frame number is
the line's place in its file.
"""

from __future__ import annotations

import functools
import json
from typing import Any

import numpy as np

from pipeline.errors import UserError
from pipeline.files.frames import Objects
from pipeline.params.sections.data import Source
from pipeline.sources.annotation import objects as make_objects
from pipeline.sources.categories import DISTRACTOR, PEDESTRIAN
from pipeline.sources.defects import Defects
from pipeline.sources.media import is_image
from pipeline.sources.place import Place, listed, relative, size_of, walked
from pipeline.sources.planned import Plan, PlannedSequence, choose
from pipeline.sources.stills import Chunk, Still

SPLITS = ("train", "val")
PATTERN = ":%d: box %d"
ALLOWED = (
    '{"ID": name, "gtboxes": [{"tag": "person" or "mask", "fbox": [left, top, width, height], "vbox": ..., "extra": {"ignore": 0 or 1}}]}'
)


def plan(source: Source, folder: Place, strict: bool) -> Plan:
    """Read and check the annotation of all stills.

    Args:
        source: the section's entry.
        folder: holds the odgt files and Images/.
        strict: raise at the first defect (else it is listed and left out).

    Raises:
        UserError: a file or folder is missing, a wanted sequence does not exist, or, when strict, the data has a defect.
    """
    annotations = _annotations(folder)
    pictures = _Pictures(folder)
    sequences: dict[str, PlannedSequence] = {}
    lost: list[str] = []  # defects of chunks of which nothing is left
    for split, path in annotations.items():
        lines = _lines(path)
        for index, start in enumerate(range(0, len(lines), source.images_per_file)):
            name = f"{split}-{index:05d}"
            chunk = lines[start : start + source.images_per_file]
            defects = Defects(folder, strict)
            stills = _stills(path, start, chunk, pictures, defects)
            if stills:
                sequences[name] = Chunk(source.name, name, path, PATTERN, stills).plan(defects)
            else:
                lost += defects.lines
    if not sequences:
        said = "\n".join(["no image of the annotation can be used", *lost[:5]]) if lost else "the annotation names no image"
        raise UserError(f"{folder}: {said}\nnext: check {', '.join(path.name for path in annotations.values())}")
    return Plan([sequences[name] for name in choose(list(sequences), source.sequences, str(folder))], lost)


class _Pictures:
    """The images by their ID."""

    def __init__(self, folder: Place) -> None:
        self._folder = folder / "Images"
        self._found = {path.stem: path for path in listed(self._folder) if is_image(path)}

    def find(self, name: str) -> Place:
        """The image of an ID.

        Raises:
            ValueError: there is none; says where else below Images one has the name, as after unpacking archives into another.
        """
        if name in self._found:
            return self._found[name]
        deeper = self._deeper.get(name)
        raise ValueError(f"the image Images/{name}.jpg is missing" + (f" (it lies in Images/{deeper})" if deeper else ""))

    @functools.cached_property
    def _deeper(self) -> dict[str, str]:
        inside = [path for path in walked(self._folder) if is_image(path) and str(path.parent) != str(self._folder)]
        return {path.stem: relative(path.parent, self._folder) for path in inside}


def _annotations(folder: Place) -> dict[str, Place]:
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder\nnext: set base.data_root, or root of the entry in extract_frames.sources")
    if not (folder / "Images").is_dir():
        raise UserError(
            f"{folder}/Images: no such folder; a CrowdHuman root holds Images/ and annotation_train.odgt\nnext: unpack the images there"
        )
    found = {split: folder / f"annotation_{split}.odgt" for split in SPLITS}
    found = {split: path for split, path in found.items() if path.is_file()}
    if not found:
        raise UserError(f"{folder}: neither annotation_train.odgt nor annotation_val.odgt is here\nnext: add one, or correct root")
    return found


def _lines(path: Place) -> list[bytes]:
    try:
        return path.read_bytes().splitlines()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})\nnext: replace the file") from None


def _stills(path: Place, start: int, lines: list[bytes], pictures: _Pictures, defects: Defects) -> dict[int, Still]:
    """Usable lines of a chunk by frame number (place in the chunk, from 1)."""
    stills: dict[int, Still] = {}
    names: set[str] = set()
    for frame, line in enumerate(lines, 1):
        where = f"{path}:{start + frame}"
        if not line.strip():
            continue
        try:
            name, boxes = _record(line)
            picture = pictures.find(name)
            if name in names:
                raise ValueError(f"image {name} is annotated twice")
            names.add(name)
            objects, places = _objects(boxes, where, defects)
            lines_of = np.stack([np.full(len(places), start + frame), places], axis=1).astype(np.int32)
            stills[frame] = Still(picture, size_of(picture), objects, lines_of, line.decode())
        except ValueError as error:
            defects.add(f"{where}: {error}")
        except UserError as error:  # a link to nothing
            if defects.strict:
                raise
            names.discard(name)
            defects.add(f"{where}: {str(error).partition(chr(10))[0]}")
    return stills


def _record(line: bytes) -> tuple[str, list[Any]]:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise ValueError(f"not JSON ({error}); a line is {ALLOWED}") from None
    if not isinstance(record, dict) or not isinstance(record.get("ID"), str) or not isinstance(record.get("gtboxes"), list):
        raise ValueError(f"not an annotation; a line is {ALLOWED}")
    return record["ID"], record["gtboxes"]


def _objects(records: list[Any], where: str, defects: Defects) -> tuple[Objects, list[int]]:
    """The usable boxes of a line, and their places in it from 1."""
    boxes, visibilities, ignores, places = [], [], [], []
    for place, record in enumerate(records, 1):
        try:
            full = _box(record, "fbox")
            visible = _box(record, "vbox") if "vbox" in record else full
            if full[2] <= 0 or full[3] <= 0:
                raise ValueError("width and height of fbox must be above 0")
            extra = record.get("extra") or {}
            ignores.append(record.get("tag", "person") != "person" or extra.get("ignore", 0) == 1)
        except (ValueError, AttributeError) as error:
            defects.add(f"{where}: box {place}: {error}")
            continue
        places.append(place)
        boxes.append([full[0], full[1], full[0] + full[2], full[1] + full[3]])
        visibilities.append(max(visible[2], 0) * max(visible[3], 0) / (full[2] * full[3]))
    unused = np.array(ignores, np.bool_)
    found = make_objects(
        np.array(boxes, np.float32).reshape(-1, 4),
        classes=np.where(unused, DISTRACTOR, PEDESTRIAN).astype(np.int32),
        visibilities=np.array(visibilities, np.float32).clip(0, 1),
        confidences=(~unused).astype(np.float32),
        ignores=unused,
    )
    return found, places


def _box(record: Any, key: str) -> list[float]:
    values = record.get(key) if isinstance(record, dict) else None
    if not isinstance(values, list) or len(values) != 4 or not all(type(value) in (int, float) and abs(value) < 1e9 for value in values):
        raise ValueError(f"{key} must be four numbers: left, top, width, height")
    return values
