"""Tracks, heat maps and depth drawn on pictures: (H, W, 3) uint8 RGB in, the same out; inputs are never changed."""

from __future__ import annotations

import colorsys
import functools
from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Colour = tuple[int, int, int]
Point = tuple[int, int]

HUES, HUE_STEP = 11, 4  # neighbouring numbers are far apart on the wheel
SHADES = ((0.9, 1.0), (0.45, 1.0), (0.9, 0.62))  # saturation and value: strong, pale, dark
TRUTH: Colour = (255, 255, 255)
UNKNOWN_DEPTH: Colour = (110, 110, 110)
DIMMED = 0.7  # brightness of a picture under a heat map
FONT = cv2.FONT_HERSHEY_SIMPLEX
ASSUMED_HEIGHT = 480.0  # of a picture for which line and letter sizes are meant; larger ones get more
LEAST_LETTERS = 0.42  # OpenCV's font scale below which digits run together
DASH = 6
FARTHEST = 30000  # pixels; OpenCV's drawing wraps around beyond 16 bits


class Boxes(NamedTuple):
    """Boxes to draw: (N, 4) float32 xyxy picture pixels, (N,) int64 identities, (N,) bool whether without a detection (dashed)."""

    boxes: NDArray[np.float32]
    identities: NDArray[np.int64]
    recovered: NDArray[np.bool_]


class Painter:
    """Draws one sequence's tracks frame by frame and remembers where everyone's feet were.

    Args:
        trail_frames: frames that a trail reaches back; an identity unseen for so long starts a new one.
    """

    def __init__(self, trail_frames: int) -> None:
        self._length, self._frame = trail_frames, 0
        self._trails: dict[int, deque[tuple[int, Point]]] = {}

    def paint(self, image: Image, tracks: Boxes, truth: NDArray[np.float32] | None = None) -> Image:
        """A copy of the picture with trails, the ground truth's boxes (thin and white), and the tracks with their identities.

        Args:
            image: (H, W, 3) uint8 RGB, the next frame.
            tracks: of the frame.
            truth: (N, 4) float32 xyxy picture pixels; None: no ground truth is drawn.
        """
        canvas = np.ascontiguousarray(image).copy()
        self._remember(tracks)
        thickness = _thickness(canvas)
        for identity, trail in self._trails.items():
            _draw_trail(canvas, [point for _, point in trail], colour_of(identity), thickness)
        for box in truth if truth is not None else ():
            _rectangle(canvas, box, TRUTH, 1)
        for box, identity, recovered in zip(*tracks, strict=True):
            draw = _dashed if recovered else _rectangle
            draw(canvas, box, colour_of(int(identity)), thickness)
        for box, identity in zip(tracks.boxes, tracks.identities, strict=True):
            _label(canvas, str(identity), box, colour_of(int(identity)))
        return canvas

    def _remember(self, tracks: Boxes) -> None:
        self._frame += 1
        for box, identity in zip(tracks.boxes, tracks.identities, strict=True):
            foot = _pixel(np.array([(box[0] + box[2]) / 2, box[3]]))
            self._trails.setdefault(int(identity), deque()).append((self._frame, foot))
        for identity, trail in list(self._trails.items()):
            while trail and trail[0][0] <= self._frame - self._length:
                trail.popleft()
            if not trail:
                del self._trails[identity]


@functools.lru_cache(maxsize=4096)
def colour_of(identity: int) -> Colour:
    """RGB of an identity: the same in every frame and video; any 33 in a row differ, eleven hues first."""
    saturation, value = SHADES[identity // HUES % len(SHADES)]
    red, green, blue = colorsys.hsv_to_rgb(identity * HUE_STEP % HUES / HUES, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)


def letters_on(background: Colour) -> Colour:
    """White on a dark colour, black on a light one."""
    return (255, 255, 255) if np.dot(background, (0.299, 0.587, 0.114)) < 128 else (0, 0, 0)


def overlay_heat(image: Image, heat: NDArray[np.float32], *, strength: float = 0.9) -> Image:
    """Lay a heat map over a picture, which turns grey and darker, so that all colour is heat.

    Args:
        image: the picture.
        heat: (h, w) float32 in [0, 1], of any size, stretched over the picture.
        strength: how opaque the hottest places are.
    """
    height, width = image.shape[:2]
    stretched = cv2.resize(heat, (width, height), interpolation=cv2.INTER_LINEAR).clip(0, 1)
    colours = cv2.applyColorMap((stretched * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1].astype(np.float32)
    opacity = (strength * np.sqrt(stretched))[..., None]
    grey = DIMMED * image.mean(axis=-1, keepdims=True)
    return np.rint(grey * (1 - opacity) + colours * opacity).astype(np.uint8)


def colour_depth(depth: NDArray[np.float32], size: tuple[int, int]) -> Image:
    """Colour a depth map: near is bright, far is dark, unknown is grey; in steps of 1 / depth, as the eye sees distances.

    Args:
        depth: (h, w) float32, grows with distance, 0 where unknown.
        size: (width, height) of the picture to make; no depth is invented between pixels.
    """
    known = depth > 0
    nearness = 1 / np.where(known, depth, np.inf)
    far, near = np.percentile(nearness[known], (1, 99)) if known.any() else (0.0, 1.0)
    share = ((nearness - far) / max(near - far, 1e-12)).clip(0, 1)
    colours = cv2.applyColorMap((255 * share).astype(np.uint8), cv2.COLORMAP_VIRIDIS)[..., ::-1].copy()
    colours[~known] = UNKNOWN_DEPTH
    return np.asarray(cv2.resize(colours, size, interpolation=cv2.INTER_NEAREST), np.uint8)


def framed(image: Image, box: NDArray[np.float32]) -> Image:
    """Draw a thin white frame around a box (4,) xyxy picture pixels."""
    canvas = np.ascontiguousarray(image).copy()
    _rectangle(canvas, box, TRUTH, 1)
    return canvas


def side_by_side(images: Sequence[Image]) -> Image:
    """(H, W1 + W2 + ..., 3) uint8: pictures of one height next to each other."""
    return np.concatenate(images, axis=1)


def _write(canvas: Image, text: str, corner: Point, background: Colour, colour: Colour) -> None:
    """Write on `canvas` itself, on a filled ground; `corner` is the ground's upper left, moved so that all of it is inside."""
    scale = max(LEAST_LETTERS, 0.5 * canvas.shape[0] / ASSUMED_HEIGHT)
    weight = 1 if scale < 0.8 else 2
    (width, height), baseline = cv2.getTextSize(text, FONT, scale, weight)
    x = int(np.clip(corner[0], 0, max(canvas.shape[1] - width - 4, 0)))
    y = int(np.clip(corner[1], 0, max(canvas.shape[0] - height - baseline - 2, 0)))
    cv2.rectangle(canvas, (x, y), (x + width + 3, y + height + baseline), background, cv2.FILLED)
    cv2.putText(canvas, text, (x + 2, y + height + 1), FONT, scale, colour, weight, cv2.LINE_AA)


def _label(canvas: Image, text: str, box: NDArray[np.float32], background: Colour) -> None:
    """Above the box's upper left corner."""
    scale = max(LEAST_LETTERS, 0.5 * canvas.shape[0] / ASSUMED_HEIGHT)
    (_, height), baseline = cv2.getTextSize(text, FONT, scale, 1)
    x, y = _pixel(box[:2])
    _write(canvas, text, (x, y - height - baseline), background, letters_on(background))


def _draw_trail(canvas: Image, points: list[Point], colour: Colour, thickness: int) -> None:
    """Older parts are thinner."""
    for index, (start, end) in enumerate(pairwise(points)):
        width = max(1, round(thickness * (index + 1) / len(points)))
        cv2.line(canvas, start, end, colour, width, cv2.LINE_AA)


def _rectangle(canvas: Image, box: NDArray[np.float32], colour: Colour, thickness: int) -> None:
    cv2.rectangle(canvas, _pixel(box[:2]), _pixel(box[2:]), colour, thickness)


def _dashed(canvas: Image, box: NDArray[np.float32], colour: Colour, thickness: int) -> None:
    (x1, y1), (x2, y2) = _pixel(box[:2]), _pixel(box[2:])
    step = 2 * DASH * thickness
    for x in range(max(x1, -step), min(x2, canvas.shape[1]), step):
        for y in (y1, y2):
            cv2.line(canvas, (x, y), (min(x + step // 2, x2), y), colour, thickness)
    for y in range(max(y1, -step), min(y2, canvas.shape[0]), step):
        for x in (x1, x2):
            cv2.line(canvas, (x, y), (x, min(y + step // 2, y2)), colour, thickness)


def _pixel(point: NDArray[np.floating[Any]]) -> Point:
    """Lines of a box run along pixels, without antialiasing: thin ones would fade."""
    x, y = np.rint(point.astype(np.float64).clip(-FARTHEST, FARTHEST)).astype(int).tolist()
    return x, y


def _thickness(canvas: Image) -> int:
    return max(1, round(2 * canvas.shape[0] / ASSUMED_HEIGHT))
