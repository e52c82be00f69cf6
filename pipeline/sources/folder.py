"""Videos and images without annotation: a video file, or a folder with videos, images or folders of images in it, at any depth.

A video is a sequence by its name, a folder that directly holds images one by the folder's. Images are taken for the frames of a video:
numbered by the digits that end their names where those are all there, from 1, and ascend in the natural order of the names, else by that
order. Files are taken by what they hold where their names do not tell. Names of what lies deeper are joined with dashes.
"""

from __future__ import annotations

from pipeline.errors import UserError
from pipeline.params.sections.data import Source
from pipeline.sources import media
from pipeline.sources.annotation import nothing
from pipeline.sources.defects import Defects
from pipeline.sources.media import ASSUMED_RATE, Media, Reading
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
    notes: list[str] = []
    for name, frames in _media(folder, base, notes):
        other = found.setdefault(name, frames)
        if other is not frames:
            raise UserError(f"{frames.path}: {other.path.name} has the name {name} too\nnext: rename one of the two")
    if not found:
        said = "".join(f"\n{line}" for line in notes)
        raise UserError(f"{folder}: neither a video nor images here{said}\nnext: correct root of the entry in extract_frames.sources")
    lost, planned = Defects(base, strict), list[PlannedSequence]()
    for name in choose(list(found), source.sequences, str(folder)):
        with lost.leaving_out():
            planned.append(_plan_sequence(source.name, name, found[name], Defects(base, strict)))
    if not planned:
        raise UserError("\n".join([f"{folder}: no sequence can be used", *lost.lines[:5]]))
    return Plan(planned, lost.lines, tuple(notes))


def _media(folder: Place, base: Place, notes: list[str]) -> list[tuple[str, Media]]:
    """Videos, and folders of images, with their names."""
    files = [folder] if folder.is_file() else list(walked(folder, notes))
    found: list[tuple[str, Media]] = []
    pictures: dict[str, list[Place]] = {}
    others: list[Place] = []
    for path in files:
        kind = media.kind_of(path)
        if kind == "video":
            found.append((_name(path, path.stem, base), Media(path, None)))
        elif kind == "image":
            pictures.setdefault(str(path.parent), []).append(path)
        else:
            others.append(path)
    notes += media.passed_over([(relative(path, base), path) for path in others])
    for images in pictures.values():
        inside = images[0].parent
        name = inside.resolve().name if str(inside) == str(base) else _name(inside, inside.name, base)
        found.append((name, Media(inside, media.ordered(images))))
    return sorted(found, key=lambda item: item[0])


def _name(path: Place, last: str, base: Place) -> str:
    above = relative(path, base).split("/")[:-1]
    return "-".join([*above, last])


def _plan_sequence(dataset: str, name: str, frames: Media, defects: Defects) -> PlannedSequence:
    frames = frames.readable(defects)
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
        notes=(*notes, *media.gaps(name, facts.numbers), *media.order_notes(name, frames.files or {}), *facts.notes),
        annotation=nothing(),
        stated_size=None,
        read=Reading(dataset, name, frames, rate, nothing()),
        interval=facts.interval,
    )
