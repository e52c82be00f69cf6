"""Rendered frames as rows of a frame file, with masks and joints."""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.files.frames import Frame, Objects, encode_jpeg
from pipeline.files.run_lengths import encode_window
from pipeline.walkers.camera import Array
from pipeline.walkers.detector import Found
from pipeline.walkers.people import Image
from pipeline.walkers.render import Labels, Seen

QUALITY = 95


def objects(labels: Labels, height: int, width: int) -> Objects:
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


def frame_row(name: tuple[str, str], number: int, rate: float, image: Image, there: Objects) -> Frame:
    """A row without detections.

    Args:
        name: of the data set and of the sequence.
        number: of the frame, from 1.
        rate: frames a second.
        image: (H, W, 3) uint8, blue-green-red.
        there: who is in it.
    """
    height, width = image.shape[:2]
    pixels = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
    return Frame(*name, number, (number - 1) / rate, width, height, encode_jpeg(pixels, QUALITY), there)


def detections(found: Found, masks: list[Seen | None], poses: Array, height: int, width: int) -> dict[str, object]:
    """The columns of `Frame` that an imitated detector of boxes, masks and joints fills."""
    return {
        "public_boxes": found.boxes.astype(np.float32),
        "public_scores": found.scores.astype(np.float32),
        "public_masks": counts(masks, height, width),
        "public_keypoints": poses.astype(np.float32),
    }


def counts(masks: list[Seen | None], height: int, width: int) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """(N,) run lengths, None for a mask without a pixel."""
    found = np.empty(len(masks), object)
    for index, mask in enumerate(masks):
        if mask is not None and mask.pixels.any():
            found[index] = encode_window(mask.pixels, mask.left, mask.top, height, width)
    return found
