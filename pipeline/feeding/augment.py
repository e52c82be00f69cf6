"""Augmentation: a stored sample becomes a frame at network input size, in one warp.

Letterbox, rotation, scale, shear, translation and flip are one affine map, applied once to the pixels, once to the boxes and once, with
nearest neighbours and at its own stride, to the depth map. Ranges are FairMOT's. The frames of one scene
are seen as `Samples.views` says: a pair's partner repeats the first frame's draw with a small perturbation (OUTrack), so that an object is
found near where it was, and all frames of a clip may share one draw. Coordinates are continuous: pixel i covers [i, i + 1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.contract.clips import TrainingFrame, Views
from pipeline.numerics.kernels.warp import warp
from pipeline.params.sections.training import Augment

BORDER = 127
PAPER_HEIGHT = 608  # of FairMOT's input, at which its smallest side of 4 pixels is meant
MIN_SIDE, MIN_SIDE_FLOOR = 4.0, 2.0
MIN_AREA_SHARE = 0.1
MAX_ASPECT = 10.0
# Joints in a mirror, by how many there are: PoseTrack 2018's 17 (nose, head's ends, then left and right ears, shoulders, ... ankles) and
# JHMDB's 15 (neck, belly, face, then right and left shoulders, hips, elbows, knees, wrists, ankles).
MIRRORED = {
    17: np.array([0, 1, 2, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]),
    15: np.array([0, 1, 2, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13]),
}

Matrix = NDArray[np.float64]  # (3, 3), maps homogeneous (x, y, 1) columns


@dataclass(frozen=True)
class View:
    """One draw of everything random about how a frame is shown; the default shows it as inference would.

    Attributes:
        rotation: degrees about the centre.
        scale: zoom about the centre.
        shear_x: degrees by which columns lean.
        shear_y: degrees by which rows lean.
        shift_x: of the picture to the right, in shares of its width.
        shift_y: of the picture downwards, in shares of its height.
        flip: mirrored left to right.
        saturation: factor.
        value: factor on brightness.
    """

    rotation: float = 0.0
    scale: float = 1.0
    shear_x: float = 0.0
    shear_y: float = 0.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    flip: bool = False
    saturation: float = 1.0
    value: float = 1.0


def draw_views(random: np.random.Generator, ranges: Augment, frames: int, views: Views) -> list[View]:
    """Draw the views of a scene's frames.

    Args:
        random: source of the draw.
        ranges: the `augment` section.
        frames: how many.
        views: whether all but the first vary the first one's geometry a little (`perturbed`), are seen as it is (`shared`), or are drawn
            anew (`independent`, as frames of different scenes are).
    """
    first = _independent(random, ranges)
    if views == "shared":
        return [first] * frames
    return [first, *(_varied(random, ranges, first) if views == "perturbed" else _independent(random, ranges) for _ in range(frames - 1))]


def show(
    frame: TrainingFrame, view: View, *, width: int, height: int, depth_stride: int, out: NDArray[np.uint8] | None = None
) -> TrainingFrame:
    """Warp a stored frame to the network input.

    A box stays axis-aligned: the hull of its warped corners, shrunk by sqrt(max(|sin a|, |cos a|)) for rotation a. It is dropped when
    less than a tenth of it lies inside the input, when its visible part is narrower or lower than 4 pixels of a 608-high input (fewer
    in a lower one, 2 at least), or when it is ten times as long as wide. Boxes are not clipped.

    Args:
        frame: image and labels at their stored size, unpadded; the depth map at any resolution.
        view: how to show it.
        width: of the network input.
        height: of the network input.
        depth_stride: input pixels per cell of the depth map.
        out: (height, width, 3) uint8, C-contiguous, to which the image is written; None: a new array.

    Returns:
        The frame at (height, width), its depth map at (height // depth_stride, width // depth_stride), without the dropped objects.
    """
    stored_height, stored_width = frame.image.shape[:2]
    matrix = _affine(view, width, height) @ letterbox(stored_width, stored_height, width, height)
    image = np.empty((height, width, 3), np.uint8) if out is None else out
    inverse = cv2.invertAffineTransform(_between_centres(matrix)).astype(np.float32)
    warp(frame.image, view.saturation, view.value, inverse, BORDER, image)
    boxes = warp_boxes(frame.boxes, matrix, view.rotation)
    keep = _visible(boxes, width, height)
    return TrainingFrame(
        image=image,
        boxes=boxes[keep],
        identities=frame.identities[keep],
        ignore=frame.ignore[keep],
        masks=None if frame.masks is None else _warp_masks(frame.masks[keep], matrix, width, height),
        keypoints=None if frame.keypoints is None else _warp_joints(frame.keypoints[keep], matrix, flip=view.flip),
        depth=None if frame.depth is None else _warp_depth(frame, matrix, width, height, depth_stride),
        classes=frame.classes[keep],
    )


def warm_up() -> None:
    """Show an empty frame, so that the machine code for it is made, or read, before it is needed."""
    none, nobody = np.zeros(0, np.int64), np.zeros((0, 4), np.float32)
    show(TrainingFrame(np.zeros((1, 1, 3), np.uint8), nobody, none, none.astype(np.bool_)), View(), width=1, height=1, depth_stride=1)


def letterbox(stored_width: int, stored_height: int, width: int, height: int) -> Matrix:
    """(3, 3) float64 map from image to input pixels that fits the image into the input, centred, with its aspect ratio kept."""
    scale = min(width / stored_width, height / stored_height)
    left, top = (width - scale * stored_width) / 2, (height - scale * stored_height) / 2
    return np.array([[scale, 0.0, left], [0.0, scale, top], [0.0, 0.0, 1.0]])


def warp_boxes(boxes: NDArray[np.float32], matrix: Matrix, rotation: float) -> NDArray[np.float32]:
    """Axis-aligned boxes of warped boxes, (N, 4) xyxy to (N, 4) xyxy; `rotation` in degrees sets the shrinkage."""
    corners = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2).astype(np.float64)
    moved = corners @ matrix[:2, :2].T + matrix[:2, 2]
    low, high = moved.min(axis=1), moved.max(axis=1)
    angle = math.radians(rotation)
    half = (high - low) / 2 * math.sqrt(max(abs(math.sin(angle)), abs(math.cos(angle))))
    centre = (low + high) / 2
    return np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)


def _independent(random: np.random.Generator, ranges: Augment) -> View:
    saturation, value = _colour(random, ranges)
    return View(
        rotation=random.uniform(-ranges.rotate, ranges.rotate),
        scale=random.uniform(ranges.scale_min, ranges.scale_max),
        shear_x=random.uniform(-ranges.shear, ranges.shear),
        shear_y=random.uniform(-ranges.shear, ranges.shear),
        shift_x=random.uniform(-ranges.translate, ranges.translate),
        shift_y=random.uniform(-ranges.translate, ranges.translate),
        flip=bool(random.random() < ranges.flip),
        saturation=saturation,
        value=value,
    )


def _varied(random: np.random.Generator, ranges: Augment, view: View) -> View:
    """The view with a perturbation of a share d of each range: shifts either way, the others upwards, as OUTrack draws them."""
    share = random.uniform(ranges.partner_min, ranges.partner_max)
    saturation, value = _colour(random, ranges)
    return replace(
        view,
        rotation=view.rotation + random.uniform(0, 2 * ranges.rotate * share),
        scale=view.scale + random.uniform(0, (ranges.scale_max - ranges.scale_min) * share),
        shear_x=view.shear_x + random.uniform(0, 2 * ranges.shear * share),
        shear_y=view.shear_y + random.uniform(0, 2 * ranges.shear * share),
        shift_x=view.shift_x + random.uniform(-ranges.translate * share, ranges.translate * share),
        shift_y=view.shift_y + random.uniform(-ranges.translate * share, ranges.translate * share),
        saturation=saturation,
        value=value,
    )


def _colour(random: np.random.Generator, ranges: Augment) -> tuple[float, float]:
    saturation = random.uniform(1 - ranges.saturation, 1 + ranges.saturation)
    return saturation, random.uniform(1 - ranges.value, 1 + ranges.value)


def _affine(view: View, width: int, height: int) -> Matrix:
    """Rotation and zoom about the centre, then the shift, then shear, then the mirror; in pixels of the input."""
    cos, sin = view.scale * math.cos(math.radians(view.rotation)), view.scale * math.sin(math.radians(view.rotation))
    x, y = width / 2, height / 2
    turned = np.array([[cos, sin, (1 - cos) * x - sin * y], [-sin, cos, sin * x + (1 - cos) * y], [0, 0, 1]])
    turned[:2, 2] += view.shift_x * width, view.shift_y * height
    lean = np.array([[1, math.tan(math.radians(view.shear_x)), 0], [math.tan(math.radians(view.shear_y)), 1, 0], [0, 0, 1]])
    sheared = lean @ turned
    return np.array([[-1, 0, width], [0, 1, 0], [0, 0, 1]]) @ sheared if view.flip else sheared


def _between_centres(matrix: Matrix) -> Matrix:
    """The same map between pixel indices, (2, 3): OpenCV puts the centre of pixel i at i, not at i + 1/2."""
    moved = matrix.copy()
    moved[:2, 2] += matrix[:2, :2] @ (0.5, 0.5) - 0.5
    return moved[:2]


def _visible(boxes: NDArray[np.float32], width: int, height: int) -> NDArray[np.bool_]:
    smallest = max(MIN_SIDE_FLOOR, MIN_SIDE * min(1.0, height / PAPER_HEIGHT))
    sides = boxes[:, 2:] - boxes[:, :2]
    limits = np.array([width, height], np.float32)
    seen = np.clip(boxes[:, 2:], 0, limits) - np.clip(boxes[:, :2], 0, limits)
    share = seen.prod(axis=1) / np.maximum(sides.prod(axis=1), 1e-6)
    aspect = sides.max(axis=1, initial=0.0) / np.maximum(sides.min(axis=1, initial=np.inf), 1e-6)
    return (seen > smallest).all(axis=1) & (share > MIN_AREA_SHARE) & (aspect < MAX_ASPECT)


def _warp_masks(masks: NDArray[np.uint8], matrix: Matrix, width: int, height: int) -> NDArray[np.uint8]:
    """(N, H, W) masks on the input's pixels, each with the value nearest to its centre."""
    to_input, size, nearest = _between_centres(matrix), (width, height), cv2.INTER_NEAREST
    warped = [cv2.warpAffine(mask, to_input, size, flags=nearest, borderMode=cv2.BORDER_CONSTANT, borderValue=0) for mask in masks]
    return np.array(warped, np.uint8).reshape(len(masks), height, width)


def _warp_joints(joints: NDArray[np.float32], matrix: Matrix, *, flip: bool) -> NDArray[np.float32]:
    """(N, K, 3) joints under the map; a mirror turns left ones into right ones. Joints that are not labelled stay zeros."""
    moved = joints.copy()
    moved[..., :2] = joints[..., :2] @ matrix[:2, :2].T + matrix[:2, 2]
    moved[~joints.any(axis=-1)] = 0
    if flip and joints.shape[1] in MIRRORED:
        moved = moved[:, MIRRORED[joints.shape[1]]]
    return moved


def _warp_depth(frame: TrainingFrame, matrix: Matrix, width: int, height: int, stride: int) -> NDArray[np.float32]:
    """The depth map on cells of `stride` input pixels, each with the value nearest to its centre."""
    assert frame.depth is not None
    to_pixels = np.diag([frame.image.shape[1] / frame.depth.shape[1], frame.image.shape[0] / frame.depth.shape[0], 1.0])
    to_cells = np.diag([1.0 / stride, 1.0 / stride, 1.0])
    return cv2.warpAffine(
        frame.depth,
        _between_centres(to_cells @ matrix @ to_pixels),
        (width // stride, height // stride),
        flags=cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=0,
    )
