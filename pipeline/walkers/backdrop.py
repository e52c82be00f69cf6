"""The empty scene: textured ground up to a plane of facades and trees, below a sky."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.walkers.camera import Array, Camera
from pipeline.walkers.people import Colour, Image

FloatImage = NDArray[np.float32]

GROUNDS: dict[str, Colour] = {
    "asphalt": (104, 102, 100),
    "paving": (150, 158, 164),
    "grass": (70, 118, 96),
    "brick": (104, 124, 156),
    "sand": (150, 178, 192),
}
FACADES: tuple[Colour, ...] = ((120, 140, 165), (90, 100, 125), (165, 175, 180), (110, 120, 120), (140, 165, 190), (70, 85, 120))


@dataclass(frozen=True)
class Backdrop:
    """Parameters of an empty scene.

    Attributes:
        seed: of its textures.
        style: of the ground, a key of GROUNDS.
        ground: colour of the ground.
        tile: metres between the joints of the paving.
        path: centre x (metres at z = 10), width and slope of a strip of other ground.
        distance: metres to the plane of facades and trees.
        sky: colour.
        contrast: strength of the ground's stains.
    """

    seed: int
    style: str
    ground: Colour
    tile: float
    path: tuple[float, float, float]
    distance: float
    sky: Colour
    contrast: float


def sample_backdrop(rng: np.random.Generator) -> Backdrop:
    """A random empty scene."""
    style = str(rng.choice(list(GROUNDS)))
    base = np.array(GROUNDS[style]) * rng.uniform(0.75, 1.2) + rng.normal(0, 5, 3)
    blue, green, red = (int(c) for c in np.clip(base, 30, 215))
    haze = float(rng.uniform(0.75, 1.0))
    return Backdrop(
        seed=int(rng.integers(2**31)),
        style=style,
        ground=(blue, green, red),
        tile=float(rng.uniform(0.5, 1.8)),
        path=(float(rng.uniform(-3, 3)), float(rng.uniform(1.2, 4.0)), float(rng.uniform(-0.5, 0.5))),
        distance=float(rng.uniform(22, 38)),
        sky=(int(235 * haze), int(215 * haze), int(195 * haze)),
        contrast=float(rng.uniform(0.02, 0.08)),
    )


def paint_backdrop(backdrop: Backdrop, camera: Camera) -> Image:
    """(height, width, 3) uint8: what the camera sees without people and occluders."""
    rng = np.random.default_rng(backdrop.seed)
    picture = _far_plane(backdrop, camera, rng)
    top, ground, seen = _ground(backdrop, camera, rng)
    np.copyto(picture[top:], ground, where=seen[..., None])
    grain = rng.normal(1.0, 0.025, picture.shape[:2]).astype(np.float32)
    return np.asarray(np.clip(picture * grain[..., None], 0, 255), np.uint8)


def _ground(backdrop: Backdrop, camera: Camera, rng: np.random.Generator) -> tuple[int, FloatImage, NDArray[np.bool_]]:
    """The first row that shows ground; the ground from there on, and where it is what is seen."""
    rays = camera.rays()
    depth = -camera.altitude / np.minimum(rays[..., 1], -1e-3)
    seen = (rays[..., 1] < -1e-3) & (rays[..., 2] * depth < backdrop.distance)
    top = int(seen.any(axis=1).argmax())
    rays, depth, seen = rays[top:], depth[top:], seen[top:]
    x, z = rays[..., 0] * depth, rays[..., 2] * depth
    stains = _stains(rng, x, z, 3.0) * backdrop.contrast + _stains(rng, x, z, 16.0) * backdrop.contrast * 0.6
    colour = np.empty((*x.shape, 3), np.float32)
    colour[:] = backdrop.ground
    centre, width, slope = backdrop.path
    strip = np.abs(x - centre - slope * (z - 10)) < width / 2
    colour[strip] *= np.float32(1.14 if backdrop.seed % 2 else 0.84)
    footprint = depth / camera.focal
    shade = 1.0 + stains - _joints(backdrop, x, z, footprint, footprint * depth / camera.altitude)
    return top, colour * shade.astype(np.float32)[..., None], seen


def _stains(rng: np.random.Generator, x: Array, z: Array, frequency: float) -> FloatImage:
    """Smooth noise of unit deviation fixed to the ground, repeating without a seam; `frequency` in texture cells per metre."""
    size, pad = 256, 12
    white = np.pad(rng.standard_normal((size, size), dtype=np.float32), pad, mode="wrap")
    noise = cv2.GaussianBlur(white, (0, 0), 2.0)[pad:, pad:][: size + 1, : size + 1]
    u, v = (x * frequency % size).astype(np.float32), (z * frequency % size).astype(np.float32)
    return np.asarray(cv2.remap(noise / noise.std(), u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _joints(backdrop: Backdrop, x: Array, z: Array, across: Array, along: Array) -> FloatImage:
    """Darkness of the joints between tiles, faded where a pixel is wider than a joint."""
    if backdrop.style in ("grass", "sand", "asphalt"):
        return np.zeros(x.shape, np.float32)
    total = np.zeros(x.shape, np.float32)
    for coordinate, footprint in ((x, across), (z, along)):
        distance = np.abs((coordinate / backdrop.tile + 0.5) % 1.0 - 0.5) * backdrop.tile
        width = np.maximum(0.03, footprint)
        total += ((distance < width / 2) * (0.03 / width) * 0.28).astype(np.float32)
    return total


def _far_plane(backdrop: Backdrop, camera: Camera, rng: np.random.Generator) -> FloatImage:
    """Sky, facades with windows, hedges and trees on the plane z = distance."""
    picture = np.empty((camera.height, camera.width, 3), np.float32)
    picture[:] = np.array(backdrop.sky, np.float32) * np.linspace(0.92, 1.05, camera.height, dtype=np.float32)[:, None, None]
    reach = 1.3 * float(camera.half_width(backdrop.distance)) + backdrop.distance * abs(np.tan(camera.yaw))
    start = -reach
    while start < reach:
        width = float(rng.uniform(3.0, 9.0))
        if rng.random() < 0.6:
            _facade(picture, camera, backdrop, rng, start, width)
        else:
            _tree(picture, camera, backdrop, rng, start, width)
        start += width
    _hedge(picture, camera, backdrop, rng, reach)
    return picture


def _pixels(camera: Camera, backdrop: Backdrop, points: list[tuple[float, float]]) -> NDArray[np.int32]:
    world = np.array([[x, y, backdrop.distance] for x, y in points])
    return np.rint(camera.project(world)[0]).astype(np.int32)


def _fill(
    picture: FloatImage, camera: Camera, backdrop: Backdrop, low: tuple[float, float], high: tuple[float, float], colour: Array
) -> None:
    corners = _pixels(camera, backdrop, [low, (high[0], low[1]), high, (low[0], high[1])])
    cv2.fillPoly(picture, [corners], colour.tolist())


def _facade(picture: FloatImage, camera: Camera, backdrop: Backdrop, rng: np.random.Generator, start: float, width: float) -> None:
    height = float(rng.uniform(4.5, 12.0))
    colour = np.array(FACADES[int(rng.integers(len(FACADES)))]) * rng.uniform(0.8, 1.15)
    _fill(picture, camera, backdrop, (start, 0), (start + width, height), colour)
    glass = (colour * rng.uniform(0.45, 0.8)).tolist()
    step, tall = float(rng.uniform(1.1, 2.2)), float(rng.uniform(1.0, 1.7))
    for x in np.arange(start + 0.4, start + width - 0.9, step):
        for y in np.arange(0.9, height - tall, 2.8):
            low, high = _pixels(camera, backdrop, [(x, y), (x + 0.6 * step, y + tall)])
            cv2.rectangle(picture, low.tolist(), high.tolist(), glass, -1)


def _tree(picture: FloatImage, camera: Camera, backdrop: Backdrop, rng: np.random.Generator, start: float, width: float) -> None:
    green = np.array([60, 105, 80]) * rng.uniform(0.6, 1.1)
    trunk = _pixels(camera, backdrop, [(start + width / 2, 0), (start + width / 2, 3)])
    scale = camera.focal / backdrop.distance
    cv2.line(picture, trunk[0].tolist(), trunk[1].tolist(), [50.0, 62.0, 74.0], max(1, round(0.4 * scale)))
    for _ in range(22):
        x, y = rng.normal(start + width / 2, width / 4), rng.normal(4.0, 1.1)
        centre = _pixels(camera, backdrop, [(float(x), float(y))])[0]
        radius = max(1, round(float(rng.uniform(0.4, 1.1)) * scale))
        cv2.circle(picture, centre.tolist(), radius, (green * rng.uniform(0.75, 1.2)).tolist(), -1)


def _hedge(picture: FloatImage, camera: Camera, backdrop: Backdrop, rng: np.random.Generator, reach: float) -> None:
    height = float(rng.uniform(0.3, 1.3))
    colour = (np.array([62, 96, 76]) if rng.random() < 0.6 else np.array([130, 138, 142])) * rng.uniform(0.7, 1.1)
    _fill(picture, camera, backdrop, (-reach, 0), (reach, height), colour)
