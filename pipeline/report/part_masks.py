"""Where the parts of an embedding look: people in sight and half hidden ones, each with the masks that their box is read through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.files.frames import Objects, decode_jpeg, read_frames
from pipeline.params.classes import class_indices
from pipeline.report import media
from pipeline.report.clips import TrackedSequence, read_frame
from pipeline.report.page import paragraph, pictures
from pipeline.tracking.detector import Detector, letterbox
from pipeline.tracking.drawing import Image, overlay_heat, side_by_side
from pipeline.tracking.external_boxes import Given, scored

COUNT = 6  # people in each picture
IN_SIGHT, HALF_HIDDEN = (0.9, 1.01), (0.15, 0.5)  # least visibility, and what it stays below; of who is seen less, nothing can be said
LEAST_HEIGHT = 24.0  # pixels of the picture
TILE = (72, 144)  # width and height, pixels
GAP = 4
TINY = 1e-6  # a mask below is shown as dark as it is
WHITE = (255, 255, 255)
WHAT = (
    "Each row is a person at the true box: the picture, the largest of all masks, then the mask of each part. Each is as bright as its own "
    "largest value, which stands in its corner: a part's mean does not see how strong its mask is. Nobody was chosen by how masks look: "
    "of everybody the largest box of that visibility, then every n-th in the order of sequences and identities."
)


class Shown(NamedTuple):
    """A person to show: the sequence, the frame, the xyxy box in picture pixels, the class as an index, and how much is seen."""

    sequence: TrackedSequence
    frame: int
    box: NDArray[np.float32]
    kind: int
    visibility: float


def part_masks(sequences: Sequence[TrackedSequence], detector: Detector) -> str:
    """A picture of people in sight and one of half hidden ones; empty for a system whose detections carry no masks."""
    if not detector.spec.detection.part_masks(detector.options):
        return ""
    figures = []
    for title, visibility in (("in sight", IN_SIGHT), ("half hidden", HALF_HIDDEN)):
        people = choose_people(sequences, visibility, COUNT)
        if people:
            told = "; ".join(f"{who.sequence.name} frame {who.frame}, {who.visibility:.0%} seen" for who in people)
            figures.append(media.picture(_rows(people, detector), f"{title}, from the top: {told}"))
    return paragraph(WHAT) + pictures(figures) if figures else ""


def choose_people(sequences: Sequence[TrackedSequence], visibility: tuple[float, float], count: int) -> list[Shown]:
    """Up to `count` people whose visibility lies between two bounds, evenly spread over sequences and identities, each at its largest.

    Args:
        sequences: where to look, in their tracked frames.
        visibility: the least, and what it stays below.
        count: how many.
    """
    largest: dict[tuple[str, int], Shown] = {}
    for sequence in sequences:
        for frame, truth in _truths(sequence):
            fits = (truth.visibilities >= visibility[0]) & (truth.visibilities < visibility[1]) & (_sides(truth.boxes)[1] >= LEAST_HEIGHT)
            for index in np.flatnonzero(fits):
                known, box = (sequence.name, int(truth.identities[index])), truth.boxes[index]
                if known not in largest or _sides(box)[1] > _sides(largest[known].box)[1]:
                    kind = int(class_indices(truth.classes[[index]], sequence.classes)[0])
                    largest[known] = Shown(sequence, frame, box, kind, float(truth.visibilities[index]))
    found = [largest[known] for known in sorted(largest)]
    places = np.linspace(0, len(found) - 1, min(count, len(found))).round().astype(int)
    return [found[place] for place in places]


def _truths(sequence: TrackedSequence) -> Iterator[tuple[int, Objects]]:
    """The known objects of the tracked frames; without their pictures, and only those inside the picture."""
    tracked = set(sequence.numbers.tolist())
    names = ("frame", "width", "height", "boxes", "identities", "classes", "visibilities", "confidences", "ignores")
    for frame in read_frames(sequence.frames, names):
        if frame.frame in tracked:
            truth = scored(frame.objects, sequence.classes)
            corner = np.array([frame.width, frame.height], np.float32)
            beside = (truth.boxes[:, :2] < 0) | (truth.boxes[:, 2:] > corner)
            yield frame.frame, truth.take(np.flatnonzero(~beside.any(axis=1)))


def _sides(boxes: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Width and height."""
    return boxes[..., 2] - boxes[..., 0], boxes[..., 3] - boxes[..., 1]


def _rows(people: Sequence[Shown], detector: Detector) -> Image:
    """One row per person."""
    rows = []
    for who in people:
        frame = read_frame(who.sequence, who.frame)
        image = decode_jpeg(frame.image, f"{who.sequence.frames}: frame {who.frame}")
        rows.append(_row(_crop(image, who.box), _masks(image, who, detector)))
    gap = np.full((GAP, rows[0].shape[1], 3), 255, np.uint8)
    return np.concatenate([part for row in rows for part in (row, gap)][:-1])


def _masks(image: Image, who: Shown, detector: Detector) -> NDArray[np.float32]:
    """(K, h, w), what the network looks through at the person's box."""
    canvas, place = letterbox(image, detector.width, detector.height)
    given = Given(place.to_input(who.box[None]), np.ones(1, np.float32), np.array([who.kind]))
    _, [told] = detector.look([canvas], [given], [given])
    assert told.part_masks is not None, "a system that says that it carries masks does"
    return told.part_masks[0]


def _row(crop: Image, masks: NDArray[np.float32]) -> Image:
    """The person, the largest of the masks, and each of them."""
    tiles = [crop, *(_tile(crop, mask) for mask in (masks.max(axis=0), *masks))]
    gap = np.full((TILE[1], GAP, 3), 255, np.uint8)
    return side_by_side([part for tile in tiles for part in (tile, gap)][:-1])


def _tile(crop: Image, mask: NDArray[np.float32]) -> Image:
    """A mask over the person, and its largest value."""
    peak = float(mask.max())
    shown = overlay_heat(crop, mask / np.float32(max(peak, TINY)))
    cv2.putText(shown, f"{peak:.2g}", (2, TILE[1] - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.35, WHITE, 1, cv2.LINE_AA)
    return shown


def _crop(image: Image, box: NDArray[np.float32]) -> Image:
    """The box, which lies inside the picture, as a tile."""
    left, top = np.floor(box[:2]).astype(int)
    right, bottom = np.ceil(box[2:]).astype(int)
    return np.asarray(cv2.resize(image[top:bottom, left:right], TILE, interpolation=cv2.INTER_AREA), np.uint8)
