from __future__ import annotations

import numpy as np

from pipeline.walkers import gait
from pipeline.walkers.camera import Camera
from pipeline.walkers.crowd import walking_area
from pipeline.walkers.riding import FASTEST, SLOWEST, bicycles, ride, skeletons

CAMERA = Camera(focal=600.0, width=640, height=360, altitude=3.0, pitch=0.25)
AREA = walking_area(CAMERA, 30.0)


def test_cyclists_keep_one_speed_between_3_and_5_metres_a_second_and_look_ahead() -> None:
    tracks = ride(np.random.default_rng(0), CAMERA, AREA, 4, np.zeros((0, 3)), 90, 15.0)
    assert tracks.positions.shape == (90, 4, 2)
    steps = np.diff(tracks.positions, axis=0)
    speed = np.hypot(steps[..., 0], steps[..., 1]) * 15
    assert ((speed.mean(axis=0) > 0.97 * SLOWEST) & (speed.mean(axis=0) < FASTEST)).all()
    assert (speed.std(axis=0) < 0.1).all()
    ahead = np.stack([np.sin(tracks.headings[:-1]), np.cos(tracks.headings[:-1])], axis=-1)
    assert ((ahead * steps).sum(axis=-1) / np.hypot(steps[..., 0], steps[..., 1])).mean() > 0.97
    assert (tracks.positions[..., 1] > AREA.near).all()
    assert (tracks.positions[..., 1] < AREA.far).all()


def test_feet_are_on_the_pedals_hands_on_the_bar_and_bones_have_their_lengths() -> None:
    phase, stature = np.linspace(0, 2 * np.pi, 8), np.full(8, 1.75)
    place, heading = np.zeros((8, 2)), np.full(8, 0.7)
    body, bicycle = skeletons(place, heading, phase, stature), bicycles(place, heading, phase)
    assert np.linalg.norm(body[:, gait.ANKLE : gait.ANKLE + 2] - bicycle.pedals, axis=-1).max() < 0.1
    np.testing.assert_allclose(body[:, gait.HAND : gait.HAND + 2], bicycle.bar, atol=1e-9)
    thigh = np.linalg.norm(body[:, gait.KNEE] - body[:, gait.HIP], axis=-1)
    np.testing.assert_allclose(thigh, gait.THIGH * 1.75, rtol=1e-6)


def test_wheels_stand_on_the_ground() -> None:
    found = bicycles(np.array([[2.0, 9.0]]), np.array([1.2]), np.zeros(1))
    assert abs(found.rims[..., 1].min()) < 1e-9
    np.testing.assert_array_equal(found.contacts[:, 1], 0)
    np.testing.assert_allclose(found.contacts.mean(axis=0), [2.0, 0.0, 9.0], atol=1e-9)


def test_nobody_rides_where_nobody_is_asked_for() -> None:
    assert ride(np.random.default_rng(0), CAMERA, AREA, 0, np.zeros((0, 3)), 5, 15.0).positions.shape == (5, 0, 2)
