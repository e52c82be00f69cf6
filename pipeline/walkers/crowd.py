"""Where people walk: routes with stops, groups, and mutual avoidance."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.walkers.camera import Array, Camera
from pipeline.walkers.gait import STRIDE

BRISK = 1.25  # metres per second at which the stride is full
SMALLEST = 62.0  # pixels of an average person at the far end of the walking area


class Tracks(NamedTuple):
    """What P people do over T frames.

    Attributes:
        positions: (T, P, 2) metres, x and z.
        headings: (T, P) radians, 0 along +z, a quarter turn along +x.
        phases: (T, P) radians of the gait cycle.
        efforts: (T, P) 0 standing to 1 brisk.
    """

    positions: Array
    headings: Array
    phases: Array
    efforts: Array


class Area(NamedTuple):
    """Ground the people use: from `near` to `far` metres ahead, as wide as the image at each distance."""

    near: float
    far: float


@dataclass
class Unit:
    """One person, or a group that shares a route.

    Attributes:
        members: indices of people.
        offsets: (M, 2) metres right of and behind the route.
        goals: (x, z, seconds to stay) in order; the last is kept.
        speed: metres per second.
        wait: seconds left at the present goal.
        heading: (2,) unit direction of the route.
    """

    members: list[int]
    offsets: Array
    goals: list[tuple[float, float, float]]
    speed: float
    wait: float = 0.0
    heading: Array = field(default_factory=lambda: np.array([1.0, 0.0]))


def walking_area(camera: Camera, backdrop: float, smallest: float = SMALLEST) -> Area:
    """From just inside the image's lower edge to where an average person is `smallest` pixels tall."""
    near = max(camera.ground_distance(camera.height * 0.93), 2.2)
    far = float(np.sqrt(max((camera.focal * 1.72 / smallest) ** 2 - camera.altitude**2, 0.0)))
    return Area(near, float(np.clip(far, near + 3.0, backdrop - 2.0)))


def simulate(rng: np.random.Generator, camera: Camera, area: Area, stature: Array, obstacles: Array, frames: int, rate: float) -> Tracks:
    """Walk P people for `frames` frames.

    Args:
        rng: source of all choices.
        camera: the view that routes cross.
        area: where routes lie.
        stature: (P,) metres.
        obstacles: (K, 3) x, z and radius in metres.
        frames: T.
        rate: frames per second.
    """
    units = _units(rng, camera, area, len(stature), frames / rate)
    position = _starts(rng, camera, area, units, obstacles, len(stature))
    velocity = np.zeros_like(position)
    heading = rng.uniform(-np.pi, np.pi, len(stature))
    phase = rng.uniform(0, 2 * np.pi, len(stature))
    records: list[tuple[Array, Array, Array, Array]] = []
    warm_up = round(2 * rate)
    for step in range(frames + warm_up):
        wanted = _wanted(units, position, 1 / rate)
        push = _avoid(position, obstacles, units)
        velocity = velocity + (wanted + push - velocity) * min(1.0, 3.5 / rate)
        speed = np.hypot(velocity[:, 0], velocity[:, 1])
        velocity *= (np.minimum(speed, 1.7) / np.maximum(speed, 1e-6))[:, None]
        position = position + velocity / rate
        heading = _turn(heading, velocity, speed, 1 / rate)
        effort = np.clip(speed / BRISK, 0.0, 1.0) * (speed > 0.08)
        phase = phase + 2 * np.pi * speed / rate / (STRIDE * stature * np.maximum(effort, 0.45))
        if step >= warm_up:
            records.append((position, heading, phase, effort))
    return Tracks(*(np.stack(column) for column in zip(*records, strict=True)))


def scatter(rng: np.random.Generator, camera: Camera, area: Area, count: int, obstacles: Array) -> Tracks:
    """One moment (T = 1) of `count` people who stand or walk anywhere, alone and in groups; `obstacles` as in `simulate`."""
    units = _units(rng, camera, area, count, 1.0)
    position = _starts(rng, camera, area, units, obstacles, count)
    heading = np.empty(count)
    effort = np.empty(count)
    for unit in units:
        heading[unit.members] = rng.uniform(-np.pi, np.pi) + rng.normal(0, 0.3, len(unit.members))
        effort[unit.members] = 0.0 if rng.random() < 0.3 else rng.uniform(0.6, 1.0)
    phase = rng.uniform(0, 2 * np.pi, count)
    return Tracks(position[None], heading[None], phase[None], effort[None])


def _units(rng: np.random.Generator, camera: Camera, area: Area, count: int, seconds: float) -> list[Unit]:
    units = []
    first = 0
    while first < count:
        size = min(int(rng.choice([1, 1, 1, 2, 2, 3])), count - first)
        offsets = np.stack([(np.arange(size) - (size - 1) / 2) * rng.uniform(0.55, 0.75), rng.uniform(-0.25, 0.25, size)], axis=-1)
        goals = _route(rng, camera, area, seconds)
        units.append(Unit(list(range(first, first + size)), offsets, goals, float(rng.uniform(0.85, 1.5))))
        first += size
    return units


def _route(rng: np.random.Generator, camera: Camera, area: Area, seconds: float) -> list[tuple[float, float, float]]:
    """Goals for a little longer than the sequence; the first is where the unit starts."""
    kind = rng.choice(["cross", "wander", "along"], p=[0.38, 0.4, 0.22])
    side = float(rng.choice([-1.0, 1.0]))
    x, z = _inside(rng, camera, area)
    goals = [(x, z, float(rng.uniform(1, 5)) if rng.random() < 0.25 else 0.0)]
    for turn in range(max(2, int(seconds / 4))):
        stop = float(rng.uniform(0.8, 3.0)) if rng.random() < 0.3 else 0.0
        x, z = _inside(rng, camera, area)
        if kind == "cross":
            goals.append((x * 0.9, z, stop))
            goals.append((side * (float(camera.half_width(z)) + rng.uniform(0.85, 1.15)), z, float(rng.uniform(0.1, 0.6))))
            side = -side
        elif kind == "along":
            goals.append((x, (area.near, area.far)[turn % 2], stop))
        else:
            goals.append((x, z, stop))
    return goals


def _inside(rng: np.random.Generator, camera: Camera, area: Area) -> tuple[float, float]:
    z = area.near + (area.far - area.near) * float(rng.beta(0.9, 1.4))
    return float(rng.uniform(-0.9, 0.9) * camera.half_width(z)), z


def _starts(rng: np.random.Generator, camera: Camera, area: Area, units: list[Unit], obstacles: Array, count: int) -> Array:
    """Starting places that keep people apart from one another and from obstacles where there is room."""
    position = np.full((count, 2), 1e6)
    for unit in units:
        for attempt in range(20):
            x, z = unit.goals[0][:2] if attempt == 0 else _inside(rng, camera, area)
            places = np.array([x, z]) + unit.offsets
            taken = np.concatenate([position, obstacles[:, :2]])
            if np.hypot(*(places[:, None] - taken[None]).transpose(2, 0, 1)).min(initial=np.inf) > 0.75:
                break
        position[unit.members] = places
        unit.goals[0] = (x, z, unit.goals[0][2])
    return position


def _wanted(units: list[Unit], position: Array, seconds: float) -> Array:
    """(P, 2) velocities that people would choose if they were alone; moves each unit's clock on."""
    wanted = np.zeros_like(position)
    for unit in units:
        middle = position[unit.members].mean(axis=0)
        way = np.array(unit.goals[0][:2]) - middle
        distance = float(np.hypot(way[0], way[1]))
        if unit.wait > 0:
            unit.wait -= seconds
        elif distance < 0.5 and len(unit.goals) > 1:
            unit.wait = unit.goals.pop(0)[2]
        elif distance >= 0.5:
            unit.heading = way / distance
            wanted[unit.members] = unit.heading * unit.speed
        if len(unit.members) > 1:
            right = np.array([unit.heading[1], -unit.heading[0]])
            place = middle + unit.offsets[:, :1] * right - unit.offsets[:, 1:] * unit.heading
            wanted[unit.members] += np.clip(place - position[unit.members], -0.4, 0.4) * (0.8 if unit.wait <= 0 else 0.4)
    return wanted


def _avoid(position: Array, obstacles: Array, units: list[Unit]) -> Array:
    """(P, 2) velocities away from people and obstacles that are too close."""
    group = np.empty(len(position), int)
    for index, unit in enumerate(units):
        group[unit.members] = index
    reach = np.where(group[:, None] == group[None, :], 0.45, 0.75)
    np.fill_diagonal(reach, 0.0)
    push = _repel(position, position, reach)
    if len(obstacles):
        push += _repel(position, obstacles[:, :2], np.broadcast_to(obstacles[:, 2] + 0.45, (len(position), len(obstacles))))
    return push


def _repel(position: Array, others: Array, reach: Array) -> Array:
    away = position[:, None] - others[None]
    distance = np.hypot(away[..., 0], away[..., 1])
    strength = 2.2 * np.clip(reach - distance, 0.0, None) / np.maximum(reach, 1e-6)
    sideways = np.stack([away[..., 1], -away[..., 0]], axis=-1)  # a constant hand, so that two who meet do not block each other
    return np.asarray(((away + 0.5 * sideways) * (strength / np.maximum(distance, 0.05))[..., None]).sum(axis=1))


def _turn(heading: Array, velocity: Array, speed: Array, seconds: float) -> Array:
    """Face the direction of motion, at most 3.5 radians per second; who stands keeps facing."""
    wanted = np.arctan2(velocity[:, 0], velocity[:, 1])
    change = (wanted - heading + np.pi) % (2 * np.pi) - np.pi
    limit = np.where(speed > 0.25, 3.5 * seconds, 0.0)
    turned: NDArray[np.float64] = heading + np.clip(change, -limit, limit)
    return turned
