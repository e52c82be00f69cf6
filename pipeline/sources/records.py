"""Annotation in JSON: files read with every mistake named, boxes checked, objects collected frame by frame."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, TypeGuard

import numpy as np

from pipeline.errors import UserError
from pipeline.files.frames import Objects
from pipeline.params.classes import NUMBERS, TRACKABLE
from pipeline.sources.annotation import Annotation, annotation, nothing
from pipeline.sources.categories import CROWD, NEITHER, PEDESTRIAN
from pipeline.sources.defects import Defects
from pipeline.sources.media import Media, Reading, gaps
from pipeline.sources.place import Place, dead_link, imagined, relative
from pipeline.sources.planned import PlannedSequence, content_digest

LARGEST = 1e9  # pixels; what is beyond is no coordinate
LARGEST_FRAME = 2**31 - 1


def load(path: Place) -> Any:
    """What a JSON file holds.

    Raises:
        UserError: it cannot be read or is no JSON; names the line.
    """
    try:
        return json.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})\nnext: replace the file") from None
    except json.JSONDecodeError as error:
        raise UserError(f"{path}:{error.lineno}: not JSON ({error.msg}, column {error.colno})\nnext: replace the file") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not JSON ({error})\nnext: replace the file") from None


def number(value: Any) -> TypeGuard[float]:
    """Whether a JSON value is a finite number below `LARGEST`; booleans are none."""
    return type(value) in (int, float) and abs(value) < LARGEST


def whole(value: Any) -> TypeGuard[int]:
    """Whether a JSON value is a whole number from 0 that a frame can have."""
    return type(value) is int and 0 <= value < LARGEST_FRAME


def text(value: Any) -> TypeGuard[str]:
    """Whether a JSON value is text that can be a file's name or a key: not empty, and without lone surrogates."""
    return isinstance(value, str) and value != "" and value.isprintable()


def yes(value: Any, name: str) -> bool:
    """A mark that is set or not: a boolean, 0 or 1, or such a word; nothing at all is no.

    Raises:
        ValueError: it is none of them.
    """
    said = value.strip().lower() if isinstance(value, str) else value
    if said in (True, 1, "true", "yes", "1"):
        return True
    if said in (False, 0, None, "", "false", "no", "0", "none"):
        return False
    raise ValueError(f"{name} must be true or false, not {value!r:.40}")


def lowered(record: Any) -> dict[str, Any]:
    """A JSON object with its keys in one case and `_` for blanks; empty of anything else."""
    return {str(key).lower().replace(" ", "_"): value for key, value in record.items()} if isinstance(record, dict) else {}


class Gallery:
    """The images below a folder, found by the names that an annotation gives them.

    Args:
        images: all there are.
    """

    def __init__(self, images: list[Place]) -> None:
        self._by_name: dict[str, list[Place]] = {}
        for path in images:
            self._by_name.setdefault(path.name, []).append(path)

    def find(self, name: str, *hints: str) -> Place:
        """The image whose path ends in `name`; of several the one in a folder that a hint names. `\\` is read as `/`.

        Raises:
            ValueError: there is none, or several, or it cannot be read.
        """
        if name not in self._by_name:
            name = name.replace("\\", "/").removeprefix("./")
        found = [path for path in self._by_name.get(name.rpartition("/")[2], []) if f"/{path}".endswith(f"/{name}")]
        if len(found) > 1:
            found = [path for path in found if any(f"/{hint}/" in str(path) for hint in hints)] or found
        if len(found) != 1:
            raise ValueError(f"the image {name} is missing" if not found else f"the image {name} is there {len(found)} times")
        if dead_link(found[0]):
            raise ValueError(f"the image {name} cannot be read (a link to nothing)")
        return found[0]


class Unseen(Gallery):
    """Images that are taken to be there, so that an annotation can be counted without them; nothing can be read of them.

    Args:
        folder: in which they would lie.
    """

    def __init__(self, folder: Place) -> None:
        super().__init__([])
        self._folder = imagined(folder)

    def find(self, name: str, *hints: str) -> Place:
        """The image of this name."""
        found = self._folder / name.replace("\\", "/")
        self._folder.tree.sizes[found.path] = 0
        return found


@dataclass
class Collected:
    """The objects of a sequence, in the file's order; lists of one length.

    Attributes:
        frames: numbers from 1.
        boxes: xyxy.
        identities: -1 unknown.
        classes: MOTChallenge's numbers, or with `own` any of `pipeline.params.classes`.
        visibilities: in [0, 1].
        ignores: neither object nor background.
        lines: see `Annotation.line`.
        own: whether the source's `classes` are `own`: all that can be learnt is scored, else pedestrians alone.
    """

    frames: list[int] = field(default_factory=list)
    boxes: list[list[float]] = field(default_factory=list)
    identities: list[int] = field(default_factory=list)
    classes: list[int] = field(default_factory=list)
    visibilities: list[float] = field(default_factory=list)
    ignores: list[bool] = field(default_factory=list)
    lines: list[tuple[int, ...]] = field(default_factory=list)
    own: bool = False
    _known: dict[Any, int] = field(default_factory=dict)
    _seen: dict[tuple[int, int], tuple[int, ...]] = field(default_factory=dict)

    def add(self, frame: int, box: list[float], key: Any, kind: int, visibility: float, crowd: bool, line: tuple[int, ...]) -> None:
        """Append an object.

        Args:
            frame: number from 1.
            box: left, top, right, bottom.
            key: what the file calls the object's identity, None where it does not; identities are counted from 1 as they appear.
            kind: its class.
            visibility: in [0, 1].
            crowd: a region that is neither object nor background.
            line: where it stands.

        Raises:
            ValueError: the box is not one, or the identity is in the frame already.
        """
        if not (box[2] > box[0] and box[3] > box[1]):
            raise ValueError("width and height of the box must be above 0")
        identity = -1 if key is None or crowd else self._known.setdefault(key, len(self._known) + 1)
        if identity >= 0 and self._seen.setdefault((frame, identity), line) != line:
            raise ValueError(f"id {key} is in frame {frame} twice")
        self.frames.append(frame)
        self.boxes.append(box)
        self.identities.append(identity)
        self.classes.append(CROWD if crowd else kind)
        self.visibilities.append(visibility)
        self.ignores.append(crowd or kind in NEITHER)
        self.lines.append(line)

    def objects(self) -> Objects:
        """The objects as columns, in the order in which they were added."""
        classes, ignores = np.array(self.classes, np.int32), np.array(self.ignores, np.bool_)
        scored = np.isin(classes, [NUMBERS[name] for name in TRACKABLE] if self.own else [PEDESTRIAN])
        return Objects(
            boxes=np.array(self.boxes, np.float32).reshape(-1, 4),
            identities=np.array(self.identities, np.int64),
            classes=classes,
            visibilities=np.array(self.visibilities, np.float32),
            confidences=(scored & ~ignores).astype(np.float32),
            ignores=ignores,
        )

    def annotation(self, file: str, pattern: str) -> Annotation:
        """As an `Annotation`; `pattern` says how a line's numbers read."""
        columns = pattern.count("%d")
        lines = np.array(self.lines, np.int32).reshape(-1, columns)
        return annotation(np.array(self.frames, np.int32), self.objects(), lines, file, pattern)


@dataclass(frozen=True)
class Clip:
    """A video whose frames are images that a JSON file lists.

    Attributes:
        dataset: name of the data set.
        name: of the sequence.
        images: by frame number.
        frame_rate: frames per second.
        annotation: its objects.
        stated_size: width and height in pixels that the file states for the video; None: it does not.
        notes: what is odd but legitimate.
        stated: width and height that the file states of each image, by frame number.
        ground_truth: whether the file annotates this video at all.
        public: public detections; None: there are none.
    """

    dataset: str
    name: str
    images: dict[int, Place]
    frame_rate: float
    annotation: Annotation
    stated_size: tuple[int, int] | None
    notes: tuple[str, ...]
    stated: dict[int, tuple[int, int]] = field(default_factory=dict)
    ground_truth: bool = True
    public: Annotation | None = None

    def plan(self, defects: Defects) -> PlannedSequence:
        """The sequence, with the defects that were found before."""
        files = dict(sorted(self.images.items()))
        folder = next(iter(files.values())).parent
        frames = Media(folder, files)
        listing = frames.listing()
        seen = () if self.public is None else (self.public.digest,)
        return PlannedSequence(
            root=defects.base,
            dataset=self.dataset,
            name=self.name,
            kind="video",
            frame_rate=self.frame_rate,
            ground_truth=self.ground_truth,
            detections=self.public is not None,
            source=relative(folder, defects.base),
            frames=len(files),
            bytes=sum(size for _, size in listing),
            digest=content_digest([], listing, self.dataset, self.name, repr(list(files)), self.annotation.digest, *seen),
            defects=tuple(defects.lines),
            notes=(*self.notes, *gaps(self.name, np.array(list(files), np.int64))),
            annotation=self.annotation,
            stated_size=self.stated_size,
            read=Reading(self.dataset, self.name, frames, self.frame_rate, self.annotation, self.public or nothing(), self.stated),
        )
