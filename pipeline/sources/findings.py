"""What a planned sequence holds, and what is odd about it: counts, classes, occlusion, boxes and identities worth a second look.

Defects are what extraction leaves out or stops at. Remarks leave nothing out: boxes wholly outside their image, identities that reappear
after a long gap, annotation that contradicts the files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from pipeline.files.coordinates import oddities
from pipeline.files.frames import Frame, Objects
from pipeline.files.run_lengths import mask_iou
from pipeline.numerics.boxes import intersection_over_area
from pipeline.params.classes import NAMES
from pipeline.sources.annotation import Annotation
from pipeline.sources.categories import PEDESTRIAN
from pipeline.sources.defects import Defects
from pipeline.sources.extraction import same_size
from pipeline.sources.planned import PlannedSequence

LONG_GAP = 5.0  # seconds without an identity after which its return is remarked upon
HIDDEN = 0.5  # visibility below which an object counts as hidden, and share of a box that another must cover
QUALITY = 50  # of images that are encoded only to be thrown away


@dataclass(frozen=True)
class Occlusion:
    """Of the pedestrians that are scored.

    Attributes:
        visibility: mean visible share; 1 where the annotation does not tell.
        hidden: share of them whose visibility is below 0.5.
        covered: share of them of whose box another object's box covers more than half.
    """

    visibility: float
    hidden: float
    covered: float


@dataclass(frozen=True)
class Findings:
    """One sequence.

    Attributes:
        sequence: its name.
        kind: video or stills.
        frames: how many there are, or, after decoding, how many can be read.
        frame_rate: frames per second, None for stills.
        sizes: images by size ("1920x1080"); of the first image alone unless all were decoded.
        identities: different ones, unknown ones left out.
        boxes: annotated objects.
        ignored: boxes that are neither object nor background.
        masks: boxes that have a mask.
        joints: boxes that have joints.
        detections: whether there are public detections.
        classes: objects by class name.
        occlusion: None without a scored pedestrian.
        defects: what extraction leaves out, with file and line.
        remarks: what is odd but is read.
        span: numbers of the first and the last frame.
    """

    sequence: str
    kind: str
    frames: int
    frame_rate: float | None
    sizes: dict[str, int]
    identities: int
    boxes: int
    ignored: int
    masks: int
    joints: int
    detections: bool
    classes: dict[str, int]
    occlusion: Occlusion | None
    defects: list[str]
    remarks: list[str] = field(default_factory=list)
    span: tuple[int, int] = (1, 0)


def look(sequence: PlannedSequence, *, decode: bool, unseen: bool = False) -> Findings:
    """Count a planned sequence and check it.

    Args:
        sequence: planned with defects listed.
        decode: read every frame, which finds damaged ones and their sizes; else only the first that can be read.
        unseen: there are no images; the annotation states their size or none.
    """
    defects = Defects(sequence.root, strict=False)
    stated = {0: sequence.stated_size} if sequence.stated_size else {}
    sizes, count = (stated, sequence.frames) if unseen else _sizes(sequence, decode, defects)
    found, objects = sequence.annotation, sequence.annotation.objects
    known = np.unique(objects.identities[objects.identities >= 0])
    return Findings(
        sequence=sequence.name,
        kind=sequence.kind,
        frames=count if decode else sequence.frames,
        frame_rate=sequence.frame_rate,
        sizes=dict(Counter(f"{width}x{height}" for width, height in sizes.values())),
        identities=len(known),
        boxes=len(found),
        ignored=int(objects.ignores.sum()),
        masks=0 if objects.masks is None else sum(mask is not None for mask in objects.masks),
        joints=0 if objects.keypoints is None else int(objects.keypoints.any((1, 2)).sum()),
        detections=sequence.detections,
        classes=_classes(objects),
        occlusion=_occlusion(found),
        defects=[*sequence.defects, *defects.lines],
        remarks=[
            *sequence.notes,
            *_contradicted(sequence, sizes),
            *_outside(sequence, sizes),
            *_joints_outside(sequence, sizes),
            *_overlapping(sequence),
            *_reappearing(sequence),
        ],
        span=_span(sequence),
    )


def _span(sequence: PlannedSequence) -> tuple[int, int]:
    """Numbers of the first and the last frame; of an annotation alone, those that it names."""
    numbers = sequence.read.media.files
    if numbers is None:
        return 1, sequence.frames
    there = list(numbers) or sequence.annotation.frame.tolist()
    return min(there, default=1), max(there, default=0)


def _sizes(sequence: PlannedSequence, decode: bool, defects: Defects) -> tuple[dict[int, tuple[int, int]], int]:
    """Width and height by frame number, and how many frames were read."""
    frames: Iterator[Frame] = sequence.read(QUALITY, defects)
    first = next(frames, None)
    if first is None:
        defects.lines.append(f"{sequence.source}: no frame can be read")
        return {}, 0
    if not decode:
        return {first.frame: (first.width, first.height)}, 1
    sizes = {frame.frame: (frame.width, frame.height) for frame in same_size(chain([first], frames), first, sequence, defects)}
    return sizes, len(sizes)


def _classes(objects: Objects) -> dict[str, int]:
    numbers, counts = np.unique(objects.classes, return_counts=True)
    return {NAMES.get(number, f"class {number}"): count for number, count in zip(numbers.tolist(), counts.tolist(), strict=True)}


def _occlusion(found: Annotation) -> Occlusion | None:
    scored = (found.objects.classes == PEDESTRIAN) & ~found.objects.ignores
    if not scored.any():
        return None
    visible, covered = found.objects.visibilities[scored], 0
    for frame in np.unique(found.frame[scored]).tolist():
        start, end = np.searchsorted(found.frame, [frame, frame + 1])
        boxes = found.objects.boxes[start:end]
        share = intersection_over_area(boxes, boxes)
        np.fill_diagonal(share, 0)
        covered += int((share.max(1, initial=0) > HIDDEN)[scored[start:end]].sum())
    return Occlusion(float(visible.mean()), float((visible < HIDDEN).mean()), covered / len(visible))


def _contradicted(sequence: PlannedSequence, sizes: dict[int, tuple[int, int]]) -> list[str]:
    seen = next(iter(sizes.values()), None)
    stated = sequence.stated_size
    if seen is None or stated is None or seen == stated:
        return []
    return [f"{sequence.name}: the annotation states {stated[0]}x{stated[1]} pixels, the images have {seen[0]}x{seen[1]}"]


def _outside(sequence: PlannedSequence, sizes: dict[int, tuple[int, int]]) -> list[str]:
    """Boxes of which no part lies in the image, and what all boxes suggest; frames whose size is not known are passed over."""
    found, limits = sequence.annotation, _limits(sequence, sizes)
    boxes = found.objects.boxes.astype(np.float64)
    beyond = (boxes[:, 2:] <= 0).any(1) | (boxes[:, :2] >= limits).any(1)
    lines = [f"{sequence.name}: {line}" for line in oddities(boxes, limits)]
    for row in np.flatnonzero(beyond).tolist():
        left, top, right, bottom = boxes[row].tolist()
        size = "x".join(f"{value:g}" for value in limits[row])
        lines.append(f"{found.where(row)}: the box {left:g},{top:g} to {right:g},{bottom:g} lies wholly outside the image ({size})")
    return lines


def _joints_outside(sequence: PlannedSequence, sizes: dict[int, tuple[int, int]]) -> list[str]:
    """One remark on joints that lie outside the image, which count like any other."""
    found = sequence.annotation
    if found.objects.keypoints is None:
        return []
    places = found.objects.keypoints[..., :2]
    beyond = places.any(2) & np.any((places < 0) | (places > _limits(sequence, sizes)[:, None]), axis=2)
    rows = np.flatnonzero(beyond.any(1)).tolist()
    if not rows:
        return []
    return [f"{sequence.name}: {int(beyond.sum())} joints of {len(rows)} people lie outside the image, first in {found.where(rows[0])}"]


def _overlapping(sequence: PlannedSequence) -> list[str]:
    """One remark on masks of a frame that share pixels, which segmentation of videos and MOTS do not know."""
    found, masks = sequence.annotation, sequence.annotation.objects.masks
    if masks is None or sequence.stated_size is None:
        return []
    width, height = sequence.stated_size
    drawn = np.flatnonzero([mask is not None for mask in masks] & ~found.objects.ignores)
    pairs = []
    for here in np.split(drawn, np.flatnonzero(np.diff(found.frame[drawn])) + 1):
        texts = masks[here].tolist()
        pairs += [here[pair] for pair in np.argwhere(np.triu(mask_iou(texts, texts, height, width) > 0, 1))]
    if not pairs:
        return []
    first, second = (found.where(int(row)) for row in pairs[0])
    return [f"{sequence.name}: {len(pairs)} pairs of masks overlap, first {second} and {first}"]


def _limits(sequence: PlannedSequence, sizes: dict[int, tuple[int, int]]) -> NDArray[np.float64]:
    """(N, 2) width and height of each object's image; infinite where they are not known."""
    found = sequence.annotation
    if sequence.kind == "video" and sizes:  # all frames have the first one's size
        return np.tile(np.array(next(iter(sizes.values())), np.float64), (len(found), 1))
    return np.array([sizes.get(frame, (np.inf, np.inf)) for frame in found.frame.tolist()], np.float64).reshape(-1, 2)


def _reappearing(sequence: PlannedSequence) -> list[str]:
    if sequence.frame_rate is None:
        return []
    found, limit = sequence.annotation, LONG_GAP * sequence.frame_rate
    order = np.lexsort((found.frame, found.objects.identities))
    identities, frames = found.objects.identities[order], found.frame[order].astype(np.int64)
    apart = np.diff(frames)
    lines = []
    for place in np.flatnonzero((np.diff(identities) == 0) & (identities[1:] >= 0) & (apart > limit)).tolist():
        gap = int(apart[place]) - 1
        lines.append(
            f"{found.where(int(order[place + 1]))}: id {identities[place]} reappears in frame {frames[place + 1]} after {gap} frames "
            f"without it ({gap / sequence.frame_rate:.1f} s)"
        )
    return lines
