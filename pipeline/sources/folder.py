"""Videos and images without annotation: a video file, or a folder with videos, images or folders of images in it, at any depth.

A video is a sequence by its name, a folder that directly holds images one by the folder's. Images are taken for the frames of a video:
numbered by the digits that end their names where those are all there, different and from 1, else by their order. Names of what lies
deeper are joined with dashes.
"""

from __future__ import annotations

from pipeline.errors import UserError
from pipeline.params.sections.data import Source
from pipeline.sources import media
from pipeline.sources.annotation import nothing
from pipeline.sources.defects import Defects
from pipeline.sources.media import ASSUMED_RATE, Media, Reading, frame_number
from pipeline.sources.place import Place, relative, walked
from pipeline.sources.planned import Plan, PlannedSequence, choose, content_digest


def plan(source: Source, folder: Place, strict: bool) -> Plan:
    """Find videos and folders of images.

    Args:
        source: the section's entry.
        folder: a video file or a folder.
        strict: raise at the first defect (else it is listed and left out).

    Raises:
        UserError: there are none, two have one name, a wanted one does not exist, or, when strict, a video is damaged.
    """
    if not folder.exists():
        raise UserError(f"{folder}: no such file or folder\nnext: set base.data_root, or root of the entry in extract_frames.sources")
    base = folder if folder.is_dir() else folder.parent
    found: dict[str, Media] = {}
    for name, frames in _media(folder, base):
        other = found.setdefault(name, frames)
        if other is not frames:
            raise UserError(f"{frames.path}: {other.path.name} has the name {name} too\nnext: rename one of the two")
    if not found:
        raise UserError(f"{folder}: neither a video nor images here\nnext: correct root of the entry in extract_frames.sources")
    lost, planned = Defects(base, strict), list[PlannedSequence]()
    for name in choose(list(found), source.sequences, str(folder)):
        with lost.leaving_out():
            planned.append(_plan_sequence(source.name, name, found[name], Defects(base, strict)))
    if not planned:
        raise UserError("\n".join([f"{folder}: no sequence can be used", *lost.lines[:5]]))
    return Plan(planned, lost.lines)


def _media(folder: Place, base: Place) -> list[tuple[str, Media]]:
    """Videos, and folders of images, with their names."""
    files = [folder] if folder.is_file() else list(walked(folder))
    found = [(_name(path, path.stem, base), Media(path, None)) for path in files if media.is_video(path)]
    pictures: dict[str, list[Place]] = {}
    for path in files:
        if media.is_image(path):
            pictures.setdefault(str(path.parent), []).append(path)
    for images in pictures.values():
        inside = images[0].parent
        name = inside.resolve().name if str(inside) == str(base) else _name(inside, inside.name, base)
        found.append((name, Media(inside, _numbered(images))))
    return sorted(found, key=lambda item: item[0])


def _name(path: Place, last: str, base: Place) -> str:
    above = relative(path, base).split("/")[:-1]
    return "-".join([*above, last])


def _numbered(images: list[Place]) -> dict[int, Place]:
    numbers = [frame_number(path) for path in images]
    known = [number for number in numbers if number is not None and 1 <= number < 2**31]
    if len(set(known)) == len(images):
        return dict(sorted(zip(known, images, strict=True)))
    return dict(enumerate(images, 1))


def _plan_sequence(dataset: str, name: str, frames: Media, defects: Defects) -> PlannedSequence:
    facts = media.facts(frames, defects)
    rate = facts.frame_rate or ASSUMED_RATE
    notes = [] if facts.frame_rate else [f"{name}: nothing states a frame rate; {ASSUMED_RATE:g} frames/s assumed"]
    return PlannedSequence(
        root=defects.base,
        dataset=dataset,
        name=name,
        kind="video",
        frame_rate=rate,
        ground_truth=False,
        detections=False,
        source=relative(frames.path, defects.base) if str(frames.path) != str(defects.base) else name,
        frames=len(facts.numbers),
        bytes=facts.bytes,
        digest=content_digest([], frames.listing(), dataset, name),
        defects=tuple(defects.lines),
        notes=(*notes, *media.gaps(name, facts.numbers)),
        annotation=nothing(),
        stated_size=None,
        read=Reading(dataset, name, frames, rate, nothing()),
    )
