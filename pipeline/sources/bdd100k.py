"""BDD100K, Scalabel JSON: one file per video, or one file for the frames of all; without videos, stills.

A file is a list of frames, or `{"frames": [...]}`; a frame is `{"name": image, "videoName": ..., "frameIndex": from 0, "labels": [{"id",
"category", "box2d": {"x1", "y1", "x2", "y2"}, "attributes": {"crowd"}}]}`. Labels and images may lie anywhere below the root, as
`labels/box_track_20/val/<video>.json` and `images/track/val/<video>/<image>` do; an image is found by its video and name. `occluded` is a
yes or no, so visibility is 1, which says nothing. A rider counts as a person on a vehicle, every other person as a distractor, what is
labelled `crowd` as neither object nor background; with `classes: own` the eight classes of the data set stay apart, and all are scored.
Keys may be in any case. A file that names neither a video nor places in one holds stills, as the detection labels do; a label without box2d
(lanes, areas) is no object's, and counted in a remark.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pipeline.errors import UserError
from pipeline.params.sections.data import Source
from pipeline.sources import categories
from pipeline.sources.defects import Defects
from pipeline.sources.media import frame_number, images_in, is_image
from pipeline.sources.place import Place, relative, size_of, walked
from pipeline.sources.planned import Plan, PlannedSequence, choose
from pipeline.sources.records import Clip, Collected, Gallery, Unseen, load, lowered, number, text, whole, yes
from pipeline.sources.stills import Chunk, Still

FRAME_RATE = 5.0  # frames per second of BDD100K's tracking images; the files do not state it
PATTERN = ": frames[%d].labels[%d]"


def plan(source: Source, folder: Place, strict: bool, *, unseen: bool = False) -> Plan:
    """Read and check all labels below the root.

    Args:
        source: the section's entry.
        folder: holds labels and images.
        strict: raise at the first defect (else it is listed and left out).
        unseen: take all images to be there; only the labels can be read then.

    Raises:
        UserError: there are no labels or no images, a wanted video does not exist, or, when strict, the data has a defect.
    """
    notes: list[str] = []
    files = list(walked(folder, notes))
    labels = [path for path in files if path.suffix.lower() == ".json"]
    if not labels:
        raise UserError(f"{folder}: no .json file of labels below it\nnext: correct root; it holds labels and images")
    gallery = Unseen(folder) if unseen else Gallery([path for path in files if is_image(path)])
    lost, videos, stills = Defects(folder, strict), dict[str, _Video](), list[PlannedSequence]()
    for path in labels:
        with lost.leaving_out():
            frames = _frames(path, load(path))
            planned_stills, lines = _plan_stills(path, frames, gallery, source, Defects(folder, strict))
            stills += planned_stills
            lost.lines += lines
            for video in _videos(path, frames, gallery, Defects(folder, strict), own=source.classes == "own"):
                other = videos.setdefault(video.name, video)
                if other is not video:
                    lost.add(
                        f"{path}: video {video.name} is in {relative(other.file, folder)} too; its {video.labels} labels here are not used"
                    )
    planned = {sequence.name: sequence for sequence in stills}
    for name, video in sorted(videos.items()):
        if video.images:
            planned[name] = video.clip(source.name).plan(video.defects)
        else:
            lost.lines += video.defects.lines
    if not planned:
        raise UserError("\n".join([f"{folder}: no frame of any label file can be used", *lost.lines[:5]]))
    return Plan([planned[name] for name in choose(list(planned), source.sequences, str(folder))], lost.lines, tuple(notes))


@dataclass
class _Video:
    """What a label file says about one video."""

    name: str
    file: Place
    defects: Defects
    images: dict[int, Place] = field(default_factory=dict)
    objects: Collected = field(default_factory=Collected)
    labels: int = 0
    boxless: Counter[str] = field(default_factory=Counter)

    def clip(self, dataset: str) -> Clip:
        used = {str(path) for path in self.images.values()}
        beside = [path for path in images_in(next(iter(self.images.values())).parent) if str(path) not in used]
        notes = [f"{self.name}: nothing states a frame rate; {FRAME_RATE:g} frames/s assumed"]
        notes += [f"{self.name}: {len(beside)} images beside its frames are not in the annotation; left out"] if beside else []
        notes += _boxless(self.name, self.boxless)
        annotated = self.objects.annotation(relative(self.file, self.defects.base), PATTERN)
        return Clip(dataset, self.name, self.images, FRAME_RATE, annotated, None, tuple(notes))


def _frames(path: Place, content: Any) -> list[Any]:
    """The frames of a file, keys in one case."""
    frames = _lower(content).get("frames") if isinstance(content, dict) else content
    if not isinstance(frames, list):
        raise UserError(f'{path}: not Scalabel: expected a list of frames, or {{"frames": [...]}}\nnext: move the file out of the root')
    return [_lower(frame) for frame in frames]


def _lower(record: Any) -> Any:
    """A record with its own keys in one case; anything else as it is."""
    return {str(key).lower(): value for key, value in record.items()} if isinstance(record, dict) else record


def _of_stills(frames: list[Any]) -> bool:
    """Whether no frame of a file belongs to a video: by its keys, or by names that number one (`<video>-0000001.jpg`)."""
    keys = ("videoName", "video_name", "frameIndex", "index")
    records = [frame for frame in frames if isinstance(frame, dict)]
    if not records or any(_first(frame, key) is not None for frame in records for key in keys):
        return False
    found = [re.fullmatch(r"(.*?)([0-9]+)", str(_first(frame, "name")).rpartition("/")[2].rpartition(".")[0]) for frame in records]
    return len(records) == 1 or not all(found) or len({match[1] for match in found if match}) > 1


def _plan_stills(
    path: Place, frames: list[Any], gallery: Gallery, source: Source, defects: Defects
) -> tuple[list[PlannedSequence], list[str]]:
    """The stills of a file, and the defects where none of them is left; a file of videos has none."""
    if not _of_stills(frames):
        return [], []
    planned, lines = [], list[str]()
    for index, start in enumerate(range(0, len(frames), source.images_per_file)):
        name, found = f"{path.stem}-{index:05d}", Defects(defects.base, defects.strict)
        boxless, unknown, stills = Counter[str](), 0, dict[int, Still]()
        for key, frame in enumerate(frames[start : start + source.images_per_file], 1):
            place, objects = start + key - 1, Collected(own=source.classes == "own")
            try:
                if not text(_first(frame, "name")):
                    raise ValueError("name must be an image's name")
                image = gallery.find(frame["name"], path.stem, path.parent.name)
                unknown += _add_labels(objects, key, frame.get("labels"), (path, place), found, boxless, stills=True)
            except ValueError as error:
                found.add(f"{path}: frames[{place}]: {error}{_lost(_first(frame, 'labels'))}")
                continue
            annotated = objects.annotation("", PATTERN)
            stills[key] = Still(image, size_of(image), annotated.objects, annotated.line, json.dumps(frame))
        if not stills:
            lines += found.lines
            continue
        notes = [f"{name}: no video is named; {len(stills)} stills, whose identities ({unknown}) say nothing"] if unknown else []
        planned.append(Chunk(source.name, name, path, PATTERN, stills, (*notes, *_boxless(name, boxless))).plan(found))
    return planned, lines


def _lost(labels: Any) -> str:
    return f"; its {len(labels)} labels are left out with it" if isinstance(labels, list) and labels else ""


def _boxless(name: str, kinds: Counter[str]) -> list[str]:
    said = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    return [f"{name}: {kinds.total()} labels have no box2d ({said}); left out"] if kinds else []


def _videos(path: Place, frames: list[Any], gallery: Gallery, defects: Defects, *, own: bool) -> Iterator[_Video]:
    """The videos of a file, in order of appearance; none of a file of stills."""
    if _of_stills(frames):
        return
    found: dict[str, _Video] = {}
    for place, frame in enumerate(frames):
        where = f"{path}: frames[{place}]"
        name = _first(frame, "videoName", "video_name") or path.stem
        name = name.replace("/", "-") if text(name) else path.stem
        video = found.setdefault(name, _Video(name, path, Defects(defects.base, defects.strict), objects=Collected(own=own)))
        labels = frame.get("labels") if isinstance(frame, dict) else None
        video.labels += len(labels) if isinstance(labels, list) else 0
        try:
            number, image = _image(frame, name, gallery, path)
            if number in video.images:
                raise ValueError(f"frame {number} of {name} is there twice")
            if labels is not None and not isinstance(labels, list):
                raise ValueError("labels must be a list")
        except ValueError as error:
            video.defects.add(f"{where}: {error}{_lost(labels)}")
            continue
        video.images[number] = image
        _add_labels(video.objects, number, labels, (path, place), video.defects, video.boxless)
    yield from found.values()


def _add_labels(
    objects: Collected, frame: int, labels: Any, where: tuple[Place, int], defects: Defects, boxless: Counter[str], *, stills: bool = False
) -> int:
    """Collect a frame's boxes; returns how many say an identity. Of stills identities are not kept.

    Raises:
        ValueError: labels are no list.
    """
    if labels is not None and not isinstance(labels, list):
        raise ValueError("labels must be a list")
    path, place = where
    known = 0
    for index, label in enumerate(labels or []):
        label = _lower(label)
        shape = next((key for key in ("poly2d", "box3d", "rle", "graph") if _first(label, key) is not None), None)
        if shape and _first(label, "box2d") is None:
            boxless[shape] += 1
            continue
        try:
            known += _first(label, "id") is not None
            _add(objects, frame, label | {"id": None} if stills and isinstance(label, dict) else label, (place, index))
        except ValueError as error:
            defects.add(f"{path}: frames[{place}].labels[{index}]: {error}")
    return known


def _image(frame: Any, video: str, gallery: Gallery, path: Place) -> tuple[int, Place]:
    """Number and image of a frame."""
    name = _first(frame, "name")
    if not text(name):
        raise ValueError("name must be an image's name")
    index = _first(frame, "frameIndex", "index")
    if index is not None and not whole(index):
        raise ValueError("frameIndex must be a whole number from 0")
    hints = (video, path.stem, path.parent.name)
    image = gallery.find(name, *hints)
    number = frame_number(image) if index is None else index + 1
    if number is None or not 1 <= number < 2**31:
        raise ValueError("neither frameIndex nor the image's name says which frame it is")
    return number, image


def _add(objects: Collected, frame: int, label: Any, line: tuple[int, int]) -> None:
    box, category = _first(label, "box2d"), _first(label, "category")
    sides = [_first(_lower(box), side) for side in ("x1", "y1", "x2", "y2")]
    if not all(number(side) for side in sides):
        raise ValueError("box2d must have four numbers x1, y1, x2, y2")
    if not text(category):
        raise ValueError("category must be a name")
    key = _first(label, "id")
    if not isinstance(key, (str, int, type(None))):
        raise ValueError("id must be text or a number")
    crowd = yes(lowered(_first(label, "attributes")).get("crowd"), "crowd")
    objects.add(frame, sides, None if key is None else str(key), categories.number(category, own=objects.own), 1.0, crowd, line)


def _first(record: Any, *keys: str) -> Any:
    """The first of the keys, in any case, that a JSON object has; None of anything else."""
    if not isinstance(record, dict):
        return None
    named = (key if key in record else key.lower() for key in keys)
    return next((record[key] for key in named if record.get(key) is not None), None)
