"""The frames of a sequence before and while they are read: numbered image files, or one video file."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.files import video
from pipeline.files.frames import Frame, encode_jpeg
from pipeline.sources import content, images
from pipeline.sources.annotation import Annotation, nothing
from pipeline.sources.defects import Defects
from pipeline.sources.place import Place, is_special, listed, local_copy, size_of

ASSUMED_RATE = 30.0  # frames per second of an image folder of which nothing states one
# Suffixes of what lies beside videos and images and is neither, and names of files that systems leave everywhere.
NEITHER = (".txt", ".json", ".xml", ".csv", ".ini", ".yaml", ".yml", ".md", ".zip", ".gz", ".tar", ".npy", ".npz", ".pt", ".pdf", ".odgt")
SYSTEMS = ("Thumbs.db", "desktop.ini")
SLACK = 1  # pixels by which a box may reach beyond the size that its coordinates are of
SHOWN = 8  # gaps that a note names
BYTES_PER_PIXEL = 0.35  # of a video frame as JPEG of quality 92 (PETS09-S2L1: 0.27), for the check of disk space


@dataclass(frozen=True)
class Media:
    """Where the frames come from. Picklable.

    Attributes:
        path: folder of images, or a video file.
        files: images by frame number, in order; None for a video.
    """

    path: Place
    files: dict[int, Place] | None

    @functools.cached_property
    def first(self) -> int:
        """Number of the first image."""
        return min(self.files or [1])

    @property
    def places(self) -> list[Place]:
        """The files in order of frames."""
        return [self.path] if self.files is None else list(self.files.values())

    def listing(self) -> list[tuple[str, int]]:
        """Names and sizes of the files."""
        return [(path.name, size_of(path)) for path in self.places]

    def readable(self, defects: Defects) -> Media:
        """The same without images that cannot be read (links to nothing); each is a defect."""
        if self.files is None:
            return self
        kept: dict[int, Place] = {}
        for number, path in self.files.items():
            with defects.leaving_out():
                size_of(path)
                kept[number] = path
        return self if len(kept) == len(self.files) else Media(self.path, kept)


class MediaFacts(NamedTuple):
    """What is known without decoding.

    Attributes:
        numbers: (F,) int64 frame numbers.
        frame_rate: the video container's, at its usual pace where that varies; None for images.
        bytes: estimated size of the frames as JPEG.
        notes: what is odd about a video but read.
        interval: usual seconds from frame to frame of a video whose rate varies; None: it is constant.
    """

    numbers: NDArray[np.int64]
    frame_rate: float | None
    bytes: int
    notes: tuple[str, ...] = ()
    interval: float | None = None


class Shot(NamedTuple):
    """A picture of a sequence: frame number, seconds from the first frame where the file itself tells, and the picture."""

    number: int
    time: float | None
    picture: images.Picture


@dataclass(frozen=True)
class Reading:
    """A sequence ready to be read: call it. Picklable.

    Attributes:
        dataset: name of the data set.
        name: name of the sequence.
        media: its frames.
        frame_rate: frames per second, for the times of images; None for stills, whose time is 0.
        truth: the annotation.
        public: public detections; their confidences are the detector's scores.
        stated: width and height that the annotation states of images, by frame number.
    """

    dataset: str
    name: str
    media: Media
    frame_rate: float | None
    truth: Annotation
    public: Annotation = field(default_factory=nothing)
    stated: dict[int, tuple[int, int]] = field(default_factory=dict)

    def __call__(self, quality: int, defects: Defects, shots: Iterable[Shot] | None = None) -> Iterator[Frame]:
        """Frames in order; one whose image is damaged is a defect, so is one whose boxes may be of an image of another size.

        Args:
            quality: JPEG quality of images that are not JPEGs yet.
            defects: gets what is wrong with the images.
            shots: what reading the media gave before; None: they are read.
        """
        for shot in pictures(self.media, quality, defects) if shots is None else shots:
            seen, picture = self.public.of(shot.number), shot.picture
            if unlike := self._unlike(shot):
                defects.add(f"{(self.media.files or {}).get(shot.number, self.media.path)}: {unlike}")
                continue
            yield Frame(
                self.dataset, self.name, shot.number, self._time(shot), picture.width, picture.height, picture.image,
                self.truth.of(shot.number), seen.boxes, seen.confidences, seen.masks, seen.keypoints,
            )  # fmt: skip

    def _unlike(self, shot: Shot) -> str:
        """Why the boxes of a picture cannot be trusted, where its size is not the stated one; "" where they can.

        They can where some reach beyond the stated size and all lie in the picture, and where there is none.
        """
        stated, size = self.stated.get(shot.number), (shot.picture.width, shot.picture.height)
        if stated is None or stated == size:
            return ""
        far = self.truth.of(shot.number).boxes[:, 2:].max(0, initial=0)
        if not far.any() or ((far <= np.add(size, SLACK)).all() and (far > np.add(stated, SLACK)).any()):
            return ""
        turned = "; it is turned upright as its EXIF says, the boxes may not be" if stated == size[::-1] else ""
        return f"the annotation states {stated[0]}x{stated[1]}, the image has {size[0]}x{size[1]}{turned}; its boxes cannot be trusted"

    def _time(self, shot: Shot) -> float:
        if self.media.files is None:
            return shot.time or 0.0
        return 0.0 if self.frame_rate is None else (shot.number - self.media.first) / self.frame_rate


def is_image(path: Place) -> bool:
    """Whether the name is an image's."""
    return path.suffix.lower() in images.SUFFIXES and not path.name.startswith(".")


def is_video(path: Place) -> bool:
    """Whether the name is a video's."""
    return path.suffix.lower() in video.SUFFIXES and not path.name.startswith(".")


def kind_of(path: Place) -> Literal["video", "image"] | None:
    """What a file is by its name, or, where that tells nothing, by its first bytes; None: neither."""
    if is_video(path):
        return "video"
    if is_image(path):
        return "image"
    if path.name.startswith(".") or path.suffix.lower() in NEITHER:
        return None
    return content.kind(head(path))


def passed_over(files: list[tuple[str, Place]]) -> list[str]:
    """A remark on files that are neither videos nor images, by their kinds; `files` are names and places."""
    kinds: dict[str, list[str]] = {}
    for name, path in files:
        if not path.name.startswith(".") and path.name not in SYSTEMS:
            kinds.setdefault(content.name_of(head(path)) or path.suffix.lower() or "without suffix", []).append(name)
    return [
        f"{len(names)} file{'s' if len(names) > 1 else ''} neither video nor image ({kind}): {', '.join(names[:SHOWN])}"
        f"{', ...' if len(names) > SHOWN else ''}; left out"
        for kind, names in sorted(kinds.items())
    ]


def head(path: Place) -> bytes:
    """A file's first bytes; none where it cannot be read, or only whole."""
    try:
        if isinstance(path, Path) and not is_special(path):
            with path.open("rb") as stream:
                return stream.read(content.LOOKED_AT)
    except OSError:
        pass
    return b""


def images_in(folder: Place) -> list[Place]:
    """The images that lie directly in a folder, in order of names."""
    return [path for path in listed(folder) if is_image(path)]


def videos_in(folder: Place) -> list[Place]:
    """The videos that lie directly in a folder, in order of names."""
    return [path for path in listed(folder) if is_video(path) and path.is_file()]


def numbered(files: list[Place]) -> dict[int, Place]:
    """Images by the digits that end their names.

    Raises:
        UserError: a name has none, they say 0, or two say the same.
    """
    found: dict[int, Place] = {}
    for path in files:
        number = frame_number(path)
        if number is None or not 1 <= number < 2**31:
            raise UserError(f"{path}: an image's name must end in its frame number, counted from 1, as in 000001.jpg\nnext: rename it")
        other = found.setdefault(number, path)
        if other != path:
            raise UserError(f"{path}: frame {number} is also {other.name}\nnext: keep one of the two")
    return dict(sorted(found.items()))


def ordered(files: list[Place]) -> dict[int, Place]:
    """Images in the natural order of their names (2 before 10, anywhere in the name), numbered by the digits that end the names.

    Those digits are numbers only where all names have different ones, from 1, that ascend in that order. Otherwise images are numbered by
    their place.
    """
    found = in_order(files)
    known = [number for path in found if (number := frame_number(path)) is not None and 1 <= number < 2**31]
    if len(known) == len(found) and all(one < other for one, other in pairwise(known)):
        return dict(zip(known, found, strict=True))
    return dict(enumerate(found, 1))


def in_order(files: list[Place]) -> list[Place]:
    """Files in the natural order of their names; names that are decimal fractions, as times in seconds are, by their value."""
    if files and all(re.fullmatch(r"[0-9]+\.[0-9]+", path.stem) for path in files):
        return sorted(files, key=lambda path: (float(path.stem), path.name))
    return sorted(files, key=lambda path: natural(path.stem))


def natural(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """A key that orders names as people do: digits by their value, whatever the case; equal ones as text."""
    parts = [part for part in re.split(r"([0-9]+)", name.casefold()) if part]
    return [(0, int(part), "") if part.isascii() and part.isdigit() else (1, 0, part) for part in parts], name


def order_notes(name: str, files: dict[int, Place]) -> list[str]:
    """A remark where images are not in the order of their names as text, or of the digits that end them."""
    chosen = [path.name for path in files.values()]
    numbers = [frame_number(path) for path in files.values()]
    known = [number for number in numbers if number is not None]
    whole = len(set(known)) == len(chosen) > 1
    if whole and sorted(known) != known:
        return [f"{name}: the numbers that end the images' names are in another order than the names; the order is {_some(chosen)}"]
    natural_names = [path.name for path in in_order(list(files.values()))]
    if natural_names != chosen:
        return [f"{name}: the images' names are in another order than the numbers that end them; the order is {_some(chosen)}"]
    if sorted(chosen) != chosen:
        return [f"{name}: images are in the natural order of their names, 2 before 10, not in that of a text: {_some(chosen)}"]
    return []


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def frame_number(path: Place) -> int | None:
    """The digits that end an image's name, None where there are none."""
    digits = re.search(r"([0-9]+)$", path.stem)
    return None if digits is None or len(digits[1]) > 18 else int(digits[1])


def facts(media: Media, defects: Defects) -> MediaFacts:
    """Look at the files without decoding them.

    Raises:
        UserError: a video cannot be opened, or, when strict, is cut off.
    """
    if media.files is not None:
        return MediaFacts(np.array(list(media.files), np.int64), None, sum(size for _, size in media.listing()))
    if what := content.name_of(head(media.path)):
        raise UserError(f"{media.path}: {what}, no video\nnext: put the video itself there")
    with local_copy(media.path) as path:
        found = video.probe(path)
    if found.damage and defects.strict:  # when not strict, decoding finds out how much was lost
        defects.add(f"{media.path}: the video is damaged or cut off: {found.damage}")
    pixels = found.frames * found.width * found.height
    notes = tuple(f"{media.path.name}: {line}" for line in found.notes)
    return MediaFacts(np.arange(1, found.frames + 1), found.usual_rate, int(pixels * BYTES_PER_PIXEL), notes, found.varying_interval)


def gaps(name: str, numbers: NDArray[np.int64]) -> list[str]:
    """A note on frame numbers without an image between the first and the last of (F,) ascending `numbers`, where there are any."""
    places = np.flatnonzero(np.diff(numbers) > 1).tolist()
    spans = [(int(numbers[place]) + 1, int(numbers[place + 1]) - 1) for place in places]
    if not spans:
        return []
    shown = ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in spans[:SHOWN])
    more = ", ..." if len(spans) > SHOWN else ""
    return [f"{name}: {sum(last - first + 1 for first, last in spans)} frames between the first and the last have no image: {shown}{more}"]


def pictures(media: Media, quality: int, defects: Defects) -> Iterator[Shot]:
    """Read the media; a damaged picture is a defect."""
    if media.files is None:
        yield from _decoded(media.path, quality, defects)
        return
    for number, path in media.files.items():
        try:
            yield Shot(number, None, images.read_picture(path, quality))
        except images.BadImage as error:
            defects.add(str(error))


def _decoded(path: Place, quality: int, defects: Defects) -> Iterator[Shot]:
    complaints = defects.sink()
    with local_copy(path) as copy:
        for frame in video.read_video(copy, defects=complaints):
            height, width = frame.image.shape[:2]
            yield Shot(frame.number, frame.time, images.Picture(encode_jpeg(frame.image, quality), width, height))
        defects.take(None if complaints is None else [line.replace(str(copy), str(path)) for line in complaints])
