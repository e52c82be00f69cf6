"""A pinhole camera above a ground plane, and how it turns during a sequence."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Camera:
    """A camera at (0, altitude, 0) without roll.

    Attributes:
        focal: focal length in pixels.
        width: image width in pixels; the principal point is the image's centre.
        height: image height in pixels.
        altitude: metres above the ground.
        pitch: radians that the optical axis points below the horizon.
        yaw: radians that the optical axis points right of +z.
    """

    focal: float
    width: int
    height: int
    altitude: float
    pitch: float
    yaw: float = 0.0

    @property
    def rotation(self) -> Array:
        """(3, 3) world to camera axes (x right, y down, z along the optical axis)."""
        cos_yaw, sin_yaw, cos_pitch, sin_pitch = np.cos(self.yaw), np.sin(self.yaw), np.cos(self.pitch), np.sin(self.pitch)
        level = np.array([[cos_yaw, 0.0, -sin_yaw], [0.0, -1.0, 0.0], [sin_yaw, 0.0, cos_yaw]])
        tilt = np.array([[1.0, 0.0, 0.0], [0.0, cos_pitch, -sin_pitch], [0.0, sin_pitch, cos_pitch]])
        return np.asarray(tilt @ level)

    @property
    def intrinsics(self) -> Array:
        """(3, 3) camera axes to homogeneous pixels."""
        return np.array([[self.focal, 0.0, self.width / 2], [0.0, self.focal, self.height / 2], [0.0, 0.0, 1.0]])

    def turned(self, yaw: float, pitch: float) -> Camera:
        """The same camera turned by further radians."""
        return replace(self, yaw=self.yaw + yaw, pitch=self.pitch + pitch)

    def widened(self, margin: int) -> Camera:
        """The same view with `margin` pixels more on each side."""
        return replace(self, width=self.width + 2 * margin, height=self.height + 2 * margin)

    def project(self, points: Array) -> tuple[Array, Array]:
        """Project (..., 3) world metres to (..., 2) pixels and (...) depths in metres along the optical axis."""
        axes = (points - np.array([0.0, self.altitude, 0.0])) @ self.rotation.T
        depths = axes[..., 2]
        centre = np.array([self.width / 2, self.height / 2])
        return axes[..., :2] * (self.focal / np.maximum(depths, 1e-6))[..., None] + centre, depths

    def homography(self, other: Camera) -> Array:
        """(3, 3) from this camera's pixels to those of `other`, which differs only by a turn and image size."""
        return np.asarray(other.intrinsics @ other.rotation @ self.rotation.T @ np.linalg.inv(self.intrinsics))

    def rays(self, stride: int = 1) -> Array:
        """World directions (height // stride, width // stride, 3) through pixel centres, one metre deep along the optical axis."""
        columns = (np.arange(self.width // stride) + 0.5) * stride
        rows = (np.arange(self.height // stride) + 0.5) * stride
        x, y = np.meshgrid((columns - self.width / 2) / self.focal, (rows - self.height / 2) / self.focal)
        return np.asarray(np.stack([x, y, np.ones_like(x)], axis=-1) @ self.rotation)

    def surface_depth(self, backdrop: float, stride: int = 1) -> Array:
        """Depth of the empty scene: the ground up to the plane z = `backdrop`, then that plane.

        Returns:
            (height // stride, width // stride) float64, metres along the optical axis.
        """
        rays = self.rays(stride)
        with np.errstate(divide="ignore"):
            ground = np.where(rays[..., 1] < 0, -self.altitude / rays[..., 1], np.inf)
        return np.minimum(ground, backdrop / np.maximum(rays[..., 2], 1e-3))

    def half_width(self, depth: Array | float) -> Array:
        """Half the width in metres of what the camera sees at ground distance `depth` straight ahead."""
        along = np.asarray(depth) * np.cos(self.pitch) + self.altitude * np.sin(self.pitch)
        return np.asarray(along * (self.width / 2) / self.focal)

    def ground_distance(self, row: float) -> float:
        """Metres along +z to the ground seen at image row `row` (infinite at and above the horizon)."""
        angle = self.pitch + np.arctan((row - self.height / 2) / self.focal)
        return float(self.altitude / np.tan(angle)) if angle > 1e-6 else float("inf")


def sample_camera(rng: np.random.Generator, width: int, height: int, *, still: bool) -> Camera:
    """A street camera: the image's bottom shows ground 4 to 7 m away; stills vary more, up to a roof camera."""
    focal = width * rng.uniform(0.80, 1.15)
    near = rng.uniform(4.2, 6.0) * focal / (0.94 * width)
    altitude = rng.uniform(2.6, 4.0)
    if still and rng.random() < 0.5:
        near, altitude = near * rng.uniform(1.0, 2.2), altitude * rng.uniform(0.8, 2.4)
    pitch = np.arctan2(altitude, near) - np.arctan(height / 2 / focal)
    return Camera(focal, width, height, altitude, float(np.clip(pitch, 0.03, 0.9)))


def sample_path(rng: np.random.Generator, camera: Camera, seconds: Array, *, moving: bool) -> list[Camera]:
    """The camera at each of (T,) times in seconds: fixed, or a slow pan with a faint sway."""
    if not moving:
        return [camera] * len(seconds)
    pan = np.deg2rad(rng.uniform(2.0, 5.0)) * np.sin(2 * np.pi * seconds / rng.uniform(9.0, 16.0) + rng.uniform(0, 2 * np.pi))
    sway = np.deg2rad(rng.uniform(0.1, 0.35)) * np.sin(2 * np.pi * seconds / rng.uniform(1.5, 3.0))
    tremble = np.deg2rad(rng.uniform(0.05, 0.2)) * np.sin(2 * np.pi * seconds / rng.uniform(0.8, 1.6))
    return [camera.turned(float(yaw), float(pitch)) for yaw, pitch in zip(pan + tremble, sway, strict=True)]
