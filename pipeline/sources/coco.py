"""COCO JSON: `images`, `annotations`, `categories`; with `videos` (CocoVID) sequences, without them stills.

An image of a video has `video_id` and `frame_id` (counted from 0 or, where a file has no 0, from 1), its annotations `instance_id` or
`track_id`. Where identities return in several images and no video is named, the images of a folder are the frames of one, in order of
their names (CVAT). Boxes are `bbox`: left, top, width, height; `iscrowd` and `ignore` mark what is neither object nor background; a number
`visibility` is taken as it is (`coco_items`). A picture belongs to one entry: of several files that name it to the first that has boxes.
Images may lie anywhere below the root and are found by `file_name`. The root is a folder, or one of its
JSON files: then images are searched for in that file's folder, or above it where it is called annotations.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, NamedTuple

from pipeline.errors import UserError
from pipeline.params.sections.data import Source
from pipeline.sources import categories, coco_items
from pipeline.sources.defects import Defects
from pipeline.sources.media import ASSUMED_RATE, is_image, ordered
from pipeline.sources.place import Place, relative, size_of, walked
from pipeline.sources.planned import Plan, PlannedSequence, choose
from pipeline.sources.records import Clip, Collected, Gallery, Unseen, load, number, text, whole
from pipeline.sources.stills import Chunk, Still

PATTERN = ": annotations[%d]"
_LEFT: dict[str, Any] = {}  # in the place of an annotation that is left out with its image


def plan(source: Source, folder: Place, strict: bool, *, unseen: bool = False) -> Plan:
    """Read and check the annotation.

    Args:
        source: the section's entry.
        folder: holds JSON files and images, or is a JSON file.
        strict: raise at the first defect (else it is listed and left out).
        unseen: take all images to be there; only the annotation can be read then.

    Raises:
        UserError: there is no annotation, no image of it, a wanted sequence does not exist, one is in two files, or, when strict, the
            data has a defect.
    """
    base = _base(folder)
    passed: list[str] = []
    files = list(walked(base, passed))
    lost, planned, owners = Defects(base, strict), dict[str, PlannedSequence](), dict[str, Place]()
    gallery, notes, taken = Unseen(base) if unseen else Gallery([path for path in files if is_image(path)]), passed, dict[str, Place]()
    annotations = [folder] if folder.is_file() else [path for path in files if path.suffix.lower() == ".json"]
    if not annotations:
        raise UserError(f"{folder}: no .json file below it\nnext: correct root; it holds the annotation and the images")
    for path in annotations:
        with lost.leaving_out():
            for sequence in _File(path, load(path), gallery, lost, notes, taken, source.classes == "own").plan(source):
                owner = owners.setdefault(sequence.name, path)
                if owner is not path:
                    raise UserError(
                        f"{path}: sequence {sequence.name} is in {relative(owner, base)} too\nnext: let root name one of the two files"
                    )
                planned[sequence.name] = sequence
    if not planned:
        raise UserError("\n".join([f"{folder}: no image of any annotation can be used", *lost.lines[:5], *notes[:5]]))
    return Plan([planned[name] for name in choose(list(planned), source.sequences, str(folder))], lost.lines, tuple(notes))


def _base(folder: Place) -> Place:
    if folder.is_dir():
        return folder
    if not folder.is_file():
        raise UserError(f"{folder}: no such file or folder\nnext: set base.data_root, or root of the entry in extract_frames.sources")
    return folder.parent.parent if folder.parent.name == "annotations" else folder.parent


class _Video(NamedTuple):
    """A video of a file: the name of its sequence and its frames per second, where stated."""

    name: str
    frame_rate: float | None


@dataclass
class _Odd:
    """How many boxes are read otherwise than they stand."""

    turned: int = 0
    occluded: int = 0

    def notes(self, name: str) -> list[str]:
        said = [f"{name}: {self.turned} boxes are turned; read as the upright boxes around them"] if self.turned else []
        hidden = f"{name}: {self.occluded} boxes are marked occluded; a yes or no is no visible share, which stays 1"
        return [*said, hidden] if self.occluded else said


@dataclass
class _File:
    """One annotation file while it is planned; `defects` and `notes` get what belongs to no sequence, `taken` is whose each image is,
    `own` whether its categories stay classes of their own."""

    path: Place
    content: Any
    gallery: Gallery
    defects: Defects
    notes: list[str]
    taken: dict[str, Place]
    own: bool = False

    def plan(self, source: Source) -> list[PlannedSequence]:
        """Its videos, then its stills."""
        content = self.content
        if not isinstance(content, dict) or not all(isinstance(content.get(key), list) for key in ("images", "annotations")):
            raise UserError(f"{self.path}: not COCO: expected lists images, annotations, categories\nnext: move the file out of the root")
        if content["annotations"] and not any(isinstance(item, dict) and "bbox" in item for item in content["annotations"]):
            self.notes.append(f"{self._name}: none of its {len(content['annotations'])} annotations has a box; left out")
            return []
        classes, notes = self._classes()
        images = self._own(self._images())
        boxes = self._boxes(images)
        videos, stills = self._parted(images, boxes)
        if stills:
            self.notes += [f"{self._name}: {line}" for line in notes if not videos]
        planned = []
        for video, members in videos.items():
            planned += self._video(source.name, video, members, images, boxes, classes, notes)
        for index, start in enumerate(range(0, len(stills), source.images_per_file)):
            members = stills[start : start + source.images_per_file]
            planned += self._stills(source.name, f"{self.path.stem}-{index:05d}", members, images, boxes, classes)
        return planned

    @property
    def _name(self) -> str:
        return relative(self.path, self.defects.base)

    def _own(self, images: dict[Any, tuple[int, Place]]) -> dict[Any, tuple[int, Place]]:
        """The stills that no other file has named; what is left out is named."""
        records = self.content["images"]
        others = [key for key, (place, path) in images.items() if str(path) in self.taken and records[place].get("video_id") is None]
        if others:
            owner = relative(self.taken[str(images[others[0]][1])], self.defects.base)
            said = f"{len(others)} of its {len(images)} images are those of {owner}; left out with their annotations"
            if len(others) == len(images):
                self.notes.append(f"{self._name}: {said}")
                self.content = self.content | {"images": [], "annotations": []}
                return {}
            self.defects.add(f"{self.path}: {said}")
        lost = set(others)
        self.content = (
            self.content
            | {
                "annotations": [
                    _LEFT if isinstance(item, dict) and _hashable(item.get("image_id")) and item["image_id"] in lost else item
                    for item in self.content["annotations"]
                ]
            }
            if lost
            else self.content
        )
        found = {key: value for key, value in images.items() if key not in lost}
        self.taken |= {str(path): self.path for _, path in found.values()}
        return found

    def _classes(self) -> tuple[dict[Any, int], list[str]]:
        """Class by category id, and remarks on those that have boxes."""
        names: dict[int, str] = {}
        listed = self.content.get("categories")
        for place, category in enumerate(listed if isinstance(listed, list) else []):
            if not isinstance(category, dict) or not text(category.get("name")) or not whole(category.get("id")):
                self.defects.add(f"{self.path}: categories[{place}]: must have a whole number id and a name")
            elif names.get(category["id"], category["name"]) != category["name"]:
                self.defects.add(f"{self.path}: categories[{place}]: id {category['id']} is {names[category['id']]}'s already")
            else:
                names[category["id"]] = category["name"]
        items = self.content["annotations"]
        boxed = {item["category_id"] for item in items if isinstance(item, dict) and isinstance(item.get("category_id"), int)}
        used = [name for key, name in names.items() if key in boxed]
        listed = [name for key, name in names.items() if key in boxed or not self._is_root(key)]
        numbers = categories.numbers(listed, used, own=self.own)
        numbers = {name: numbers.get(name, categories.OCCLUDER) for name in names.values()}
        return {key: numbers[name] for key, name in names.items()}, categories.remarks({name: numbers[name] for name in used})

    def _is_root(self, key: int) -> bool:
        """Whether others name a category as the one above them, as all of Roboflow's exports do with their project."""
        listed = [category for category in self.content["categories"] if isinstance(category, dict)]
        names = {category.get("name") for category in listed if category.get("id") == key}
        return any(
            category.get("supercategory") in names and category.get("id") != key for category in listed if text(category.get("name"))
        )

    def _images(self) -> dict[Any, tuple[int, Place]]:
        """Place in the list and file of each usable image, by id."""
        found: dict[Any, tuple[int, Place]] = {}
        owners: dict[str, int] = {}
        for place, image in enumerate(self.content["images"]):
            try:
                if not isinstance(image, dict) or not isinstance(image.get("id"), (int, str)) or not text(image.get("file_name")):
                    raise ValueError("must have an id and a file_name")
                if image["id"] in found:
                    raise ValueError(f"id {image['id']} is also images[{found[image['id']][0]}]")
                path = self.gallery.find(image["file_name"], self.path.stem, *self.path.stem.split("_"))
                if owners.setdefault(str(path), place) != place:
                    raise ValueError(f"{image['file_name']} is the picture of images[{owners[str(path)]}] already")
                found[image["id"]] = place, path
            except ValueError as error:
                self.defects.add(f"{self.path}: images[{place}]: {error}")
        return found

    def _boxes(self, images: dict[Any, tuple[int, Place]]) -> dict[Any, list[int]]:
        """Places of the annotations, by image id."""
        found: dict[Any, list[int]] = defaultdict(list)
        for place, item in enumerate(self.content["annotations"]):
            if item is _LEFT:
                continue
            owner = item.get("image_id") if isinstance(item, dict) else None
            if not isinstance(owner, (int, str)) or owner not in images:
                self.defects.add(f"{self.path}: annotations[{place}]: image_id {owner!r:.40} is no usable image's")
            else:
                found[owner].append(place)
        return found

    def _parted(
        self, images: dict[Any, tuple[int, Place]], boxes: dict[Any, list[int]]
    ) -> tuple[dict[_Video, list[tuple[int, Any]]], list[Any]]:
        """(frame number, image id) by video, and the ids of stills."""
        records, known = self.content["images"], self._videos()
        first = 1 if any(records[place].get("frame_id") == 0 for place, _ in images.values()) else 0
        videos: dict[_Video, list[tuple[int, Any]]] = {}
        stills = []
        for key, (place, _) in images.items():
            owner, frame = records[place].get("video_id"), records[place].get("frame_id")
            if owner is None:
                stills.append(key)
            elif not isinstance(owner, (int, str)) or owner not in known or not whole(frame):
                lost = _lost(boxes.get(key, []))
                self.defects.add(f"{self.path}: images[{place}]: video_id must be a video's and frame_id a whole number{lost}")
            else:
                videos.setdefault(known[owner], []).append((frame + first, key))
        return (videos, stills) if videos or not self._return(stills, boxes) else (self._by_folder(stills, images), [])

    def _return(self, stills: list[Any], boxes: dict[Any, list[int]]) -> bool:
        """Whether identities of stills are in more than one of them."""
        seen: set[Any] = set()
        for key in stills:
            here = {identity for place in boxes.get(key, []) if (identity := _identity(self.content["annotations"][place])) is not None}
            if here & seen:
                return True
            seen |= here
        return False

    def _by_folder(self, stills: list[Any], images: dict[Any, tuple[int, Place]]) -> dict[_Video, list[tuple[int, Any]]]:
        """Stills as the frames of one video per folder."""
        folders: dict[str, dict[str, Any]] = {}
        for key in stills:
            folders.setdefault(str(images[key][1].parent), {})[str(images[key][1])] = key
        found: dict[_Video, list[tuple[int, Any]]] = {}
        for folder, keys in folders.items():
            inner = relative(images[next(iter(keys.values()))][1].parent, self.defects.base).replace("/", "-").strip(".-")
            video = _Video(self.path.stem if len(folders) == 1 else f"{self.path.stem}-{inner}", None)
            files = ordered([images[key][1] for key in keys.values()])
            found[video] = [(number, keys[str(path)]) for number, path in files.items()]
            name = (
                "its folder"
                if folder == str(self.defects.base)
                else relative(images[next(iter(keys.values()))][1].parent, self.defects.base)
            )
            self.notes.append(
                f"{self._name}: identities return and no video is named; the images of {name} are read as one, in order of their names"
            )
        return found

    def _videos(self) -> dict[Any, _Video]:
        found: dict[Any, _Video] = {}
        videos = self.content.get("videos")
        for place, video in enumerate(videos if isinstance(videos, list) else []):
            said = (video.get("name") or video.get("file_name")) if isinstance(video, dict) else None
            if not text(said) or not isinstance(video.get("id"), (int, str)) or video["id"] in found:
                self.defects.add(f"{self.path}: videos[{place}]: must have an id of its own and a name")
                continue
            name, rate = said.replace("/", "-").strip(".-"), video.get("fps") or video.get("frame_rate")
            if not name or any(other.name == name for other in found.values()):
                self.defects.add(f"{self.path}: videos[{place}]: there is another video {said}")
            else:
                found[video["id"]] = _Video(name, float(rate) if number(rate) and rate > 0 else None)
        return found

    def _video(
        self, dataset: str, video: _Video, members: list[tuple[int, Any]], images: dict[Any, tuple[int, Place]],
        boxes: dict[Any, list[int]], classes: dict[Any, int], notes: list[str],
    ) -> list[PlannedSequence]:  # fmt: skip
        defects, objects, files = Defects(self.defects.base, self.defects.strict), Collected(own=self.own), dict[int, Place]()
        sizes: dict[int, tuple[int, int]] = {}
        odd = _Odd()
        for frame, key in members:
            place, path = images[key]
            if frame < 1 or frame in files:
                defects.add(
                    f"{self.path}: images[{place}]: frame {frame} of {video.name} is there twice or below 1{_lost(boxes.get(key, []))}"
                )
                continue
            files[frame] = path
            if stated := self._size(place):
                sizes[frame] = stated
            self._collect(objects, frame, boxes.get(key, []), classes, defects, odd)
        if not files:
            self.defects.lines += defects.lines
            return []
        annotated = objects.annotation(relative(self.path, self.defects.base), PATTERN)
        size = self._size(images[members[0][1]][0])
        rate = video.frame_rate or ASSUMED_RATE
        said = [] if video.frame_rate else [f"{video.name}: nothing states a frame rate; {ASSUMED_RATE:g} frames/s assumed"]
        return [Clip(dataset, video.name, files, rate, annotated, size, (*said, *notes, *odd.notes(video.name)), sizes).plan(defects)]

    def _stills(
        self, dataset: str, name: str, members: list[Any], images: dict[Any, tuple[int, Place]], boxes: dict[Any, list[int]],
        classes: dict[Any, int],
    ) -> list[PlannedSequence]:  # fmt: skip
        defects, stills, odd = Defects(self.defects.base, self.defects.strict), dict[int, Still](), _Odd()
        for frame, key in enumerate(members, 1):
            place, path = images[key]
            objects = Collected(own=self.own)
            self._collect(objects, frame, boxes.get(key, []), classes, defects, odd)
            found = objects.annotation("", PATTERN)
            said = json.dumps([self.content["images"][place], [self.content["annotations"][index] for index in boxes.get(key, [])]])
            stills[frame] = Still(path, size_of(path), found.objects, found.line, said, self._size(place))
        self.notes += odd.notes(name)
        return [Chunk(dataset, name, self.path, PATTERN, stills).plan(defects)]

    def _collect(self, objects: Collected, frame: int, places: list[int], classes: dict[Any, int], defects: Defects, odd: _Odd) -> None:
        for place in places:
            try:
                item = coco_items.read(self.content["annotations"][place])
                if not isinstance(item.category, int) or item.category not in classes:
                    raise ValueError(f"category_id {item.category!r:.40} is not among the categories")
                objects.add(frame, item.box, item.key, classes[item.category], item.visibility, item.crowd, (place,))
                odd.turned += item.turned
                odd.occluded += item.occluded
            except ValueError as error:
                defects.add(f"{self.path}: annotations[{place}]: {error}")

    def _size(self, place: int) -> tuple[int, int] | None:
        image = self.content["images"][place]
        width, height = image.get("width"), image.get("height")
        return (width, height) if whole(width) and whole(height) and width and height else None


def _lost(places: list[int]) -> str:
    """What goes with an image that cannot be used."""
    return f"; its {len(places)} boxes are left out with it" if places else ""


def _hashable(value: Any) -> bool:
    return isinstance(value, (int, str))


def _identity(item: Any) -> str | int | None:
    try:
        return coco_items.identity(item)
    except ValueError:  # said where its box is read
        return None
