"""Rendered frames as rows of a frame file, with masks and joints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.files.frames import Frame, Objects, encode_jpeg
from pipeline.files.run_lengths import encode_window
from pipeline.params.classes import NAMES, NUMBERS
from pipeline.walkers.camera import Array
from pipeline.walkers.detector import Found
from pipeline.walkers.people import Image
from pipeline.walkers.render import Labels, Seen, Thing

QUALITY = 95  # of the JPEG
THINGS = 1001  # identity of a scene's first standing thing


def people(labels: Labels, height: int, width: int) -> Objects:
    """The labelled people of an image of this size; who cannot be seen has no mask."""
    count = len(labels.identities)
    return Objects(
        labels.boxes.astype(np.float32),
        labels.identities,
        labels.classes.astype(np.int32),
        labels.visibilities.astype(np.float32),
        np.ones(count, np.float32),
        np.zeros(count, np.bool_),
        masks=counts(labels.masks.tolist(), height, width),
        keypoints=labels.keypoints.astype(np.float32),
    )


def with_things(there: Objects, kinds: Sequence[str], things: Sequence[Thing], height: int, width: int) -> Objects:
    """The people, and after them the standing things, which have identities from `THINGS` on and the names of their kinds.

    Args:
        there: the people.
        kinds: of the scene's occluders.
        things: what is seen of them.
        height: of the image, pixels.
        width: of the image, pixels.
    """
    count = len(things)
    shape = (count, *([] if there.keypoints is None else there.keypoints.shape[1:]))
    boxes = [[seen.left, seen.top, seen.left + seen.pixels.shape[1], seen.top + seen.pixels.shape[0]] for _, seen in things]
    categories = [NAMES[kind] for kind in there.classes.tolist()] + [kinds[thing.number] for thing in things]
    return Objects(
        np.concatenate([there.boxes, np.array(boxes, np.float32).reshape(-1, 4)]),
        np.concatenate([there.identities, np.array([THINGS + thing.number for thing in things], np.int64)]),
        np.concatenate([there.classes, np.full(count, NUMBERS["occluder"], np.int32)]),
        np.concatenate([there.visibilities, np.ones(count, np.float32)]),
        np.concatenate([there.confidences, np.zeros(count, np.float32)]),
        np.concatenate([there.ignores, np.zeros(count, np.bool_)]),
        masks=np.concatenate([_or_none(there.masks, len(there)), counts([seen for _, seen in things], height, width)]),
        keypoints=None if there.keypoints is None else np.concatenate([there.keypoints, np.zeros(shape, np.float32)]),
        categories=np.array(categories, object),
    )


def frame_row(name: tuple[str, str], number: int, rate: float, image: Image, there: Objects) -> Frame:
    """A row without detections.

    Args:
        name: of the data set and of the sequence.
        number: of the frame, from 1.
        rate: frames per second.
        image: (H, W, 3) uint8, blue-green-red.
        there: who is in it.
    """
    height, width = image.shape[:2]
    pixels = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
    return Frame(*name, number, (number - 1) / rate, width, height, encode_jpeg(pixels, QUALITY), there)


def detections(found: Found, masks: Sequence[Seen | None], poses: Array, height: int, width: int) -> dict[str, Any]:
    """The columns of `Frame` that an imitated detector of boxes, masks and joints fills; `poses` are (N, 17, 3) x, y and score."""
    return {
        "public_boxes": found.boxes.astype(np.float32),
        "public_scores": found.scores.astype(np.float32),
        "public_masks": counts(masks, height, width),
        "public_keypoints": poses.astype(np.float32),
    }


def counts(masks: Sequence[Seen | None], height: int, width: int) -> NDArray[np.object_]:
    """(N,) run lengths, None for a mask without a pixel."""
    found = np.empty(len(masks), object)
    for index, mask in enumerate(masks):
        if mask is not None and mask.pixels.any():
            found[index] = encode_window(mask.pixels, mask.left, mask.top, height, width)
    return found


def _or_none(masks: NDArray[np.object_] | None, count: int) -> NDArray[np.object_]:
    return np.full(count, None, object) if masks is None else masks
