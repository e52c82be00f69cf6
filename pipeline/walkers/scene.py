"""A whole scene: camera, ground, light, occluders and people, sampled from a name."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace

import numpy as np

from pipeline.params.sections.data import RenderWalkers
from pipeline.walkers.backdrop import Backdrop, sample_backdrop
from pipeline.walkers.camera import Array, Camera, sample_camera, sample_path
from pipeline.walkers.crowd import Area, Tracks, scatter, simulate, walking_area
from pipeline.walkers.light import Light, sample_light
from pipeline.walkers.occluders import Occluder, sample_occluders
from pipeline.walkers.people import Look, sample_looks
from pipeline.walkers.riding import ride


@dataclass(frozen=True)
class Scene:
    """Everything that determines the pixels and labels of T frames.

    Attributes:
        name: of the sequence or still.
        seed: of what is drawn frame by frame (noise, the imitated detector).
        rate: frames per second.
        cameras: T views that differ from `camera` by turns only.
        camera: the view at rest.
        backdrop: the empty scene.
        light: sun and exposure.
        occluders: standing things.
        looks: P people, those on foot first.
        tracks: what they do.
        cyclists: how many of the people ride, the last ones.
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
    cyclists: int = 0

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
    scene = Scene(name, key, section.frame_rate, cameras, camera, backdrop, light, occluders, looks, tracks)
    return _with_cyclists(scene, area, section.cyclists) if section.cyclists else scene


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
    scene = Scene(name, key, section.frame_rate, [camera], camera, backdrop, light, occluders, looks, tracks)
    return _with_cyclists(scene, area, section.cyclists) if section.cyclists else scene


def obstacles(occluders: list[Occluder]) -> Array:
    """(K, 3) x, z and radius in metres, for people to walk around."""
    return np.array([[item.x, item.z, item.half] for item in occluders], float).reshape(-1, 3)


def _with_cyclists(scene: Scene, area: Area, count: int) -> Scene:
    """The same scene with cyclists, drawn from numbers of their own: nothing else in it changes."""
    rng = np.random.default_rng([*scene.seed, 3])
    tracks = ride(rng, scene.camera, area, count, obstacles(scene.occluders), len(scene.cameras), scene.rate)
    looks = [_dressed_for_riding(look) for look in sample_looks(rng, count)]
    both = Tracks(*(np.concatenate(columns, axis=1) for columns in zip(scene.tracks, tracks, strict=True)))
    return replace(scene, looks=[*scene.looks, *looks], tracks=both, cyclists=count)


def _dressed_for_riding(look: Look) -> Look:
    lower, bag = ("shorts" if look.lower == "skirt" else look.lower), ("backpack" if look.bag == "backpack" else "none")
    return replace(look, lower=lower, coat=0.0, bag=bag)
