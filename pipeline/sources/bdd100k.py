"""BDD100K tracking, Scalabel JSON: a file a video, or one file for the frames of all.

A file is a list of frames, or `{"frames": [...]}`; a frame is `{"name": image, "videoName": ..., "frameIndex": from 0, "labels": [{"id",
"category", "box2d": {"x1", "y1", "x2", "y2"}, "attributes": {"crowd"}}]}`. Labels and images may lie anywhere below the root, as
`labels/box_track_20/val/<video>.json` and `images/track/val/<video>/<image>` do; an image is found by its video and name. `occluded` is a
yes or no, so visibility is 1, which says nothing. A rider counts as a person on a vehicle, every other person as a distractor, what is
labelled `crowd` as neither object nor background.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pipeline.errors import UserError
from pipeline.params.sections.data import Source
from pipeline.sources import categories
from pipeline.sources.defects import Defects
from pipeline.sources.media import frame_number, images_in, is_image
from pipeline.sources.place import Place, relative, walked
from pipeline.sources.planned import Plan, PlannedSequence, choose
from pipeline.sources.records import Clip, Collected, Gallery, load, number, text, whole

FRAME_RATE = 5.0  # frames a second of BDD100K's tracking images; the files do not state it
PATTERN = ": frames[%d].labels[%d]"


def plan(source: Source, folder: Place, strict: bool) -> Plan:
    """Read and check all labels below the root.

    Args:
        source: the section's entry.
        folder: holds labels and images.
        strict: raise at the first defect (else it is listed and left out).

    Raises:
        UserError: there are no labels or no images, a wanted video does not exist, or, when strict, the data has a defect.
    """
    files = list(walked(folder))
    labels = [path for path in files if path.suffix.lower() == ".json"]
    if not labels:
        raise UserError(f"{folder}: no .json file of labels below it\nnext: correct root; it holds labels and images")
    gallery = Gallery([path for path in files if is_image(path)])
    lost, videos = Defects(folder, strict), dict[str, _Video]()
    for path in labels:
        with lost.leaving_out():
            for video in _videos(path, load(path), gallery, Defects(folder, strict)):
                other = videos.setdefault(video.name, video)
                if other is not video:
                    lost.add(
                        f"{path}: video {video.name} is in {relative(other.file, folder)} too; its {video.labels} labels here are not used"
                    )
    planned: dict[str, PlannedSequence] = {}
    for name, video in sorted(videos.items()):
        if video.images:
            planned[name] = video.clip(source.name).plan(video.defects)
        else:
            lost.lines += video.defects.lines
    if not planned:
        raise UserError("\n".join([f"{folder}: no frame of any label file can be used", *lost.lines[:5]]))
    return Plan([planned[name] for name in choose(list(planned), source.sequences, str(folder))], lost.lines)


@dataclass
class _Video:
    """What a label file says about one video."""

    name: str
    file: Place
    defects: Defects
    images: dict[int, Place] = field(default_factory=dict)
    objects: Collected = field(default_factory=Collected)
    labels: int = 0

    def clip(self, dataset: str) -> Clip:
        used = {str(path) for path in self.images.values()}
        beside = [path for path in images_in(next(iter(self.images.values())).parent) if str(path) not in used]
        notes = [f"{self.name}: nothing states a frame rate; {FRAME_RATE:g} frames/s assumed"]
        notes += [f"{self.name}: {len(beside)} images beside its frames are not in the annotation; left out"] if beside else []
        annotated = self.objects.annotation(relative(self.file, self.defects.base), PATTERN)
        return Clip(dataset, self.name, self.images, FRAME_RATE, annotated, None, tuple(notes))


def _videos(path: Place, content: Any, gallery: Gallery, defects: Defects) -> Iterator[_Video]:
    """The videos of a file, in order of appearance."""
    frames = content.get("frames") if isinstance(content, dict) else content
    if not isinstance(frames, list):
        raise UserError(f'{path}: not Scalabel: expected a list of frames, or {{"frames": [...]}}\nnext: move the file out of the root')
    found: dict[str, _Video] = {}
    for place, frame in enumerate(frames):
        where = f"{path}: frames[{place}]"
        name = _first(frame, "videoName", "video_name") or path.stem
        name = name.replace("/", "-") if text(name) else path.stem
        video = found.setdefault(name, _Video(name, path, Defects(defects.base, defects.strict)))
        labels = frame.get("labels") if isinstance(frame, dict) else None
        video.labels += len(labels) if isinstance(labels, list) else 0
        try:
            number, image = _image(frame, name, gallery, path)
            if number in video.images:
                raise ValueError(f"frame {number} of {name} is there twice")
            if labels is not None and not isinstance(labels, list):
                raise ValueError("labels must be a list")
        except ValueError as error:
            lost = f"; its {len(labels)} labels are left out with it" if isinstance(labels, list) and labels else ""
            video.defects.add(f"{where}: {error}{lost}")
            continue
        video.images[number] = image
        for index, label in enumerate(labels or []):
            try:
                _add(video.objects, number, label, (place, index))
            except ValueError as error:
                video.defects.add(f"{where}.labels[{index}]: {error}")
    yield from found.values()


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
    sides = [_first(box, side) for side in ("x1", "y1", "x2", "y2")]
    if not all(number(side) for side in sides):
        raise ValueError("box2d must have four numbers x1, y1, x2, y2")
    if not text(category):
        raise ValueError("category must be a name")
    key = _first(label, "id")
    if not isinstance(key, (str, int, type(None))):
        raise ValueError("id must be text or a number")
    crowd = bool(_first(_first(label, "attributes"), "crowd"))
    objects.add(frame, sides, None if key is None else str(key), categories.number(category), 1.0, crowd, line)


def _first(record: Any, *keys: str) -> Any:
    """The first of the keys that a JSON object has; None of anything else."""
    return next((record[key] for key in keys if record.get(key) is not None), None) if isinstance(record, dict) else None
