"""Poses as objects: boxes and masks, of whole bodies and of few joints."""

from __future__ import annotations

import numpy as np
import pytest

from models.unitrack.pose_objects import JOINTS, pose_box, pose_mask

NAN = np.nan


def _pose(**joints: tuple[float, float]) -> np.ndarray:
    points = np.full((JOINTS, 2), NAN)
    for name, place in joints.items():
        points[int(name[1:])] = place
    return points


@pytest.mark.parametrize(
    ("pose", "box"),
    [
        (_pose(), None),  # no joint
        (_pose(j3=(40, 60)), (35, 55, 45, 65)),  # one joint spans nothing
        (_pose(j3=(40, 60), j4=(40, 90)), (35, 60, 45, 90)),  # two joints above each other
        (_pose(j3=(40, 60), j4=(50, 90)), (40, 60, 50, 90)),
    ],
)
def test_boxes(pose: np.ndarray, box: tuple[float, ...] | None) -> None:
    found = pose_box(pose)
    assert (None if found is None else tuple(found.tolist())) == box


@pytest.mark.parametrize(
    ("pose", "inside", "outside"),
    [
        (_pose(), [], [(40, 60)]),
        (_pose(j3=(40, 60)), [], [(40, 60)]),  # a single joint joins nothing
        (_pose(j3=(40, 60), j4=(40, 90)), [(40, 75), (43, 75)], [(52, 75), (40, 50)]),  # left thigh, eight pixels thick
        (_pose(j3=(40, 60), j5=(40, 90)), [], [(40, 75)]),  # hip and ankle are not neighbours
        (_pose(j2=(30, 80), j3=(60, 80), j8=(30, 20)), [(36, 60)], [(58, 30)]),  # a trunk of three joints
        (_pose(j2=(30, 80), j9=(60, 20)), [], [(45, 50)]),  # two of them are none
    ],
)
def test_masks(pose: np.ndarray, inside: list[tuple[int, int]], outside: list[tuple[int, int]]) -> None:
    mask = pose_mask(pose, (120, 100))
    assert all(mask[y, x] for x, y in inside)
    assert not any(mask[y, x] for x, y in outside)


def test_joints_outside_the_image_are_drawn_as_far_as_it_goes() -> None:
    mask = pose_mask(_pose(j3=(-40, 60), j4=(40, 60)), (120, 100))
    assert mask[60, 0]
    assert not mask[20].any()
