"""Things that stand in the way: poles, trees, benches, kiosks, planters and signs, drawn as upright boards facing the camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from pipeline.walkers.camera import Array, Camera
from pipeline.walkers.draw import SUPERSAMPLE, Canvas
from pipeline.walkers.people import Colour, Image

KINDS = ("pole", "tree", "bench", "kiosk", "planter", "sign")
FREQUENCY = (0.26, 0.18, 0.16, 0.08, 0.2, 0.12)
HALF_WIDTHS = {"pole": 0.09, "tree": 0.17, "bench": 0.8, "kiosk": 0.75, "planter": 0.65, "sign": 0.4}
HEIGHTS = {"pole": (3.0, 6.0), "tree": (3.5, 6.0), "bench": (0.8, 0.95), "kiosk": (2.1, 2.6), "planter": (0.6, 1.0), "sign": (1.2, 1.9)}
APART = 2.2  # metres between two things, where there is room
COLOURS: tuple[Colour, ...] = ((60, 64, 66), (110, 116, 120), (48, 70, 52), (44, 52, 130), (130, 84, 44), (40, 120, 170), (180, 184, 188))


@dataclass(frozen=True)
class Occluder:
    """One thing on the ground.

    Attributes:
        kind: one of KINDS.
        x, z: metres, where it stands.
        half: half its width in metres at the height of a person.
        height: metres.
        colour: main colour.
        seed: of its details.
    """

    kind: str
    x: float
    z: float
    half: float
    height: float
    colour: Colour
    seed: int


class Sprite(NamedTuple):
    """A drawn occluder: (h, w, 4) uint8 premultiplied pixels at (left, top), and its depth in metres along the optical axis."""

    pixels: Image
    left: int
    top: int
    depth: float


def sample_occluders(rng: np.random.Generator, camera: Camera, count: int, near: float, far: float) -> list[Occluder]:
    """`count` things between ground distances `near` and `far`, the wide ones not closest to the camera."""
    found: list[Occluder] = []
    for _ in range(count):
        kind = str(rng.choice(KINDS, p=FREQUENCY))
        low = near + (0.1 if kind in ("pole", "tree") else 0.35) * (far - near)
        for _ in range(8):
            z = float(rng.uniform(low, near + 0.8 * (far - near)))
            x = float(rng.uniform(-0.85, 0.85) * camera.half_width(z))
            if all(np.hypot(x - other.x, z - other.z) > APART for other in found):
                break
        colour = COLOURS[int(rng.integers(len(COLOURS)))]
        half = HALF_WIDTHS[kind] * float(rng.uniform(0.8, 1.3))
        found.append(Occluder(kind, x, z, half, float(rng.uniform(*HEIGHTS[kind])), colour, int(rng.integers(2**31))))
    return found


def draw_occluder(occluder: Occluder, camera: Camera) -> Sprite:
    """Draw it as `camera` sees it."""
    rng = np.random.default_rng(occluder.seed)
    spread = 1.6 if occluder.kind == "tree" else occluder.half + 0.15
    top = occluder.height + 1.2
    corners = _board(occluder, camera, [(-spread, -0.05), (spread, -0.05), (spread, top), (-spread, top)])
    limits = np.array([camera.width, camera.height], float)
    low, high = np.clip(corners.min(axis=0), -8, limits), np.clip(corners.max(axis=0), 0, limits + 8)
    depth = float(camera.project(np.array([occluder.x, 0.0, occluder.z]))[1])
    canvas = Canvas.around(low, np.maximum(high, low + 1))
    drawers = {"pole": _pole, "tree": _tree, "bench": _bench, "kiosk": _kiosk, "planter": _planter, "sign": _sign}
    drawers[occluder.kind](canvas, occluder, camera, rng)
    rows, columns = canvas.pixels.shape[:2]
    pixels = cv2.resize(canvas.pixels, (columns // SUPERSAMPLE, rows // SUPERSAMPLE), interpolation=cv2.INTER_AREA)
    return Sprite(np.asarray(pixels, np.uint8), canvas.left, canvas.top, depth)


def turn_sprite(sprite: Sprite, start: Camera, end: Camera, depth: float) -> Sprite | None:
    """The sprite as a turned camera sees it, or None when it has left the image."""
    height, width = sprite.pixels.shape[:2]
    matrix = start.homography(end) @ _shift(sprite.left, sprite.top)
    corners = np.array([[0, 0, 1], [width, 0, 1], [width, height, 1], [0, height, 1]], float) @ matrix.T
    corners = corners[:, :2] / corners[:, 2:]
    low = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(corners.max(axis=0)).astype(int), (end.width, end.height))
    if (high <= low).any():
        return None
    indices = _shift(-0.5 - low[0], -0.5 - low[1]) @ matrix @ _shift(0.5, 0.5)
    size = (int(high[0] - low[0]), int(high[1] - low[1]))
    return Sprite(np.asarray(cv2.warpPerspective(sprite.pixels, indices, size), np.uint8), int(low[0]), int(low[1]), depth)


def _shift(x: float, y: float) -> Array:
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def _board(occluder: Occluder, camera: Camera, points: list[tuple[float, float]]) -> Array:
    """(dx, y) metres on the occluder's board to pixels."""
    return camera.project(np.array([[occluder.x + dx, y, occluder.z] for dx, y in points]))[0]


def _box(canvas: Canvas, occluder: Occluder, camera: Camera, low: tuple[float, float], high: tuple[float, float], light: float) -> None:
    blue, green, red = (int(min(255, c * light)) for c in occluder.colour)
    points = _board(occluder, camera, [low, (high[0], low[1]), high, (low[0], high[1])])
    canvas.polygon(points, (blue, green, red))


def _pole(canvas: Canvas, occluder: Occluder, camera: Camera, rng: np.random.Generator) -> None:
    half = occluder.half
    _box(canvas, occluder, camera, (-half, 0), (half, occluder.height), 1.0)
    _box(canvas, occluder, camera, (-half, 0), (-0.3 * half, occluder.height), 0.8)
    _box(canvas, occluder, camera, (-1.7 * half, 0), (1.7 * half, 0.25), 0.75)


def _tree(canvas: Canvas, occluder: Occluder, camera: Camera, rng: np.random.Generator) -> None:
    half, top = occluder.half, occluder.height
    trunk = [(-1.25 * half, 0), (1.25 * half, 0), (0.8 * half, top), (-0.8 * half, top)]
    shaded = [(0.3 * half, 0), (1.25 * half, 0), (0.8 * half, top), (0.2 * half, top)]
    canvas.polygon(_board(occluder, camera, trunk), (58, 76, 92))
    canvas.polygon(_board(occluder, camera, shaded), (46, 60, 74))
    scale = float(np.hypot(*(_board(occluder, camera, [(1.0, 2.0)]) - _board(occluder, camera, [(0.0, 2.0)]))[0]))
    for _ in range(26):
        centre = _board(occluder, camera, [(float(rng.normal(0, 0.55)), occluder.height + float(rng.normal(0.2, 0.4)))])[0]
        light = rng.uniform(0.7, 1.2)
        canvas.disc(centre, float(rng.uniform(0.18, 0.42)) * scale, (int(52 * light), int(104 * light), int(76 * light)))


def _bench(canvas: Canvas, occluder: Occluder, camera: Camera, rng: np.random.Generator) -> None:
    half, top = occluder.half, occluder.height
    for leg in (-0.85 * half, 0.75 * half):
        _box(canvas, occluder, camera, (leg, 0), (leg + 0.07, top), 0.6)
    for low in (0.38, 0.56, 0.74):
        _box(canvas, occluder, camera, (-half, low), (half, min(low + 0.13, top)), 0.9 + 0.15 * (low > 0.5))


def _kiosk(canvas: Canvas, occluder: Occluder, camera: Camera, rng: np.random.Generator) -> None:
    half, top = occluder.half, occluder.height
    _box(canvas, occluder, camera, (-half, 0), (half, top), 1.0)
    _box(canvas, occluder, camera, (-half, 0), (half, 0.35), 0.7)
    _box(canvas, occluder, camera, (-0.8 * half, 1.0), (0.8 * half, 1.75), 0.45)
    _box(canvas, occluder, camera, (-half - 0.1, top - 0.3), (half + 0.1, top), 1.25)


def _planter(canvas: Canvas, occluder: Occluder, camera: Camera, rng: np.random.Generator) -> None:
    half, top = occluder.half, occluder.height
    scale = float(np.hypot(*(_board(occluder, camera, [(1.0, 0.5)]) - _board(occluder, camera, [(0.0, 0.5)]))[0]))
    for _ in range(22):
        centre = _board(occluder, camera, [(float(rng.uniform(-0.85, 0.85)) * half, top + float(rng.uniform(-0.1, 0.1)))])[0]
        light = rng.uniform(0.6, 1.1)
        canvas.disc(centre, float(rng.uniform(0.08, 0.16)) * scale, (int(56 * light), int(112 * light), int(74 * light)))
    _box(canvas, occluder, camera, (-half, 0), (half, 0.62 * top), 1.0)
    _box(canvas, occluder, camera, (-half, 0.5 * top), (half, 0.62 * top), 1.2)


def _sign(canvas: Canvas, occluder: Occluder, camera: Camera, rng: np.random.Generator) -> None:
    half, top = occluder.half, occluder.height
    _box(canvas, occluder, camera, (-half, 0.15), (half, top), 1.0)
    _box(canvas, occluder, camera, (-0.85 * half, 0.3), (0.85 * half, top - 0.12), 1.35)
    for low in np.arange(0.45, top - 0.3, 0.22):
        _box(canvas, occluder, camera, (-0.7 * half, float(low)), (float(rng.uniform(0, 0.7)) * half, float(low) + 0.07), 0.6)
