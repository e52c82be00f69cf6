"""YouTube-VIS (2019, 2021, and OVIS): JSON with videos, the instances in them over all frames, and categories.

A video lists its images (`file_names`); an annotation is one instance, with one entry of `segmentations` and `bboxes` for each image, null
where it is not there. Masks are run lengths or polygons. Images lie anywhere below the root; the root may be one of the JSON files. Frames
are numbered by their place in the list. `sequences` may name videos, or the files that list them, such as `train`, by their name or their
folder's. The categories' names are the column `categories`; their classes are told by name, as of COCO's. A file without annotations, as
those of the validation and test sets, gives frames without ground truth.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from pipeline.errors import UserError
from pipeline.params.sections.data import Source
from pipeline.sources import categories
from pipeline.sources.annotation import nothing
from pipeline.sources.defects import Defects
from pipeline.sources.media import is_image
from pipeline.sources.mots import LARGEST_SIDE, mask_box
from pipeline.sources.place import Place, relative, walked
from pipeline.sources.planned import Plan, PlannedSequence, choose
from pipeline.sources.records import Clip, Gallery, Unseen, load, number, text, whole, yes
from pipeline.sources.segmentations import counts_of
from pipeline.sources.shaped import Shaped

RATE = 6.0  # frames per second: every fifth of 30 is annotated and in the images of YouTube-VIS; the files do not state it
PATTERN = ": annotations[%d], frame %d"
SHOWN = 8  # names that a remark lists


def plan(source: Source, folder: Place, strict: bool, *, unseen: bool = False) -> Plan:
    """Read and check the annotation.

    Args:
        source: the section's entry.
        folder: holds JSON files and images, or is a JSON file.
        strict: raise at the first defect (else it is listed and left out).
        unseen: take all images to be there; only the annotation can be read then.

    Raises:
        UserError: there is no annotation, no video of it can be used, a wanted one does not exist, or, when strict, the data has a defect.
    """
    base, notes = folder.parent if folder.is_file() else folder, list[str]()
    paths = list(walked(base, notes))
    gallery = Unseen(base) if unseen else Gallery([path for path in paths if is_image(path)])
    files = [folder] if folder.is_file() else [path for path in paths if path.suffix.lower() == ".json"]
    if not files:
        raise UserError(f"{folder}: no .json file of annotations below it\nnext: correct root; it holds annotations and images")
    lost, planned, owners = Defects(base, strict), dict[str, PlannedSequence](), dict[str, Place]()
    for path in files:
        with lost.leaving_out():
            file = _File(path, load(path), gallery, lost, notes, source.classes == "own")
            for sequence in file.plan(source.name):
                owner = owners.setdefault(sequence.name, path)
                if owner is not path:
                    lost.add(f"{path}: video {sequence.name} is in {relative(owner, base)} too; left out here")
                    continue
                planned[sequence.name] = sequence
    if not planned:
        raise UserError("\n".join([f"{folder}: no video can be used", *lost.lines[:5]]))
    return Plan([planned[name] for name in choose(list(planned), _named(owners, source.sequences), str(folder))], lost.lines, tuple(notes))


def _named(owners: dict[str, Place], wanted: list[str] | None) -> list[str] | None:
    """Files by the videos that they list."""
    if wanted is None:
        return None
    found = []
    for name in wanted:
        inside = [video for video, path in owners.items() if name in (path.stem, path.parent.name)]
        found += [name] if name in owners or not inside else inside
    return found


@dataclass
class _Video:
    """A video: its place in the list, its name, its size as height and width, and its images by frame number."""

    place: int
    name: str
    size: tuple[int, int]
    length: int
    defects: Defects
    images: dict[int, Place] = field(default_factory=dict)
    missing: dict[int, str] = field(default_factory=dict)
    maskless: int = 0


@dataclass
class _File:
    """A file while it is planned; `defects` and `notes` get what belongs to no video, `own` as in `Collected`."""

    path: Place
    content: Any
    gallery: Gallery
    defects: Defects
    notes: list[str]
    own: bool

    def plan(self, dataset: str) -> list[PlannedSequence]:
        """Its videos that have an image."""
        content = self.content
        if not isinstance(content, dict) or not isinstance(content.get("videos"), list):
            raise UserError(
                f"{self.path}: not YouTube-VIS: expected lists videos, annotations, categories\nnext: move the file out of the root"
            )
        listed = content.get("annotations")
        if listed is not None and not isinstance(listed, list):
            raise UserError(f"{self.path}: annotations must be a list, or null where there are none\nnext: mend the file")
        videos = self._videos()
        classes = self._classes(listed or [])
        instances: dict[int | str, list[int]] = defaultdict(list)
        for place, item in enumerate(listed or []):
            owner = item.get("video_id") if isinstance(item, dict) else None
            if isinstance(owner, (int, str)) and owner in videos:
                instances[owner].append(place)
            else:
                self.defects.add(f"{self.path}: annotations[{place}]: video_id {owner!r:.40} is no usable video's")
        if listed is None:
            self.notes.append(f"{self._name}: it has no annotations; there is no ground truth")
        elif bare := [video.name for key, video in videos.items() if not instances.get(key)]:
            self.notes.append(f"{self._name}: {len(bare)} of its videos have no annotation ({_some(bare)})")
        return [self._sequence(dataset, video, instances.get(key, []), classes, listed is not None) for key, video in videos.items()]

    @property
    def _name(self) -> str:
        return relative(self.path, self.defects.base)

    def _videos(self) -> dict[int | str, _Video]:
        found: dict[int | str, _Video] = {}
        for place, item in enumerate(self.content["videos"]):
            try:
                key, names = (item.get("id"), item.get("file_names")) if isinstance(item, dict) else (None, None)
                if not isinstance(key, (int, str)) or key in found:
                    raise ValueError("must have an id of its own")
                if not isinstance(names, list) or not names or not all(map(text, names)):
                    raise ValueError("file_names must be a list of images' names")
                size = (item.get("height"), item.get("width"))
                if not all(whole(side) and 0 < side <= LARGEST_SIDE for side in size):
                    raise ValueError("height and width must be whole numbers of pixels")
                name = names[0].replace("\\", "/").rpartition("/")[0].replace("/", "-").strip(".-") or self.path.stem
                if any(other.name == name for other in found.values()):
                    raise ValueError(f"there is another video {name}")
                video = _Video(place, name, size, len(names), Defects(self.defects.base, self.defects.strict))
                self._find(video, names)
                if not video.images:
                    raise ValueError(f"none of its {len(names)} images can be used; the first: {video.missing[1]}")
                found[key] = video
                if whole(item.get("length")) and item["length"] != len(names):
                    self.notes.append(f"{name}: the annotation states {item['length']} frames, {len(names)} are listed")
            except ValueError as error:
                self.defects.add(f"{self.path}: videos[{place}]: {error}")
        return found

    def _find(self, video: _Video, names: list[str]) -> None:
        """The images; what is wrong with one is said with the boxes that go with it."""
        taken: dict[str, int] = {}
        for frame, name in enumerate(names, 1):
            try:
                path = self.gallery.find(name, self.path.stem, self.path.parent.name)
                if taken.setdefault(str(path), frame) != frame:
                    raise ValueError(f"{name} is file_names[{taken[str(path)] - 1}] already")
                video.images[frame] = path
            except ValueError as error:
                video.missing[frame] = str(error)

    def _classes(self, items: list[Any]) -> dict[int, tuple[int, str]]:
        """Class and name by category id; remarks on classes that are read otherwise, and on categories without annotation."""
        names, listed = dict[int, str](), self.content.get("categories")
        for place, category in enumerate(listed if isinstance(listed, list) else []):
            if not isinstance(category, dict) or not text(category.get("name")) or not whole(category.get("id")):
                self.defects.add(f"{self.path}: categories[{place}]: must have a whole number id and a name")
            elif category["id"] in names:
                self.defects.add(f"{self.path}: categories[{place}]: id {category['id']} is {names[category['id']]} already")
            else:
                names[category["id"]] = category["name"]
        counts = Counter(item["category_id"] for item in items if isinstance(item, dict) and whole(item.get("category_id")))
        used = [name for key, name in names.items() if counts[key]]
        numbers = categories.numbers(names.values(), used, own=self.own)
        self.notes += [f"{self._name}: {line}" for line in categories.remarks({name: numbers[name] for name in used})]
        unused = [name for name in names.values() if name not in used]
        if unused and used:
            self.notes.append(f"{self._name}: {len(unused)} of {len(names)} categories have no annotation ({_some(unused)})")
        return {key: (numbers[name], name) for key, name in names.items()}

    def _sequence(
        self, dataset: str, video: _Video, places: list[int], classes: dict[int, tuple[int, str]], annotated: bool
    ) -> PlannedSequence:  # fmt: skip
        objects, lost = Shaped(masked=True, named=True, own=self.own), Counter[int]()
        for place in places:
            try:
                self._instance(objects, video, place, classes, lost)
            except ValueError as error:
                video.defects.add(f"{self.path}: annotations[{place}]: {error}")
        for frame, why in video.missing.items():
            gone = f"; its {lost[frame]} boxes are left out with it" if lost[frame] else ""
            video.defects.add(f"{self.path}: videos[{video.place}].file_names[{frame - 1}]: {why}{gone}")
        said = [f"{video.name}: nothing states a frame rate; {RATE:g} frames/s assumed"]
        said += [f"{video.name}: {video.maskless} boxes have no mask"] if video.maskless else []
        found = objects.annotation(relative(self.path, video.defects.base), PATTERN) if annotated else nothing()
        height, width = video.size
        sizes = dict.fromkeys(video.images, (width, height))
        return Clip(dataset, video.name, video.images, RATE, found, (width, height), tuple(said), sizes, annotated).plan(video.defects)

    def _instance(self, objects: Shaped, video: _Video, place: int, classes: dict[int, tuple[int, str]], lost: Counter[int]) -> None:
        """Collect an instance, frame by frame; `lost` counts what would be on images that are missing."""
        item = self.content["annotations"][place]
        kind = item.get("category_id")
        if not whole(kind) or kind not in classes:
            raise ValueError(f"category_id {kind!r:.40} is not among the categories")
        shapes, boxes = item.get("segmentations"), item.get("bboxes")
        shapes, boxes = ([None] * video.length if column is None else column for column in (shapes, boxes))
        for name, column in (("segmentations", shapes), ("bboxes", boxes)):
            if not isinstance(column, list) or len(column) != video.length:
                count = len(column) if isinstance(column, list) else "no"
                raise ValueError(f"{name} has {count} entries for {video.length} images")
        crowd = yes(item.get("iscrowd"), "iscrowd")
        there = [frame for frame in range(1, video.length + 1) if not (_absent(shapes[frame - 1]) and _absent(boxes[frame - 1]))]
        if not there:
            raise ValueError("it has neither a mask nor a box in any frame")
        for frame in there:
            if frame not in video.images:
                lost[frame] += 1
                continue
            try:
                mask = None if _absent(shapes[frame - 1]) else counts_of(shapes[frame - 1], *video.size)
                box = _box(boxes[frame - 1], mask, video.size)
                objects.add_shaped(frame, box, place, classes[kind][0], crowd, (place, frame), mask, name=classes[kind][1])
                video.maskless += mask is None
            except ValueError as error:
                video.defects.add(f"{self.path}: annotations[{place}], frame {frame}: {error}")


def _box(box: Any, mask: str | None, size: tuple[int, int]) -> list[float]:
    """The stated box, or else that of the mask, which must show something."""
    around = None if mask is None else mask_box(mask, *size)
    if _absent(box) and around is not None:
        return [float(side) for side in around]
    if not isinstance(box, list) or len(box) != 4 or not all(map(number, box)):
        raise ValueError("a box must be four numbers: left, top, width, height")
    return [box[0], box[1], box[0] + box[2], box[1] + box[3]]


def _absent(entry: Any) -> bool:
    """Whether an entry says that the instance is not there."""
    return entry is None or entry == []


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
