"""Draws one person from a projected skeleton onto a small transparent canvas."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.walkers import gait
from pipeline.walkers.people import TEXTURE_COLUMNS, Colour, Image, Look, torso_texture

Array = NDArray[np.float64]

SUPERSAMPLE = 2
STEERED_IN_FRONT = 0.15  # how far a rider faces the camera when the handlebar is in front
SHIFT = 3  # fractional bits of OpenCV's drawing coordinates
# Angle from the direction of view at each of 32 steps across the visible half of the body.
ACROSS = np.arcsin(np.linspace(-0.98, 0.98, 32))


class View(NamedTuple):
    """One person as the camera sees it.

    Attributes:
        joints: (17, 2) pixels in the frame.
        scale: pixels per metre at the person's depth.
        front: 1 facing the camera, -1 the back, horizontally.
        side: 1 facing the image's right, -1 its left.
        light: (32,) brightness across the visible half of the body, from left to right.
    """

    joints: Array
    scale: float
    front: float
    side: float
    light: Array


class Figure(NamedTuple):
    """A drawn person.

    Attributes:
        pixels: (h, w, 4) uint8, colour already multiplied by alpha.
        left, top: where the canvas lies in the frame (may be negative).
        box: (4,) float64 xyxy of the whole silhouette in frame pixels.
        head: (4,) float64 xyxy of the head.
    """

    pixels: Image
    left: int
    top: int
    box: Array
    head: Array


@dataclass
class Canvas:
    """A supersampled BGRA crop that is drawn on in frame pixels."""

    pixels: Image
    left: int
    top: int

    @classmethod
    def around(cls, low: Array, high: Array) -> Canvas:
        """An empty canvas that covers frame pixels from `low` to `high`, (2,) x and y each."""
        left, top = int(np.floor(low[0])), int(np.floor(low[1]))
        width, height = int(np.ceil(high[0])) - left, int(np.ceil(high[1])) - top
        return cls(np.zeros((height * SUPERSAMPLE, width * SUPERSAMPLE, 4), np.uint8), left, top)

    def local(self, points: Array) -> Array:
        """Frame pixels (..., 2) to canvas pixels, centres at integers as OpenCV counts."""
        return (points - (self.left, self.top)) * SUPERSAMPLE - 0.5

    def polygon(self, points: Array, colour: Colour) -> None:
        """Fill a polygon of (N, 2) frame pixels."""
        fixed = np.rint(self.local(points) * (1 << SHIFT)).astype(np.int32)
        cv2.fillPoly(self.pixels, [fixed], (*colour, 255), lineType=cv2.LINE_8, shift=SHIFT)

    def disc(self, centre: Array, radius: float, colour: Colour) -> None:
        """Fill a circle; centre (2,) and radius in frame pixels."""
        x, y = np.rint(self.local(centre) * (1 << SHIFT)).astype(int).tolist()
        cv2.circle(self.pixels, (x, y), max(1, round(radius * SUPERSAMPLE * (1 << SHIFT))), (*colour, 255), -1, cv2.LINE_8, SHIFT)

    def ellipse(self, centre: Array, radii: tuple[float, float], colour: Colour) -> None:
        """Fill an upright ellipse; centre (2,) and radii (across, down) in frame pixels."""
        x, y = np.rint(self.local(centre) * (1 << SHIFT)).astype(int).tolist()
        axes = (max(1, round(radii[0] * SUPERSAMPLE * (1 << SHIFT))), max(1, round(radii[1] * SUPERSAMPLE * (1 << SHIFT))))
        cv2.ellipse(self.pixels, (x, y), axes, 0, 0, 360, (*colour, 255), -1, cv2.LINE_8, SHIFT)

    def stroke(self, points: Array, width: float, colour: Colour, *, closed: bool = False) -> None:
        """Draw lines through (N, 2) frame pixels; width in frame pixels, at least one pixel of the canvas."""
        fixed = np.rint(self.local(points) * (1 << SHIFT)).astype(np.int32)
        cv2.polylines(self.pixels, [fixed], closed, (*colour, 255), max(1, round(width * SUPERSAMPLE)), cv2.LINE_8, SHIFT)

    def limb(self, start: Array, end: Array, start_radius: float, end_radius: float, colour: Colour) -> None:
        """Fill a tapered capsule between two points (2,); points and radii in frame pixels."""
        along = end - start
        across = np.array([-along[1], along[0]]) / (np.hypot(along[0], along[1]) + 1e-9)
        corners = np.array(
            [start + across * start_radius, end + across * end_radius, end - across * end_radius, start - across * start_radius]
        )
        self.polygon(corners, colour)
        self.disc(start, start_radius, colour)
        self.disc(end, end_radius, colour)

    def textured(self, quad: Array, outline: Array, texture: Image) -> None:
        """Lay a texture (its corners at the first, second and last point of `quad`) into the polygon `outline`, both frame pixels."""
        local = self.local(outline)
        height, width = self.pixels.shape[:2]
        x0, y0 = np.maximum(np.floor(local.min(axis=0)).astype(int) - 1, 0)
        x1, y1 = np.minimum(np.ceil(local.max(axis=0)).astype(int) + 2, (width, height))
        if x1 <= x0 or y1 <= y0:
            return
        corner = np.array([x0, y0])
        rows, columns = texture.shape[:2]
        source = np.array([[0, 0], [columns, 0], [0, rows]], np.float32)
        matrix = cv2.getAffineTransform(source, (self.local(quad[[0, 1, 3]]) - corner).astype(np.float32))
        size = (int(x1 - x0), int(y1 - y0))
        patch = cv2.warpAffine(texture, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        mask = np.zeros(size[::-1], np.uint8)
        cv2.fillPoly(mask, [np.rint((local - corner) * (1 << SHIFT)).astype(np.int32)], 255, lineType=cv2.LINE_8, shift=SHIFT)
        cv2.copyTo(cv2.cvtColor(patch, cv2.COLOR_BGR2BGRA), mask, self.pixels[y0:y1, x0:x1])


class Mount(Protocol):
    """What a person rides: drawn between the legs, what is steered in front of a person who faces the camera."""

    @property
    def points(self) -> Array:
        """(N, 2) frame pixels that the canvas has to hold."""
        ...

    def paint(self, canvas: Canvas, light: float) -> None:
        """Draw what is not steered."""
        ...

    def paint_steered(self, canvas: Canvas, light: float) -> None:
        """Draw what is steered."""
        ...


def draw_figure(look: Look, view: View, mount: Mount | None = None) -> Figure:
    """Draw a person, and what the person rides; the silhouette's box is measured at twice the frame's resolution."""
    margin = 0.22 * look.stature * view.scale + 2
    reach = view.joints if mount is None else np.concatenate([view.joints, mount.points])
    canvas = Canvas.around(reach.min(axis=0) - margin, reach.max(axis=0) + margin)
    unit = look.stature * view.scale  # pixels of a whole body height
    near = 0 if view.side > 0 else 1  # walking right shows the left side
    far = 1 - near
    left, right = float(view.light[6]), float(view.light[-7])
    dim = (0.78 if abs(view.side) > 0.4 else 0.92) * (left + right) / 2
    lit = (left + right) / 2
    _arm(canvas, look, view, far, unit, dim)
    if look.bag == "backpack" and view.front > 0.15:
        _backpack(canvas, look, view, unit, dim)
    _leg(canvas, look, view, far, unit, dim)
    if mount is not None:
        mount.paint(canvas, lit)
        if view.front <= STEERED_IN_FRONT:
            mount.paint_steered(canvas, lit)
    _leg(canvas, look, view, near, unit, lit)
    _torso(canvas, look, view, unit)
    if mount is not None and view.front > STEERED_IN_FRONT:
        mount.paint_steered(canvas, lit)
    head = _head(canvas, look, view, unit, lit)
    if look.bag == "backpack" and view.front <= 0.15:
        _backpack(canvas, look, view, unit, lit)
    _arm(canvas, look, view, near, unit, lit)
    _carried(canvas, look, view, near, unit, lit)
    return _finish(canvas, head)


def _finish(canvas: Canvas, head: Array) -> Figure:
    x, y, width, height = cv2.boundingRect(canvas.pixels[..., 3])
    box = np.array([x, y, x + width, y + height], float) / SUPERSAMPLE + np.tile([canvas.left, canvas.top], 2)
    rows, columns = canvas.pixels.shape[:2]
    pixels = cv2.resize(canvas.pixels, (columns // SUPERSAMPLE, rows // SUPERSAMPLE), interpolation=cv2.INTER_AREA)
    return Figure(np.asarray(pixels, np.uint8), canvas.left, canvas.top, box, head)


def _leg(canvas: Canvas, look: Look, view: View, side: int, unit: float, light: float) -> None:
    joints = view.joints
    hip, knee, ankle, toe = (joints[part + side] for part in (gait.HIP, gait.KNEE, gait.ANKLE, gait.TOE))
    cloth, skin, shoe = _lit(look.bottom, light), _lit(look.skin, light), _lit(look.shoes, light)
    wide = look.build * unit
    thigh = cloth if look.lower != "skirt" else skin
    shank = cloth if look.lower == "trousers" else skin
    slim = 1.0 if look.lower == "trousers" else 0.82
    canvas.limb(ankle, toe, 0.021 * unit, 0.017 * unit, shoe)
    canvas.limb(knee, ankle, 0.034 * wide * slim, 0.026 * wide * slim, shank)
    canvas.limb(hip, knee, 0.052 * wide, 0.037 * wide * (1.12 if look.lower == "shorts" else 1.0), thigh)


def _arm(canvas: Canvas, look: Look, view: View, side: int, unit: float, light: float) -> None:
    joints = view.joints
    shoulder, elbow, hand = (joints[part + side] for part in (gait.SHOULDER, gait.ELBOW, gait.HAND))
    sleeve, skin = _lit(look.top, 0.93 * light), _lit(look.skin, light)
    wide = look.build * unit
    canvas.disc(hand, 0.021 * unit, skin)
    canvas.limb(elbow, hand, 0.025 * wide, 0.019 * wide, sleeve if look.long_sleeves else skin)
    canvas.limb(shoulder, elbow, 0.033 * wide, 0.027 * wide, sleeve)


def _torso(canvas: Canvas, look: Look, view: View, unit: float) -> None:
    """The unrolled top seen from this side, on an outline from neck to hips, coat or skirt."""
    neck, pelvis = view.joints[gait.NECK], view.joints[gait.PELVIS]
    wide = look.build * unit
    shoulder = wide * np.hypot(0.125 * view.front, 0.075 * view.side)
    waist = wide * np.hypot(0.088 * view.front, 0.07 * view.side)
    hip = wide * np.hypot(0.1 * view.front, 0.078 * view.side)
    down = pelvis - neck
    hang = down / (np.hypot(*down) + 1e-9) * unit
    across = np.array([hang[1], -hang[0]]) / unit
    if look.lower == "skirt":
        _flare(canvas, pelvis, across, hang, (hip, hip * 1.35), 0.22, _lit(look.bottom, float(view.light.mean())))
    if look.coat > 0:
        _flare(canvas, pelvis, across, hang, (hip, hip * 1.12), look.coat, _lit(look.top, 0.95 * float(view.light.mean())))
    profile = ((0.0, 0.035 * unit), (0.1, shoulder * 0.93), (0.22, shoulder), (0.68, waist), (1.0, hip), (1.1, hip * 0.93))
    side = [neck + down * along + across * half for along, half in profile]
    other = [neck + down * along - across * half for along, half in profile[::-1]]
    widest = max(shoulder, hip)
    quad = np.array([neck - across * widest, neck + across * widest, pelvis + across * widest, pelvis - across * widest])
    facing = np.arctan2(view.side, view.front)
    columns = np.rint((ACROSS - facing) / (2 * np.pi) * TEXTURE_COLUMNS).astype(int) % TEXTURE_COLUMNS
    texture = _texture(look)[:, columns] * view.light[None, :, None]
    canvas.textured(quad, np.array(side + other), np.clip(texture, 0, 255).astype(np.uint8))


def _flare(canvas: Canvas, top: Array, across: Array, hang: Array, halves: tuple[float, float], length: float, colour: Colour) -> None:
    bottom = top + hang * length
    corners = [top - across * halves[0], top + across * halves[0], bottom + across * halves[1], bottom - across * halves[1]]
    canvas.polygon(np.array(corners), colour)


def _head(canvas: Canvas, look: Look, view: View, unit: float, light: float) -> Array:
    """Neck, hair, face on the side that looks here, hat; returns the head's box."""
    centre, neck = view.joints[gait.HEAD], view.joints[gait.NECK]
    skin, hair = _lit(look.skin, light), _lit(look.skin if look.hair_style == "bald" else look.hair, light)
    wide, tall = 0.05 * unit, 0.066 * unit
    if look.hair_style == "long" and view.front > 0:
        canvas.ellipse(_moved(centre, 0, 0.03 * unit), (1.15 * wide, 1.2 * tall), hair)
    canvas.limb(_moved(neck, 0, 0.01 * unit), centre, 0.028 * unit, 0.028 * unit, skin)
    canvas.ellipse(centre, (wide, tall), hair)
    if view.front > -0.45:
        face = (wide * (0.55 + 0.33 * max(view.front, 0.0)), 0.72 * tall)
        canvas.ellipse(_moved(centre, view.side * wide * 0.42, 0.22 * tall), face, skin)
    if look.hair_style == "long" and view.front <= 0:
        canvas.ellipse(_moved(centre, -0.2 * view.side * wide, 0.035 * unit), (1.02 * wide, 1.2 * tall), hair)
    if look.hat is not None:
        hat = _lit(look.hat, light)
        canvas.ellipse(_moved(centre, 0, -0.55 * tall), (1.12 * wide, 0.55 * tall), hat)
        canvas.ellipse(_moved(centre, view.side * wide * 0.9, -0.3 * tall), (0.75 * wide, 0.16 * tall), hat)
    return np.array([centre[0] - wide, centre[1] - tall, centre[0] + wide, centre[1] + tall])


def _backpack(canvas: Canvas, look: Look, view: View, unit: float, light: float) -> None:
    neck, pelvis = view.joints[gait.NECK], view.joints[gait.PELVIS]
    centre = _moved(neck * 0.58 + pelvis * 0.42, -view.side * 0.11 * unit, 0)
    wide = float(np.hypot(0.088 * view.front, 0.055 * view.side)) * unit
    canvas.ellipse(centre, (wide, 0.125 * unit), _lit(look.bag_colour, light))
    canvas.ellipse(_moved(centre, 0, 0.05 * unit), (0.7 * wide, 0.045 * unit), _lit(look.bag_colour, 0.75 * light))


def _carried(canvas: Canvas, look: Look, view: View, near: int, unit: float, light: float) -> None:
    """A bag in the hand, or the body of a shoulder bag at the hip."""
    colour = _lit(look.bag_colour, light)
    if look.bag == "hand":
        top = view.joints[gait.HAND + near]
        wide = 0.05 * unit * (0.5 + 0.5 * abs(view.side))
        corners = [_moved(top, -0.5 * wide, 0), _moved(top, 0.5 * wide, 0), _moved(top, wide, 0.12 * unit), _moved(top, -wide, 0.12 * unit)]
        canvas.polygon(np.array(corners), colour)
    if look.bag == "shoulder":
        hip = _moved(view.joints[gait.HIP], 0, -0.02 * unit)
        canvas.ellipse(_moved(hip, -0.03 * unit * view.front, 0), (0.05 * unit, 0.042 * unit), colour)


@lru_cache(maxsize=512)
def _texture(look: Look) -> NDArray[np.float32]:
    return torso_texture(look).astype(np.float32)


def _lit(colour: Colour, light: float) -> Colour:
    return int(min(255.0, colour[0] * light)), int(min(255.0, colour[1] * light)), int(min(255.0, colour[2] * light))


def _moved(point: Array, x: float, y: float) -> Array:
    return np.asarray(point + np.array([x, y]))
