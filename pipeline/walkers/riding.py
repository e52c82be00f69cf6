"""Cyclists: the loops they ride, their poses on the saddle, and the bicycle under them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pipeline.walkers import gait
from pipeline.walkers.camera import Array, Camera
from pipeline.walkers.crowd import Area, Tracks

SLOWEST, FASTEST = 3.0, 5.0  # metres per second
ATTEMPTS = 12  # loops tried for the one that keeps clear of things
STEPS = 720  # points that a loop is measured by
GEARING = 4.6  # metres that one turn of the cranks covers

# The bicycle, in metres: forward of the point between the wheels, up.
WHEEL, AXLE = 0.34, 0.52
CRANKS, CRANK = np.array([-0.07, 0.28]), 0.17
SADDLE, HEAD_TUBE, HANDLEBAR = np.array([-0.24, 0.92]), np.array([0.33, 0.88]), np.array([0.36, 1.02])
HALF_BAR, HALF_TREAD = 0.24, 0.11  # metres right of the middle: hands and feet
RIM_POINTS = 28
BACK = np.array([np.sin(0.62), np.cos(0.62)])  # direction of the trunk, forward and up


class Bicycles(NamedTuple):
    """C bicycles in world metres.

    Attributes:
        rims: (C, 2, 28, 3) points around the rear and the front wheel.
        frame: (C, 6, 3) rear axle, front axle, cranks, saddle, head tube, handlebar.
        bar: (C, 2, 3) the handlebar's left and right end.
        pedals: (C, 2, 3) left and right.
    """

    rims: Array
    frame: Array
    bar: Array
    pedals: Array

    @property
    def contacts(self) -> Array:
        """(2 C, 3) where wheels touch the ground."""
        return np.asarray((self.frame[:, :2] * np.array([1.0, 0.0, 1.0])).reshape(-1, 3))


def ride(rng: np.random.Generator, camera: Camera, area: Area, count: int, obstacles: Array, frames: int, rate: float) -> Tracks:
    """`count` cyclists on loops of their own, at one speed each; they do not swerve for people.

    Args:
        rng: source of all choices.
        camera: the view that loops cross.
        area: where they lie.
        count: C.
        obstacles: (K, 3) x, z and radius in metres, which loops keep away from where they can.
        frames: T.
        rate: frames per second.

    Returns:
        Tracks of C cyclists: phases are those of the cranks, efforts are 1.
    """
    found = [_loop(rng, camera, area, obstacles, np.arange(frames) / rate) for _ in range(count)]
    positions = np.stack([position for position, _ in found], axis=1) if found else np.zeros((frames, 0, 2))
    headings = np.stack([heading for _, heading in found], axis=1) if found else np.zeros((frames, 0))
    steps = np.hypot(*np.diff(positions, axis=0, prepend=positions[:1]).transpose(2, 0, 1))
    phases = rng.uniform(0, 2 * np.pi, count) + 2 * np.pi * np.cumsum(steps, axis=0) / GEARING
    return Tracks(positions, headings, phases, np.ones_like(phases))


def skeletons(position: Array, heading: Array, phase: Array, stature: Array) -> Array:
    """Joints of C cyclists.

    Args:
        position: (C, 2) metres, x and z of the point between the wheels.
        heading: (C,) radians, 0 looks along +z, a quarter turn along +x.
        phase: (C,) radians of the cranks.
        stature: (C,) metres.

    Returns:
        (C, 17, 3) world metres, numbered as `gait`'s.
    """
    body = np.zeros((len(position), gait.JOINTS, 3))  # forward, up, right; metres
    tall = stature[:, None]
    pelvis = np.broadcast_to(SADDLE + np.array([0.0, 0.06]), (len(position), 2))
    neck = pelvis + gait.TRUNK * tall * BACK
    body[:, gait.PELVIS, :2], body[:, gait.NECK, :2] = pelvis, neck
    body[:, gait.HEAD, :2] = neck + gait.SKULL * tall * np.array([0.35, 0.94])
    for side, sign in ((0, -1.0), (1, 1.0)):
        hip = _sideways(pelvis, sign * gait.HIP_HALF * stature)
        foot = _sideways(_pedal(phase, side) + np.array([-0.04, 0.07]), np.full(len(position), sign * HALF_TREAD))
        body[:, gait.HIP + side], body[:, gait.ANKLE + side] = hip, foot
        body[:, gait.KNEE + side] = _bent(hip, foot, gait.THIGH * stature, gait.SHANK * stature, np.array([1.0, 0.35, 0.0]))
        body[:, gait.TOE + side] = foot + np.array([0.8, -0.45, 0.0]) * (gait.FOOT * tall)
        shoulder = _sideways(neck - 0.035 * tall * BACK, sign * gait.SHOULDER_HALF * stature)
        hand = _sideways(np.broadcast_to(HANDLEBAR, (len(position), 2)), np.full(len(position), sign * HALF_BAR))
        body[:, gait.SHOULDER + side], body[:, gait.HAND + side] = shoulder, hand
        elbow = _bent(shoulder, hand, gait.UPPER_ARM * stature, gait.FOREARM * stature, np.array([-0.3, -1.0, 0.4 * sign]))
        body[:, gait.ELBOW + side] = elbow
    return gait.to_world(body, position, heading)


def bicycles(position: Array, heading: Array, phase: Array) -> Bicycles:
    """The bicycles of cyclists; arguments as of `skeletons`."""
    count = len(position)
    angle = np.arange(RIM_POINTS) * (2 * np.pi / RIM_POINTS)
    circle = WHEEL * np.stack([np.cos(angle), np.sin(angle), np.zeros_like(angle)], axis=-1)
    axles = np.array([[-AXLE, WHEEL, 0.0], [AXLE, WHEEL, 0.0]])
    rims = (axles[:, None] + circle[None]).reshape(-1, 3)
    joints = np.array([[*point, 0.0] for point in (CRANKS, SADDLE, HEAD_TUBE, HANDLEBAR)])
    bar = np.array([[*HANDLEBAR, -HALF_BAR], [*HANDLEBAR, HALF_BAR]])
    fixed = np.broadcast_to(np.concatenate([rims, axles, joints, bar]), (count, len(rims) + 8, 3))
    pedals = np.stack([_sideways(_pedal(phase, side), np.full(count, sign * HALF_TREAD)) for side, sign in ((0, -1.0), (1, 1.0))], axis=1)
    world = gait.to_world(np.concatenate([fixed, pedals], axis=1), position, heading)
    around, ends = len(rims), len(rims) + 6
    return Bicycles(
        world[:, :around].reshape(count, 2, RIM_POINTS, 3), world[:, around:ends], world[:, ends : ends + 2], world[:, ends + 2 :]
    )


def _loop(rng: np.random.Generator, camera: Camera, area: Area, obstacles: Array, seconds: Array) -> tuple[Array, Array]:
    """(T, 2) places and (T,) headings on a closed loop: flat ones lead out of the image on both sides and come back."""
    best, widest = np.zeros((STEPS + 1, 2)), -np.inf
    for _ in range(ATTEMPTS):
        centre = area.near + (area.far - area.near) * rng.uniform(0.25, 0.75)
        deep = rng.uniform(0.3, 0.95) * min(centre - area.near, area.far - centre)
        wide = rng.uniform(0.6, 1.5) * float(camera.half_width(centre))
        turn = np.linspace(0, 2 * np.pi, STEPS + 1)
        middle = rng.uniform(-0.3, 0.3) * float(camera.half_width(centre))
        path = np.stack([middle + wide * np.cos(turn), centre + deep * np.sin(turn)], axis=-1)
        room = float((np.hypot(*(path[:, None] - obstacles[None, :, :2]).transpose(2, 0, 1)) - obstacles[:, 2]).min(initial=2.0))
        if room > widest:
            best, widest = path, room
    best = best if rng.random() < 0.5 else best[::-1]
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(best, axis=0).T))])
    way = (rng.uniform(0, along[-1]) + rng.uniform(SLOWEST, FASTEST) * seconds) % along[-1]
    position = np.stack([np.interp(way, along, best[:, axis]) for axis in (0, 1)], axis=-1)
    ahead = np.stack([np.interp((way + 0.3) % along[-1], along, best[:, axis]) for axis in (0, 1)], axis=-1) - position
    return position, np.arctan2(ahead[:, 0], ahead[:, 1])


def _pedal(phase: Array, side: int) -> Array:
    """(C, 2) forward and up of a pedal; turning forward at the top."""
    angle = phase + np.pi * side
    return CRANKS + CRANK * np.stack([np.sin(angle), np.cos(angle)], axis=-1)


def _sideways(point: Array, right: Array) -> Array:
    """(C, 3) forward, up, right of (C, 2) points."""
    return np.concatenate([point, right[:, None]], axis=-1)


def _bent(start: Array, end: Array, upper: Array, lower: Array, toward: Array) -> Array:
    """(C, 3) the joint between two bones of given lengths from start to end, bent `toward`; straight where they do not reach."""
    along = end - start
    reach = np.linalg.norm(along, axis=-1)
    unit = along / reach[:, None]
    distance = np.minimum(reach, upper + lower)
    share = (distance**2 + upper**2 - lower**2) / (2 * distance)
    height = np.sqrt(np.maximum(upper**2 - share**2, 0.0))
    across = toward - (unit @ toward)[:, None] * unit
    across /= np.linalg.norm(across, axis=-1)[:, None]
    return np.asarray(start + unit * share[:, None] + across * height[:, None])
