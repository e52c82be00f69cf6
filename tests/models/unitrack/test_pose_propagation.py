"""Key points handed on: a body that moves, joints that are not known, features that are not numbers."""

from __future__ import annotations

import math

import pytest
import torch

from models.unitrack.options import PropagationOptions
from models.unitrack.pose_propagation import PosePropagation
from tests.models.unitrack.scenes import HEIGHT, WIDTH, features, scene

SIZE = (HEIGHT, WIDTH)
POSE = torch.tensor([[28.0, 36.0], [52.0, 36.0], [28.0, 60.0], [math.nan, math.nan]])


def test_points_follow_their_body_and_unknown_ones_stay_lost() -> None:
    head = PosePropagation(POSE, features(scene(16, 24)[None])[0], SIZE)
    for frame in range(1, 6):
        points = head.update(features(scene(16 + 8 * frame, 24)[None])[0])
    assert torch.allclose(points[:3], POSE[:3] + torch.tensor([40.0, 0.0]), atol=6.0)  # cells are 8 pixels
    assert bool(points[3].isnan().all())


def test_points_of_a_still_picture_stay_where_they_are() -> None:
    head = PosePropagation(POSE, features(scene(16, 24)[None])[0], SIZE, PropagationOptions(top_k=1))
    points = head.update(features(scene(16, 24)[None])[0])
    # Of the four equal neighbours of a peak two are among the three largest cells, which pulls a point by a tenth of a cell.
    assert torch.allclose(points[:3], POSE[:3] - 8 * math.exp(-2) / (1 + 2 * math.exp(-2)), atol=0.02)


@pytest.mark.parametrize("known", [0, 1, 2])
def test_poses_of_few_joints(known: int) -> None:
    pose = POSE.clone()
    pose[known:] = math.nan
    points = PosePropagation(pose, features(scene(16, 24)[None])[0], SIZE).update(features(scene(24, 24)[None])[0])
    assert int(points.isfinite().all(1).sum()) == known


def test_features_that_are_not_finite_are_counted() -> None:
    head = PosePropagation(POSE, features(scene(16, 24)[None])[0], SIZE)
    points = head.update(torch.full((12, HEIGHT // 8, WIDTH // 8), torch.nan))
    assert head.broken == HEIGHT // 8 * WIDTH // 8
    assert tuple(points.shape) == (4, 2)
