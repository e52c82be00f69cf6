"""PoseTrack 2018 (and PoseTrack21): a JSON file per video, with images, people with 17 joints and track ids, and regions to ignore.

Files and images may lie anywhere below the root, as `annotations/val/<video>.json` and `images/val/<video>/000000.jpg` do; an image is
found by its `file_name`. `sequences` may name a folder of files, such as `val`. Frames are numbered by the digits that end the names, from
1. Videos are annotated in part: an image that says `is_labeled: false` and has no people is left out, with a remark; a file in which no
image is labelled gives frames without ground truth. A region to ignore is read as the box around it. Files of the same layout below a
folder `detections`, with a `score` or `scores` for each person, are public detections of the video of that name.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pipeline.errors import UserError
from pipeline.files.posetrack_json import NAMES, ignore_regions, is_labelled
from pipeline.params.sections.data import Source
from pipeline.sources.annotation import Annotation, annotation, nothing
from pipeline.sources.annotation import objects as make_objects
from pipeline.sources.categories import CROWD, PEDESTRIAN
from pipeline.sources.defects import Defects
from pipeline.sources.media import ASSUMED_RATE, frame_number, is_image
from pipeline.sources.place import Place, relative, walked
from pipeline.sources.planned import Plan, PlannedSequence, choose
from pipeline.sources.posetrack_people import JointOrder, Key, Person, by_image, check, joint_order, read_detection, read_person
from pipeline.sources.records import Clip, Gallery, Unseen, load, text, whole
from pipeline.sources.shaped import Shaped, hull

DETECTIONS = "detections"
PATTERN = ": images[%d], annotations[%d]"  # the second is -1 for a region to ignore


def plan(source: Source, folder: Place, strict: bool, *, unseen: bool = False) -> Plan:
    """Read and check the annotation.

    Args:
        source: the section's entry.
        folder: holds JSON files and images.
        strict: raise at the first defect (else it is listed and left out).
        unseen: take all images to be there; only the annotation can be read then.

    Raises:
        UserError: there is no annotation, no image of it, a wanted video does not exist, or, when strict, the data has a defect.
    """
    notes: list[str] = []
    paths = list(walked(folder, notes))
    gallery = Unseen(folder) if unseen else Gallery([path for path in paths if is_image(path)])
    found = [path for path in paths if path.suffix.lower() == ".json"]
    detected = {path.stem: path for path in found if _is_detections(path, folder)}
    files = [path for path in found if not _is_detections(path, folder)]
    if not files:
        raise UserError(f"{folder}: no .json file of annotations below it\nnext: correct root; it holds annotations and images")
    lost, planned = Defects(folder, strict), dict[str, PlannedSequence]()
    for path in _chosen(files, source.sequences, str(folder)):
        with lost.leaving_out():
            if path.stem in planned:
                raise UserError(f"{path}: there is another file of video {path.stem}\nnext: choose a folder with `sequences`")
            planned[path.stem] = _sequence(source.name, path, detected.get(path.stem), gallery, Defects(folder, strict))
    if not planned:
        raise UserError("\n".join([f"{folder}: no video can be used", *lost.lines[:5]]))
    return Plan(list(planned.values()), lost.lines, tuple(notes))


def _is_detections(path: Place, folder: Place) -> bool:
    return DETECTIONS in relative(path, folder).split("/")[:-1]


def _chosen(files: list[Place], wanted: list[str] | None, where: str) -> list[Place]:
    """The files of wanted videos, and those of folders that are wanted."""
    folders = {path.parent.name for path in files} & set(wanted or ())
    names = choose([path.stem for path in files], None if wanted is None else [name for name in wanted if name not in folders], where)
    return [path for path in files if path.stem in names or path.parent.name in folders]


def _sequence(dataset: str, path: Place, detections: Place | None, gallery: Gallery, defects: Defects) -> PlannedSequence:
    content, name = load(path), path.stem
    check(path, content)
    file = _File(path, content, joint_order(path, content), gallery, defects)
    frames = file.frames()
    if not frames:
        raise UserError("\n".join([f"{path}: no image of it can be used", *defects.lines[:5]]))
    objects = file.objects(frames)
    known = file.labelled or any(identity >= 0 for identity in objects.identities)
    annotated = objects.annotation(relative(path, defects.base), PATTERN) if known else nothing()
    images, public = {frame: found.path for frame, found in frames.items()}, None
    notes = [f"{name}: nothing states a frame rate; {ASSUMED_RATE:g} frames/s assumed", *file.order.notes, *file.remarks()]
    notes += [] if known else [f"{name}: no image of it is labelled; there is no ground truth"]
    if detections is not None:
        with defects.leaving_out():
            public = _detected(detections, images, gallery, notes, defects)
    sizes = {frame: size for frame, found in frames.items() if (size := _size(content["images"][found.place]))}
    clip = Clip(dataset, name, images, ASSUMED_RATE, annotated, next(iter(sizes.values()), None), tuple(notes), sizes, known, public)
    return clip.plan(defects)


class _Image(NamedTuple):
    """An image: its place in the list, its file, and the places of its annotations."""

    place: int
    path: Place
    people: list[int]


@dataclass
class _File:
    """A file of annotations while it is planned."""

    path: Place
    content: dict[str, Any]
    order: JointOrder
    gallery: Gallery
    defects: Defects
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def labelled(self) -> bool:
        """Whether any image is."""
        return any(is_labelled(image) for image in self.content["images"] if isinstance(image, dict))

    def frames(self) -> dict[int, _Image]:
        """The images that can be used, by frame number; annotations of others are named."""
        people = by_image(self.content["annotations"], self._complain)
        found, owners = dict[int, _Image](), dict[Key, int]()
        first, labelled = int(0 in map(_digits, self.content["images"])), self.labelled
        for place, image in enumerate(self.content["images"]):
            mine: list[int] = []
            try:
                key = _key(image)
                if key in owners:
                    raise ValueError(f"id {key} is also images[{owners[key]}]")
                owners[key], mine = place, people.pop(key, [])
                if labelled and not mine and not is_labelled(image):
                    self._count("images are not labelled; left out")
                    continue
                frame, path = _frame(image, first), self.gallery.find(image["file_name"], self.path.stem, self.path.parent.name)
                if frame in found:
                    raise ValueError(f"frame {frame} is also images[{found[frame].place}]")
                if found and path.parent != next(iter(found.values())).path.parent:
                    raise ValueError("it lies in another folder than the images before; a file holds one video")
                found[frame] = _Image(place, path, mine)
            except ValueError as error:
                self._complain(place, f"{error}{f'; its {len(mine)} boxes are left out with it' if mine else ''}", "images")
        for key, places in people.items():
            for place in places:
                self._complain(place, f"image_id {key!r:.40} is no image's")
        return dict(sorted(found.items()))

    def objects(self, frames: dict[int, _Image]) -> Shaped:
        """People and regions."""
        objects = Shaped(joints=len(NAMES))
        for frame, image in frames.items():
            for index in image.people:
                try:
                    self._add(objects, frame, (image.place, index))
                except ValueError as error:
                    self._complain(index, str(error))
            try:
                for region in ignore_regions(self.content["images"][image.place]):
                    objects.add_shaped(frame, hull(region), None, CROWD, True, (image.place, -1))
                    self._count("regions to ignore are read as the boxes around them")
            except ValueError as error:
                self._complain(image.place, str(error), "images")
        return objects

    def remarks(self) -> list[str]:
        """How much is read otherwise than it stands, or not at all."""
        return [f"{self.path.stem}: {count} {what}" for what, count in self.counts.items()]

    def _add(self, objects: Shaped, frame: int, line: tuple[int, int]) -> None:
        item = self.content["annotations"][line[1]]
        if not whole(item.get("track_id")):
            raise ValueError("track_id must be a whole number from 0")
        person = read_person(item, self.order)
        objects.add_shaped(frame, person.box, item["track_id"], PEDESTRIAN, False, line, keypoints=person.joints)
        if person.boxless:
            self._count("people have no bbox; the boxes around their joints are taken")
        if not person.joints.any():
            self._count("people have no joints")

    def _complain(self, place: int, complaint: str, what: str = "annotations") -> None:
        self.defects.add(f"{self.path}: {what}[{place}]: {complaint}")

    def _count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1


def _detected(path: Place, images: dict[int, Place], gallery: Gallery, notes: list[str], defects: Defects) -> Annotation:
    """Public detections of the frames that are read; `notes` gets what is odd about them."""
    content = load(path)
    check(path, content)
    order, frames = joint_order(path, content), {str(place): frame for frame, place in images.items()}
    owners: dict[Key, int] = {}
    for place, image in enumerate(content["images"]):
        try:
            owners[_key(image)] = 0
        except ValueError as error:
            defects.add(f"{path}: images[{place}]: {error}")
            continue
        with suppress(ValueError):  # an image that is missing is no frame, which is said of the annotation
            owners[_key(image)] = frames.get(str(gallery.find(image["file_name"], path.stem, path.parent.name)), 0)
    found, strays = list[tuple[int, int, float, Person]](), 0
    for index, item in enumerate(content["annotations"]):
        try:
            key = item.get("image_id") if isinstance(item, dict) else None
            if not isinstance(key, (int, str)) or key not in owners:
                raise ValueError(f"image_id {key!r:.40} is no usable image's")
            if not owners[key]:
                strays += 1
                continue
            person, score = read_detection(item, order)
            found.append((owners[key], index, score, person))
        except ValueError as error:
            defects.add(f"{path}: annotations[{index}]: {error}")
    notes += [f"{DETECTIONS}: {line}" for line in order.notes]
    notes += [f"{DETECTIONS}: {path.stem}: {strays} lie on images that are not read; left out"] if strays else []
    boxes = np.array([person.box for *_, person in found], np.float32).reshape(-1, 4)
    joints = np.array([person.joints for *_, person in found], np.float32).reshape(-1, len(NAMES), 3)
    seen = replace(make_objects(boxes, confidences=np.array([score for _, _, score, _ in found], np.float32)), keypoints=joints)
    numbers, lines = (np.array([row[column] for row in found], np.int32) for column in (0, 1))
    return annotation(numbers, seen, lines, relative(path, defects.base), ": annotations[%d]")


def _key(image: Any) -> Key:
    key = image.get("id") if isinstance(image, dict) else None
    if not isinstance(key, (int, str)) or not text(image.get("file_name")):
        raise ValueError("must have an id and a file_name")
    return key


def _digits(image: Any) -> int | None:
    """The digits that end an image's name."""
    name = image.get("file_name") if isinstance(image, dict) else None
    return frame_number(Path(name.replace("\\", "/"))) if text(name) else None


def _frame(image: dict[str, Any], first: int) -> int:
    digits = _digits(image)
    if digits is None or not 1 <= digits + first < 2**31:
        raise ValueError("file_name must end in the number of the frame")
    return digits + first


def _size(image: dict[str, Any]) -> tuple[int, int] | None:
    width, height = image.get("width"), image.get("height")
    return (width, height) if whole(width) and whole(height) and width and height else None
