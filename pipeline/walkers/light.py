"""Sun, shadows and exposure, and how they change during a sequence."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.walkers import gait
from pipeline.walkers.camera import Array, Camera
from pipeline.walkers.draw import ACROSS
from pipeline.walkers.people import Image
from pipeline.walkers.riding import Bicycles

SHADOW_STRIDE = 2  # shadows are drawn at half resolution: they are soft
BONES = (
    (gait.HIP, gait.KNEE, 0.085), (gait.HIP + 1, gait.KNEE + 1, 0.085), (gait.KNEE, gait.ANKLE, 0.06),
    (gait.KNEE + 1, gait.ANKLE + 1, 0.06),
    (gait.PELVIS, gait.NECK, 0.24), (gait.NECK, gait.HEAD, 0.12), (gait.SHOULDER, gait.HAND, 0.06),
    (gait.SHOULDER + 1, gait.HAND + 1, 0.06),
)  # fmt: skip


@dataclass(frozen=True)
class Light:
    """Illumination of a scene.

    Attributes:
        azimuth: radians of the direction the sun shines from, 0 behind the camera, a quarter turn at its right.
        length: metres of shadow per metre of height.
        shadow: 0 no cast shadows to 1 black ones.
        swing: relative amplitude of the exposure's change.
        period: seconds of one change.
        phase: radians.
        warmth: relative change of red against blue over the period.
        blur: pixels, deviation of the lens's softness.
        noise: grey levels, deviation of the sensor's noise.
    """

    azimuth: float
    length: float
    shadow: float
    swing: float
    period: float
    phase: float
    warmth: float
    blur: float
    noise: float

    def across(self) -> Array:
        """(32,) brightness across the visible half of an upright cylinder."""
        facing = np.cos(ACROSS - self.azimuth)
        return np.asarray(0.74 + 0.12 * np.cos(ACROSS) + (0.1 + 0.25 * self.shadow) * np.clip(facing, 0, None))

    def exposure(self, seconds: float) -> Image:
        """(1, 256, 3) uint8 lookup table of the moment's brightness and colour."""
        wave = np.sin(2 * np.pi * seconds / self.period + self.phase)
        gains = (1 + self.swing * wave) * np.array([1 - self.warmth * wave, 1.0, 1 + self.warmth * wave])
        return np.asarray(np.clip(np.arange(256)[:, None] * gains, 0, 255)[None], np.uint8)

    def shadow_strength(self, seconds: float) -> float:
        """Cast shadows fade when a cloud dims the scene."""
        wave = np.sin(2 * np.pi * seconds / self.period + self.phase)
        return float(self.shadow * np.clip(0.8 + 0.4 * wave, 0, 1))


def sample_light(rng: np.random.Generator) -> Light:
    """Sunny or overcast."""
    return Light(
        azimuth=float(rng.uniform(-np.pi, np.pi)),
        length=float(rng.uniform(0.35, 1.3)),
        shadow=float(rng.uniform(0.25, 0.55)) if rng.random() < 0.6 else 0.0,
        swing=float(rng.uniform(0.04, 0.16)),
        period=float(rng.uniform(6.0, 20.0)),
        phase=float(rng.uniform(0, 2 * np.pi)),
        warmth=float(rng.uniform(-0.04, 0.04)),
        blur=float(rng.uniform(0.35, 0.75)),
        noise=float(rng.uniform(1.0, 3.0)),
    )


def shadow_mask(
    light: Light, camera: Camera, joints: Array, stature: Array, poles: Array, seconds: float, bicycles: Bicycles | None = None
) -> Image:
    """(height, width, 3) uint8 factors of 255 that darken the ground.

    Args:
        light: the sun.
        camera: the view.
        joints: (P, 17, 3) world metres.
        stature: (P,) metres.
        poles: (K, 4) x, z, half width and height of upright things, metres.
        seconds: time in the sequence.
        bicycles: of the last people; the ground is dark under their wheels instead of their feet.
    """
    mask = np.full((camera.height // SHADOW_STRIDE, camera.width // SHADOW_STRIDE), 255, np.uint8)
    strength = light.shadow_strength(seconds)
    if strength > 0.03:
        _cast(mask, light, camera, joints, stature, poles, round(255 * (1 - strength)))
        if bicycles is not None:
            _cast_wheels(mask, light, camera, bicycles, round(255 * (1 - strength)))
    walking = joints if bicycles is None else joints[: len(joints) - len(bicycles.frame)]
    _contact(mask, camera, _feet(walking), 0.17)
    if bicycles is not None:
        _contact(mask, camera, bicycles.contacts, 0.12)
    mask = cv2.blur(mask, (3, 3))
    full = cv2.resize(mask, (camera.width, camera.height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.merge([full, full, full]), np.uint8)


def _cast(mask: Image, light: Light, camera: Camera, joints: Array, stature: Array, poles: Array, value: int) -> None:
    slope = _slope(light)
    fallen = _fallen(joints, slope)
    for pixels, depths, body in zip(*camera.project(fallen), stature, strict=True):
        if depths.min() < 1.0:
            continue
        points = _fixed(pixels)
        for start, end, width in BONES:
            cv2.line(mask, points[start], points[end], value, _thick(width * body / 1.7, camera, float(depths[start])), cv2.LINE_8, 2)
    for x, z, half, height in poles:
        top = (x + slope[0] * height, z + slope[1] * height)
        ends = np.array([[x - half, 0, z], [x + half, 0, z], [top[0] + half, 0, top[1]], [top[0] - half, 0, top[1]]])
        pixels, depths = camera.project(ends)
        if depths.min() > 1.0:
            cv2.fillPoly(mask, [np.array(_fixed(pixels), np.int32)], value, cv2.LINE_8, 2)


def _cast_wheels(mask: Image, light: Light, camera: Camera, bicycles: Bicycles, value: int) -> None:
    wheels = _fallen(bicycles.rims.reshape(-1, *bicycles.rims.shape[2:]), _slope(light))
    for pixels, depths in zip(*camera.project(wheels), strict=True):
        if depths.min() > 1.0:
            cv2.polylines(mask, [np.array(_fixed(pixels), np.int32)], True, value, _thick(0.04, camera, float(depths[0])), cv2.LINE_8, 2)


def _slope(light: Light) -> Array:
    """(2,) metres x and z that a shadow falls for each metre of height."""
    return light.length * np.array([-np.sin(light.azimuth), np.cos(light.azimuth)])


def _fallen(points: Array, slope: Array) -> Array:
    """(..., 3) the shadows of points on the ground."""
    fallen = points.copy()
    fallen[..., [0, 2]] += points[..., 1:2] * slope
    fallen[..., 1] = 0
    return fallen


def _feet(joints: Array) -> Array:
    feet = (joints[:, gait.ANKLE : gait.ANKLE + 2] + joints[:, gait.TOE : gait.TOE + 2]) / 2 * np.array([1.0, 0.0, 1.0])
    return np.asarray(feet.reshape(-1, 3))


def _contact(mask: Image, camera: Camera, points: Array, metres: float) -> None:
    """A dark spot on the ground at each point, present in any light; `metres`: half its width."""
    pixels, depths = camera.project(points)
    for (x, y), depth in zip(_fixed(pixels), depths, strict=True):
        if depth > 1.0:
            wide = metres * camera.focal / depth / SHADOW_STRIDE * 4
            flat = wide * float(np.clip(camera.altitude / depth, 0.15, 0.7))
            cv2.ellipse(mask, (x, y), (max(2, round(wide)), max(2, round(flat))), 0, 0, 360, 165, -1, cv2.LINE_8, 2)


def _fixed(pixels: Array) -> list[tuple[int, int]]:
    """Frame pixels to the mask's coordinates with two fractional bits."""
    clipped = np.clip((pixels / SHADOW_STRIDE - 0.5) * 4, -30000, 30000)
    return [(int(x), int(y)) for x, y in np.rint(clipped)]


def _thick(metres: float, camera: Camera, depth: float) -> int:
    return int(np.clip(round(metres * camera.focal / depth / SHADOW_STRIDE), 1, 200))
