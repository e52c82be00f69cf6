from __future__ import annotations

import numpy as np
import pytest

from pipeline.walkers.camera import Camera
from pipeline.walkers.crowd import Tracks, scatter, simulate, walking_area

CAMERA = Camera(focal=600.0, width=640, height=360, altitude=3.0, pitch=0.25)
AREA = walking_area(CAMERA, 30.0)
OBSTACLES = np.array([[0.5, 10.0, 0.6], [-2.0, 8.0, 0.2]])
RATE = 15.0


@pytest.fixture(scope="module")
def tracks() -> Tracks:
    return simulate(np.random.default_rng(4), CAMERA, AREA, np.full(12, 1.7), OBSTACLES, 300, RATE)


def test_nobody_jumps_or_runs(tracks: Tracks) -> None:
    speed = np.hypot(*np.diff(tracks.positions, axis=0).transpose(2, 0, 1)) * RATE
    assert speed.max() <= 1.7 + 1e-9


def test_some_stop_and_most_walk(tracks: Tracks) -> None:
    assert 0.02 < (tracks.efforts < 0.1).mean() < 0.5


def test_people_rarely_touch_and_nobody_walks_through_an_obstacle(tracks: Tracks) -> None:
    apart = np.hypot(*(tracks.positions[:, :, None] - tracks.positions[:, None]).transpose(3, 0, 1, 2))
    first, second = np.triu_indices(12, 1)
    pairs = apart[:, first, second]
    assert (pairs < 0.25).mean() < 0.01
    to_obstacle = np.hypot(*(tracks.positions[:, :, None] - OBSTACLES[None, None, :, :2]).transpose(3, 0, 1, 2))
    assert (to_obstacle < 0.5 * OBSTACLES[:, 2]).mean() < 0.01


def test_people_leave_the_view_and_come_back(tracks: Tracks) -> None:
    outside = np.abs(tracks.positions[..., 0]) > CAMERA.half_width(tracks.positions[..., 1]) + 0.2
    came_back = [(np.diff(column.astype(int)) == -1).any() and (np.diff(column.astype(int)) == 1).any() for column in outside.T]
    assert sum(came_back) >= 2


def test_who_walks_faces_the_way(tracks: Tracks) -> None:
    step = np.diff(tracks.positions, axis=0)
    brisk = np.hypot(step[..., 0], step[..., 1]) * RATE > 0.8
    course = np.arctan2(step[..., 0], step[..., 1])
    off = np.abs((course - tracks.headings[1:] + np.pi) % (2 * np.pi) - np.pi)
    assert np.median(off[brisk]) < 0.2


def test_same_seed_same_walk() -> None:
    runs = [simulate(np.random.default_rng(9), CAMERA, AREA, np.full(5, 1.7), OBSTACLES, 20, RATE) for _ in range(2)]
    for first, second in zip(*runs, strict=True):
        np.testing.assert_array_equal(first, second)


def test_a_scattered_moment_has_one_frame_inside_the_area() -> None:
    moment = scatter(np.random.default_rng(0), CAMERA, AREA, 10, np.zeros((0, 3)))
    assert moment.positions.shape == (1, 10, 2)
    z = moment.positions[0, :, 1]
    assert (z > AREA.near - 1).all()
    assert (z < AREA.far + 1).all()
