from __future__ import annotations

import numpy as np
import pytest

from pipeline.walkers.camera import Camera, sample_camera, sample_path

CAMERA = Camera(focal=600.0, width=640, height=360, altitude=3.0, pitch=0.25)


def test_the_point_straight_ahead_of_the_optical_axis_is_the_image_centre() -> None:
    ahead = np.array([0.0, 0.0, 3.0 / np.tan(0.25)])
    pixels, depth = CAMERA.project(ahead)
    np.testing.assert_allclose(pixels, [320, 180], atol=1e-9)
    assert depth == pytest.approx(3.0 / np.sin(0.25))


def test_x_grows_right_and_higher_points_lie_higher_in_the_image() -> None:
    pixels, _ = CAMERA.project(np.array([[0.0, 0.0, 8.0], [1.0, 0.0, 8.0], [0.0, 1.7, 8.0]]))
    assert pixels[1, 0] > pixels[0, 0]
    assert pixels[2, 1] < pixels[0, 1]


def test_ground_depth_agrees_with_projection() -> None:
    depth = CAMERA.surface_depth(backdrop=200.0)
    for x, z in ((0.0, 7.0), (2.0, 9.0), (-3.0, 14.0)):
        (u, v), true = CAMERA.project(np.array([x, 0.0, z]))
        assert depth[int(v), int(u)] == pytest.approx(float(true), rel=0.03)


def test_depth_ends_at_the_backdrop() -> None:
    level = Camera(focal=600.0, width=640, height=360, altitude=3.0, pitch=0.0)
    assert level.surface_depth(backdrop=30.0).max() == pytest.approx(30.0)


def test_homography_moves_pixels_as_projection_does() -> None:
    turned = CAMERA.turned(0.06, -0.01)
    point = np.array([1.5, 0.4, 9.0])
    before, after = CAMERA.widened(40).project(point)[0], turned.project(point)[0]
    moved = CAMERA.widened(40).homography(turned) @ np.array([*before, 1.0])
    np.testing.assert_allclose(moved[:2] / moved[2], after, atol=1e-6)


def test_ground_distance_inverts_projection() -> None:
    (_, row), _ = CAMERA.project(np.array([0.0, 0.0, 6.5]))
    assert CAMERA.ground_distance(float(row)) == pytest.approx(6.5)
    assert Camera(600.0, 640, 360, 3.0, 0.0).ground_distance(100.0) == float("inf")


def test_a_fixed_camera_stays_and_a_moving_one_turns_slowly() -> None:
    rng = np.random.default_rng(1)
    camera = sample_camera(rng, 640, 360, still=False)
    seconds = np.arange(60) / 15
    assert set(sample_path(rng, camera, seconds, moving=False)) == {camera}
    path = sample_path(rng, camera, seconds, moving=True)
    steps = np.abs(np.diff([view.yaw for view in path])) * camera.focal
    assert 0.05 < steps.max() < 6.0  # pixels a frame
