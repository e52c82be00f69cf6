"""A whole scene: camera, ground, light, occluders and people, sampled from a name."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from pipeline.params.sections.data import RenderWalkers
from pipeline.walkers.backdrop import Backdrop, sample_backdrop
from pipeline.walkers.camera import Array, Camera, sample_camera, sample_path
from pipeline.walkers.crowd import Tracks, scatter, simulate, walking_area
from pipeline.walkers.light import Light, sample_light
from pipeline.walkers.occluders import Occluder, sample_occluders
from pipeline.walkers.people import Look, sample_looks


@dataclass(frozen=True)
class Scene:
    """Everything that determines the pixels and labels of T frames.

    Attributes:
        name: of the sequence or still.
        seed: of what is drawn frame by frame (noise, the imitated detector).
        rate: frames a second.
        cameras: T views that differ from `camera` by turns only.
        camera: the view at rest.
        backdrop: the empty scene.
        light: sun and exposure.
        occluders: standing things.
        looks: P people.
        tracks: what they do.
    """

    name: str
    seed: tuple[int, int]
    rate: float
    cameras: list[Camera]
    camera: Camera
    backdrop: Backdrop
    light: Light
    occluders: list[Occluder]
    looks: list[Look]
    tracks: Tracks

    @property
    def stature(self) -> Array:
        """(P,) metres."""
        return np.array([look.stature for look in self.looks])


def sample_sequence(section: RenderWalkers, seed: int, name: str, *, moving: bool) -> Scene:
    """The scene of a sequence; a function of (seed, name) and the parameters."""
    key = (seed, zlib.crc32(name.encode()))
    rng = np.random.default_rng(key)
    camera = sample_camera(rng, section.width, section.height, still=False)
    backdrop = sample_backdrop(rng)
    light = sample_light(rng)
    area = walking_area(camera, backdrop.distance)
    occluders = sample_occluders(rng, camera, section.occluders, area.near, area.far)
    looks = sample_looks(rng, section.people)
    stature = np.array([look.stature for look in looks])
    tracks = simulate(rng, camera, area, stature, obstacles(occluders), section.frames, section.frame_rate)
    cameras = sample_path(rng, camera, np.arange(section.frames) / section.frame_rate, moving=moving)
    return Scene(name, key, section.frame_rate, cameras, camera, backdrop, light, occluders, looks, tracks)


def sample_still(section: RenderWalkers, seed: int, name: str) -> Scene:
    """The scene of one still: another camera, place, light and crowd each time."""
    key = (seed, zlib.crc32(name.encode()))
    rng = np.random.default_rng(key)
    camera = sample_camera(rng, section.width, section.height, still=True)
    backdrop = sample_backdrop(rng)
    light = sample_light(rng)
    area = walking_area(camera, backdrop.distance, smallest=float(rng.uniform(36, 64)))
    occluders = sample_occluders(rng, camera, int(rng.integers(section.occluders + 1)), area.near, area.far)
    looks = sample_looks(rng, max(1, round(section.people * float(rng.uniform(0.4, 1.3)))))
    tracks = scatter(rng, camera, area, len(looks), obstacles(occluders))
    return Scene(name, key, section.frame_rate, [camera], camera, backdrop, light, occluders, looks, tracks)


def obstacles(occluders: list[Occluder]) -> Array:
    """(K, 3) x, z and radius in metres, for people to walk around."""
    return np.array([[item.x, item.z, item.half] for item in occluders], float).reshape(-1, 3)
