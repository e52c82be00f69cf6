"""The joints of people in the image, in the order of PoseTrack 2018."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.walkers import gait
from pipeline.walkers.camera import Array
from pipeline.walkers.draw import View

NAMES = (
    "nose", "head_bottom", "head_top", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow",
    "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
NOSE, HEAD_BOTTOM, HEAD_TOP, EARS, SHOULDERS = 0, 1, 2, slice(3, 5), slice(5, 17)
BONES = (
    (15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7), (6, 8), (7, 9), (8, 10), (0, 2), (0, 1),
    (1, 5), (1, 6),
)  # fmt: skip
HALF_HEAD = (0.05, 0.066)  # of a body height: what `draw` draws the head with
FACING_AWAY = -0.45  # `View.front` below which no face is drawn


def keypoints(view: View, unit: float, instances: NDArray[np.uint16], number: int) -> Array:
    """The joints of one drawn person.

    Args:
        view: the person as the camera sees it.
        unit: pixels of a whole body height.
        instances: (H, W) 1 + index of the layer that is seen at each pixel.
        number: 1 + index of the person's layer.

    Returns:
        (17, 3) float64, x and y in pixels and whether the joint is seen (1) or hidden (0); three zeros for a joint outside the image, and
        for the ears, which PoseTrack 2018 does not annotate either.
    """
    height, width = instances.shape
    found = np.zeros((len(NAMES), 3))
    head = view.joints[gait.HEAD]
    found[NOSE, :2] = head + unit * np.array([0.85 * HALF_HEAD[0] * view.side, 0.15 * HALF_HEAD[1]])
    found[HEAD_BOTTOM, :2], found[HEAD_TOP, :2] = view.joints[gait.NECK], head - np.array([0.0, HALF_HEAD[1] * unit])
    found[SHOULDERS, :2] = view.joints[gait.SHOULDER : gait.TOE]
    x, y = np.floor(found[:, 0]).astype(int), np.floor(found[:, 1]).astype(int)
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    inside[EARS] = False
    found[inside, 2] = instances[y[inside], x[inside]] == number
    found[NOSE, 2] *= view.front > FACING_AWAY
    found[~inside] = 0.0
    return found
