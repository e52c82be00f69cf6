"""Poses as objects of an association: boxes, and masks of trunk and limbs (appendix C.2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Places of PoseTrack's joints here: right ankle, knee, hip, left hip, knee, ankle, right wrist, elbow, shoulder, left shoulder, elbow,
# wrist, neck, nose, top of the head.
JOINTS = 15
TRUNK = (2, 3, 9, 12, 8)
LIMBS = (
    *((9, 10), (10, 11), (8, 7), (7, 6), (9, 12), (8, 12), (12, 14)),
    *((9, 3), (3, 4), (4, 5), (8, 2), (2, 1), (1, 0)),
)
FLAT = 10.0  # pixels of side where all joints have one coordinate
LEAST_THICKNESS, THICKNESS = 8, 1 / 20  # of limbs: pixels, and part of the body's larger side


def pose_box(points: NDArray[np.floating]) -> NDArray[np.float64] | None:
    """The extremes of known joints.

    Args:
        points: (15, 2) x and y in pixels, NaN where not known.

    Returns:
        (4,) xyxy pixels, 10 wide or high about the joints where they span nothing; None for a pose without joints (the released code
        draws a random box).
    """
    known = points[np.isfinite(points).all(1)].astype(np.float64)
    if not len(known):
        return None
    low, high = known.min(0), known.max(0)
    flat = np.where(high > low, 0.0, FLAT / 2)
    return np.concatenate([low - flat, high + flat])


def pose_mask(points: NDArray[np.floating], image_size: tuple[int, int]) -> NDArray[np.bool_]:
    """The trunk's hull, where at least three of its joints are known, and the limbs between known joints.

    Args:
        points: (15, 2) x and y in pixels, NaN where not known.
        image_size: height and width.

    Returns:
        (H, W) bool; empty for poses of no joint, and of a single one: nothing lies between two joints then.
    """
    canvas = np.zeros(image_size, np.uint8)
    box = pose_box(points)
    if box is None:
        return canvas.astype(np.bool_)
    import cv2  # here, so that only those who have poses need OpenCV

    known = np.isfinite(points).all(1)
    pixels = np.floor(np.where(known[:, None], points, 0)).astype(np.int32)
    trunk = [joint for joint in TRUNK if known[joint]]
    if len(trunk) >= 3:
        cv2.fillConvexPoly(canvas, cv2.convexHull(pixels[trunk]), 1)
    thickness = max(int(max(box[2] - box[0], box[3] - box[1]) * THICKNESS), LEAST_THICKNESS)
    for first, second in LIMBS:
        if known[first] and known[second]:
            start, end = (tuple(int(v) for v in pixels[joint]) for joint in (first, second))
            cv2.line(canvas, start, end, 1, thickness)
    return canvas.astype(np.bool_)
