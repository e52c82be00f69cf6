"""Poses of walking and standing people as skeletons on the ground plane."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

PELVIS, NECK, HEAD = 0, 1, 2
SHOULDER, ELBOW, HAND, HIP, KNEE, ANKLE, TOE = 3, 5, 7, 9, 11, 13, 15  # the left one; the right one follows it
JOINTS = 17

# Lengths in units of body height.
THIGH, SHANK, SOLE = 0.245, 0.245, 0.03
TRUNK, SKULL = 0.31, 0.105
UPPER_ARM, FOREARM, FOOT = 0.165, 0.165, 0.105
SHOULDER_HALF, HIP_HALF = 0.105, 0.052
STRIDE = 0.83  # one whole gait cycle covers this many body heights at walking speed


def skeletons(position: Array, heading: Array, phase: Array, effort: Array, stature: Array) -> Array:
    """Joints of P people.

    Args:
        position: (P, 2) metres, x and z of the point between the feet.
        heading: (P,) radians, 0 looks along +z, a quarter turn along +x.
        phase: (P,) radians of the gait cycle.
        effort: (P,) 0 standing to 1 walking briskly.
        stature: (P,) metres.

    Returns:
        (P, 17, 3) world metres; the lower foot stands on the ground.
    """
    body = np.zeros((len(position), JOINTS, 3))  # forward, up, right; in body heights, pelvis at the origin
    _legs(body, phase, effort)
    _trunk(body, phase, effort)
    _arms(body, phase, effort)
    lowest = body[:, ANKLE : ANKLE + 2, 1].min(axis=1)
    body[..., 1] += SOLE - lowest[:, None]
    body *= stature[:, None, None]
    return to_world(body, position, heading)


def to_world(body: Array, position: Array, heading: Array) -> Array:
    """(P, J, 3) forward, up and right in metres of each body to world metres, at (P, 2) places x and z and (P,) headings."""
    sin, cos = np.sin(heading)[:, None], np.cos(heading)[:, None]
    forward, right = body[..., 0], body[..., 2]
    x = position[:, :1] + forward * sin + right * cos
    z = position[:, 1:] + forward * cos - right * sin
    return np.stack([x, body[..., 1], z], axis=-1)


def _legs(body: Array, phase: Array, effort: Array) -> None:
    for side, sign in ((0, -1.0), (1, 1.0)):
        cycle = phase + np.pi * side
        swing = 0.47 * effort * np.sin(cycle) + 0.03
        bend = effort * (0.12 + 0.85 * np.clip(np.sin(cycle + 1.9) - 0.1, 0, None)) + 0.03
        hip = np.stack([np.zeros_like(phase), np.zeros_like(phase), np.full_like(phase, sign * HIP_HALF)], axis=-1)
        knee = hip + THIGH * _down(swing)
        ankle = knee + SHANK * _down(swing - bend)
        toe = ankle + FOOT * _forward(0.35 * np.clip(swing - bend, -1.2, 0.3) - 0.12)
        body[:, HIP + side], body[:, KNEE + side], body[:, ANKLE + side], body[:, TOE + side] = hip, knee, ankle, toe


def _trunk(body: Array, phase: Array, effort: Array) -> None:
    lean = 0.05 * effort
    body[:, NECK] = -TRUNK * _down(lean) * np.array([-1.0, 1.0, 1.0])
    body[:, HEAD] = body[:, NECK] + SKULL * np.array([0.1, 1.0, 0.0])
    twist = 0.16 * effort * np.sin(phase)
    for side, sign in ((0, -1.0), (1, 1.0)):
        reach = sign * SHOULDER_HALF
        offset = np.stack([reach * np.sin(twist), np.full_like(phase, -0.035), reach * np.cos(twist)], axis=-1)
        body[:, SHOULDER + side] = body[:, NECK] + offset


def _arms(body: Array, phase: Array, effort: Array) -> None:
    for side, sign in ((0, -1.0), (1, 1.0)):
        swing = -0.42 * effort * np.sin(phase + np.pi * side)
        bend = 0.18 + 0.3 * effort * (1 + np.sin(phase + np.pi * (1 - side))) / 2
        outward = np.array([0.0, 0.0, sign * 0.025])
        body[:, ELBOW + side] = body[:, SHOULDER + side] + UPPER_ARM * _down(swing) + outward
        body[:, HAND + side] = body[:, ELBOW + side] + FOREARM * _down(swing + bend)


def _down(angle: Array) -> Array:
    """Unit vectors that hang down, turned forward by `angle`."""
    return np.stack([np.sin(angle), -np.cos(angle), np.zeros_like(angle)], axis=-1)


def _forward(angle: Array) -> Array:
    """Unit vectors that point forward, turned up by `angle`."""
    return np.stack([np.cos(angle), np.sin(angle), np.zeros_like(angle)], axis=-1)
