"""Imitates detectors of masks and poses: shapes for the boxes that `detector` reports, with misses, shifted edges and false ones."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from pipeline.walkers import gait
from pipeline.walkers.camera import Array
from pipeline.walkers.detector import Found
from pipeline.walkers.joints import NAMES
from pipeline.walkers.people import Image
from pipeline.walkers.render import Labels, Seen

MISSED_MASKS, MISSED_JOINTS = 0.03, 0.04
SMALLEST = 12  # pixels of a mask
FRINGE = 4  # pixels that edges may move outwards
SWAPPED = 0.02  # share of poses whose left and right are taken for each other
HIDDEN_FOUND = 0.4  # share of hidden joints that are guessed
LEFT, RIGHT = np.arange(5, 17, 2), np.arange(6, 17, 2)


def detect_masks(rng: np.random.Generator, labels: Labels, found: Found, height: int, width: int) -> list[Seen | None]:
    """A mask for each detection of one frame, None where none is found.

    Args:
        rng: source of all choices; none of the boxes' own numbers are used up.
        labels: the people that were there to detect.
        found: the boxes.
        height: of the image, pixels.
        width: of the image, pixels.
    """
    return [
        _inside(_shifted(rng, labels.masks[source]) if source >= 0 else _blob(rng, box), height, width)
        for source, box in zip(found.sources.tolist(), found.boxes, strict=True)
    ]


def detect_poses(rng: np.random.Generator, labels: Labels, found: Found) -> Array:
    """(N, 17, 3) x, y and score of the joints of each detection of one frame, zeros for a joint that is missed; see `detect_masks`."""
    poses = [
        _displaced(rng, labels.keypoints[source], box) if source >= 0 else _imagined(rng, box)
        for source, box in zip(found.sources.tolist(), found.boxes, strict=True)
    ]
    return np.array(poses, float).reshape(-1, len(NAMES), 3)


def _shifted(rng: np.random.Generator, mask: Seen) -> Seen | None:
    """The mask grown or shrunk by a pixel or two and moved a little."""
    missed, size, grown = rng.random() < MISSED_MASKS, int(rng.integers(3)), rng.random() < 0.5
    dx, dy = (int(v) for v in np.rint(rng.normal(0, 0.012 * max(mask.pixels.shape[0], 1), 2)))
    if missed or not mask.pixels.any():
        return None
    wide = cv2.copyMakeBorder(mask.pixels, FRINGE, FRINGE, FRINGE, FRINGE, cv2.BORDER_CONSTANT, value=0)
    kernel = np.ones((size + 1, size + 1), np.uint8)
    moved = (cv2.dilate if grown else cv2.erode)(wide, kernel)
    return Seen(mask.left - FRINGE + dx, mask.top - FRINGE + dy, np.asarray(moved, np.uint8))


def _blob(rng: np.random.Generator, box: Array) -> Seen:
    """A mask where nobody is: two ellipses in the box."""
    left, top, right, bottom = (int(v) for v in np.rint(box))
    pixels = np.zeros((max(bottom - top, 1), max(right - left, 1)), np.uint8)
    height, width = pixels.shape
    for share in (0.3, 0.65):
        axes = (max(1, int(width * rng.uniform(0.25, 0.5))), max(1, int(height * rng.uniform(0.2, 0.33))))
        centre = (int(width * rng.uniform(0.4, 0.6)), int(height * share))
        cv2.ellipse(pixels, centre, axes, float(rng.uniform(-15, 15)), 0, 360, 1.0, -1)
    return Seen(left, top, pixels)


def _inside(mask: Seen | None, height: int, width: int) -> Seen | None:
    """The part of a mask in the image, None where that is next to nothing."""
    if mask is None:
        return None
    rows, columns = mask.pixels.shape
    left, top = max(mask.left, 0), max(mask.top, 0)
    right, bottom = min(mask.left + columns, width), min(mask.top + rows, height)
    pixels: Image = mask.pixels[max(top - mask.top, 0) : max(bottom - mask.top, 0), max(left - mask.left, 0) : max(right - mask.left, 0)]
    return Seen(left, top, pixels) if np.count_nonzero(pixels) >= SMALLEST else None


def _displaced(rng: np.random.Generator, joints: Array, box: Array) -> Array:
    noise, luck = rng.normal(0, 1, (len(joints), 2)), rng.random(len(joints))
    swapped, scores = rng.random() < SWAPPED, np.clip(rng.normal(0.8, 0.12, len(joints)), 0.05, 0.999)
    there, seen = joints.any(axis=1), joints[:, 2] > 0
    kept = there & np.where(seen, luck > MISSED_JOINTS, luck < HIDDEN_FOUND)
    spread = np.where(seen, 0.012, 0.03) * (box[3] - box[1])
    found = np.concatenate([joints[:, :2] + noise * spread[:, None], np.where(seen, scores, 0.5 * scores)[:, None]], axis=1)
    found[~kept] = 0.0
    if swapped:
        found[np.concatenate([LEFT, RIGHT])] = found[np.concatenate([RIGHT, LEFT])]
    return found


def _imagined(rng: np.random.Generator, box: Array) -> Array:
    """The joints of a standing person stretched into a box where nobody is."""
    low, high = box[:2], box[2:]
    spread, scores = rng.normal(0, 0.03, (len(NAMES), 2)), np.clip(rng.beta(2.0, 4.0, len(NAMES)), 0.05, 0.9)
    found = np.concatenate([low + (_standing() + spread) * (high - low), scores[:, None]], axis=1)
    found[rng.random(len(NAMES)) < 0.2] = 0.0
    found[3:5] = 0.0
    return found


@cache
def _standing() -> Array:
    """(17, 2) the joints of someone who faces the camera, in shares of a box."""
    zero = np.zeros(1)
    body = gait.skeletons(np.zeros((1, 2)), zero, zero, zero, np.ones(1))[0]
    points = np.stack([body[:, 0], 1.02 - body[:, 1]], axis=-1)
    order = [gait.HEAD, gait.NECK, gait.HEAD, gait.HEAD, gait.HEAD, *range(gait.SHOULDER, gait.TOE)]
    return np.asarray(points[order] * [1.6, 0.95] + [0.5, 0.0])
