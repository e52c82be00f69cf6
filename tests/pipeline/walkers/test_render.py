from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from pipeline.walkers.camera import Camera
from pipeline.walkers.crowd import Tracks
from pipeline.walkers.occluders import Occluder
from pipeline.walkers.render import DEPTH_STRIDE, Rendered, render
from pipeline.walkers.scene import Scene, sample_sequence, sample_still
from tests.pipeline.walkers.settings import section, tiny

CAMERA = Camera(focal=600.0, width=640, height=360, altitude=2.6, pitch=0.18)


def scene(*places: tuple[float, float], occluders: tuple[Occluder, ...] = ()) -> Scene:
    """Standing people at (x, z), and things."""
    base = sample_still(section(), 1, "base")
    count = len(places)
    looks = [replace(base.looks[0], stature=1.75, bag="none", top=(20 * i, 50, 200)) for i in range(count)]
    tracks = Tracks(np.array(places, float).reshape(1, count, 2), np.full((1, count), np.pi), np.zeros((1, count)), np.zeros((1, count)))
    return replace(base, camera=CAMERA, cameras=[CAMERA], looks=looks, tracks=tracks, occluders=list(occluders))


def only(made: Scene) -> Rendered:
    frames = list(render(made))
    assert len(frames) == 1
    return frames[0]


def test_a_person_alone_is_wholly_visible_and_the_boxes_agree() -> None:
    labels = only(scene((0.0, 9.0))).labels
    assert labels.identities.tolist() == [1]
    assert labels.visibilities[0] == labels.insides[0] == 1.0
    np.testing.assert_allclose(labels.visible_boxes, labels.boxes, atol=1.01)


def test_the_nearer_person_hides_the_farther_one() -> None:
    labels = only(scene((0.1, 11.0), (0.0, 8.0))).labels
    assert labels.visibilities[1] == 1.0
    assert 0.0 < labels.visibilities[0] < 0.6
    assert labels.insides[0] == 1.0
    alone = only(scene((0.1, 11.0))).labels
    np.testing.assert_array_equal(labels.boxes[0], alone.boxes[0])  # amodal: what hides a person does not change the box


def test_a_kiosk_hides_a_person_completely_but_the_label_stays() -> None:
    kiosk = Occluder("kiosk", 0.0, 7.0, 1.2, 2.6, (90, 90, 90), 1)
    labels = only(scene((0.0, 10.0), occluders=(kiosk,))).labels
    assert labels.identities.tolist() == [1]
    assert labels.visibilities[0] < 0.05
    assert labels.insides[0] == 1.0


def test_a_person_cut_by_the_border_keeps_the_whole_box() -> None:
    edge = float((CAMERA.width / 2) / CAMERA.focal * CAMERA.project(np.array([0.0, 1.0, 9.0]))[1])
    labels = only(scene((edge, 9.0))).labels
    assert 0.3 < labels.insides[0] < 0.7
    assert labels.visibilities[0] == labels.insides[0]
    assert labels.boxes[0, 2] > CAMERA.width


def test_who_is_outside_has_no_label() -> None:
    rendered = only(scene((9.0, 9.0)))
    assert rendered.labels.boxes.shape == (0, 4)


def test_depth_shows_the_nearest_surface() -> None:
    rendered = only(scene((0.1, 11.0), (0.0, 8.0)))
    assert rendered.depth.shape == (CAMERA.height // DEPTH_STRIDE, CAMERA.width // DEPTH_STRIDE)
    middle = rendered.labels.boxes[1].reshape(2, 2).mean(axis=0) / DEPTH_STRIDE
    true = float(CAMERA.project(np.array([0.0, 0.9, 8.0]))[1])
    assert rendered.depth[int(middle[1]), int(middle[0])] == pytest.approx(true, rel=0.02)


def test_people_are_drawn_where_their_boxes_say() -> None:
    """The picture with a person differs from the one without only in the box and the shadow on the ground around the feet."""
    with_person, without = only(scene((0.0, 9.0))), only(scene((9.0, 9.0)))
    x0, y0, x1, y1 = with_person.labels.boxes[0].round().astype(int)
    change = cv2.absdiff(with_person.image, without.image).max(axis=-1) > 40
    assert change[y0:y1, x0:x1].mean() > 0.25
    change[y0 - 2 : y1 + 2, x0 - 2 : x1 + 2] = False
    assert change[: (y0 + y1) // 3].mean() < 0.001


def test_same_scene_same_pixels() -> None:
    made = sample_sequence(tiny(), 3, "again", moving=True)
    for first, second in zip(render(made), render(sample_sequence(tiny(), 3, "again", moving=True)), strict=True):
        np.testing.assert_array_equal(first.image, second.image)
        np.testing.assert_array_equal(first.depth, second.depth)


def test_names_and_seeds_give_other_scenes() -> None:
    pictures = [only(sample_still(tiny(), seed, name)).image for seed, name in ((1, "a"), (1, "b"), (2, "a"))]
    assert all((pictures[i] != pictures[j]).mean() > 0.5 for i, j in ((0, 1), (0, 2), (1, 2)))


def test_things_and_people_stay_in_place_while_the_camera_turns() -> None:
    """Undoing the turn brings the picture back to that of the camera at rest."""
    kiosk = Occluder("kiosk", 1.5, 9.0, 0.8, 2.4, (60, 90, 160), 1)
    rest = scene((0.0, 8.0), occluders=(kiosk,))
    turn = CAMERA.turned(0.05, 0.01)
    tracks = Tracks(*(np.repeat(column, 2, axis=0) for column in rest.tracks))
    reference, frame = render(replace(rest, cameras=[CAMERA, turn], tracks=tracks))
    half = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]])
    back = np.linalg.inv(half) @ turn.homography(CAMERA) @ half
    image = cv2.warpPerspective(frame.image, back, (CAMERA.width, CAMERA.height))
    inner = (slice(40, 320), slice(60, 580))
    assert np.abs(image[inner].astype(int) - reference.image[inner]).mean() < 12
    assert frame.labels.boxes[0, 0] < reference.labels.boxes[0, 0] - 20


def test_light_changes_over_time() -> None:
    made = sample_sequence(tiny(frames=40, people=1), 3, "light", moving=False)
    bright = [float(frame.image.mean()) for frame in render(replace(made, rate=4.0))]
    assert max(bright) - min(bright) > 2.0
