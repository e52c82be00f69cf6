from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.teachers.ground_plane import FAR, GroundPlane, Plane, depth_of_rows, draw, fit, still_planes, usable
from pipeline.files.frames import Frame, Objects, read_frames
from pipeline.files.mot_text import read_rows
from tests.pipeline.labelling import scenes
from tests.pipeline.labelling.scenes import HEIGHT, HORIZON, SLOPE, WIDTH
from tests.shared import dataset


def boxes(count: int, seed: int = 0, *, noise: float = 0.05) -> np.ndarray:
    found = scenes.people(np.random.default_rng(seed), count, noise=noise).boxes / HEIGHT
    return np.stack([found[:, 3], found[:, 3] - found[:, 1]], 1).astype(np.float64)


def test_the_plane_is_found() -> None:
    plane = fit(boxes(400))
    assert plane.horizon == pytest.approx(HORIZON, abs=0.02)
    assert plane.slope == pytest.approx(SLOPE, rel=0.05)


def test_a_fifth_of_wild_boxes_does_not_move_it_far() -> None:
    found = boxes(400)
    rng = np.random.default_rng(1)
    found[::5, 1] = rng.uniform(0.02, 0.9, 80)
    plane = fit(found)
    assert plane.horizon == pytest.approx(HORIZON, abs=0.05)
    assert plane.slope == pytest.approx(SLOPE, rel=0.12)


def test_one_person_gives_a_plane_that_explains_them() -> None:
    plane = fit(boxes(1, noise=0))
    foot, height = boxes(1, noise=0)[0]
    assert plane.slope > 0
    assert plane.slope * (foot - plane.horizon) == pytest.approx(height, rel=0.2)


def test_ignored_unscored_cut_off_and_lying_boxes_do_not_count() -> None:
    found = scenes.objects(
        np.array([[50, 50, 70, 100], [50, 50, 70, 100], [50, 50, 70, 100], [0, 50, 20, 100], [50, 140, 70, 180], [50, 90, 120, 110]])
    )
    found = replace(found, confidences=np.array([1, 0, 1, 1, 1, 1], np.float32), ignores=np.array([0, 0, 1, 0, 0, 0], bool))
    assert usable(Frame("d", "s", 1, 0, WIDTH, HEIGHT, objects=found)).tolist() == [True, False, False, False, False, False]


def test_ground_grows_with_distance_up_to_the_horizon() -> None:
    rows = np.linspace(0, 1, 50)
    depth = depth_of_rows(Plane(HORIZON, SLOPE), rows, WIDTH, HEIGHT)
    assert (np.diff(depth) <= 0).all()
    assert (depth[rows <= HORIZON] == FAR).all()
    assert depth[-1] == pytest.approx(scenes.depth_at(HEIGHT), rel=1e-5)


def test_people_stand_at_the_depth_of_their_feet_and_the_nearer_hides_the_farther() -> None:
    found = scenes.objects(np.array([[100, 40, 160, 160], [120, 60, 150, 110]]))  # nearer first in the list
    label = draw(Frame("d", "s", 1, 0, WIDTH, HEIGHT, objects=found), Plane(HORIZON, SLOPE), WIDTH)
    assert label.objects == pytest.approx([scenes.depth_at(160), scenes.depth_at(110)], rel=1e-5)
    assert label.depth[100, 130] == label.objects[0]
    assert label.depth[100, 20] == pytest.approx(scenes.depth_at(100.5), rel=1e-3)
    assert label.depth.shape == (HEIGHT, WIDTH)


def test_a_box_outside_the_image_or_of_another_class_draws_nothing_there() -> None:
    found = scenes.objects(np.array([[-50, 20, -10, 100], [330, 20, 380, 400], [100, 40, 160, 160]]))
    found = replace(found, classes=np.array([1, 1, 3], np.int32))
    plane = Plane(HORIZON, SLOPE)
    label = draw(Frame("d", "s", 1, 0, WIDTH, HEIGHT, objects=found), plane, WIDTH)
    empty = draw(Frame("d", "s", 1, 0, WIDTH, HEIGHT), plane, WIDTH)
    np.testing.assert_array_equal(label.depth, empty.depth)
    assert label.objects[2] == 0
    assert label.objects[0] > 0


def test_a_video_has_one_plane_and_its_depth_is_right(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    path = scenes.write(tmp_path / "d/s.parquet", [scenes.people(rng, 5) for _ in range(40)])
    labels = GroundPlane(size=80).label(path)
    found = list(labels.frames)
    assert labels.facts["horizon"] == pytest.approx(HORIZON, abs=0.03)
    for row, label in zip(read_frames(path), found, strict=True):
        assert label.depth.shape == (45, 80)
        true = [scenes.depth_at(foot) for foot in row.objects.boxes[:, 3]]
        np.testing.assert_allclose(label.objects, true, rtol=0.1)
    assert len({label.scale for label in found}) == 1


def test_a_sequence_without_people_is_unknown(tmp_path: Path) -> None:
    path = scenes.write(tmp_path / "d/s.parquet", [Objects(), Objects()])
    labels = GroundPlane(size=80).label(path)
    assert labels.facts == {"people": 0, "planes": 0}
    assert not any(label.depth.any() for label in labels.frames)


def test_stills_with_few_people_lean_on_the_others() -> None:
    rng = np.random.default_rng(4)
    annotations = [scenes.people(rng, 12) for _ in range(10)] + [scenes.people(rng, 1), Objects()]
    rows = [Frame("d", "s", number, 0, WIDTH, HEIGHT, objects=found) for number, found in enumerate(annotations, 1)]
    planes = still_planes(rows)
    for plane in planes:
        assert plane is not None
        assert plane.horizon == pytest.approx(HORIZON, abs=0.1)
        assert plane.slope == pytest.approx(SLOPE, rel=0.2)
    assert still_planes(rows[-1:]) == [None]


@pytest.mark.parametrize(
    ("folder", "width", "height", "horizon"),
    [
        ("PETS09-S2L1", 768, 576, (-0.4, 0.1)),  # from a roof: the horizon is just above the image
        ("MOT17-train-gt/MOT17-02-FRCNN", 1920, 1080, (0.3, 0.5)),  # from eye level
        ("MOT17-train-gt/MOT17-09-FRCNN", 1920, 1080, (0.4, 0.55)),  # from below it
    ],
)
def test_real_videos_have_plausible_planes(folder: str, width: int, height: int, horizon: tuple[float, float]) -> None:
    truth = read_rows(dataset(folder.split("/")[0]).joinpath(*folder.split("/")[1:], "gt", "gt.txt"), kind="ground_truth")
    truth = truth.take((truth.class_id == 1) & (truth.confidence != 0))
    everyone = replace(scenes.objects(truth.boxes), visibilities=truth.visibility)
    frame = Frame("d", "s", 1, 0, width, height, objects=everyone)
    people = everyone.boxes[usable(frame)].astype(np.float64) / height
    plane = fit(np.stack([people[:, 3], people[:, 3] - people[:, 1]], 1))
    assert horizon[0] < plane.horizon < horizon[1]
    predicted = plane.slope * np.maximum(people[:, 3] - plane.horizon, 1e-3)
    assert np.median(np.abs(np.log((people[:, 3] - people[:, 1]) / predicted))) < 0.11
