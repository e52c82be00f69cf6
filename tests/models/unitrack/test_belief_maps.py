"""Belief maps of key points: golden D, the width of Eq. 8, lost joints and poses of no joint or one."""

from __future__ import annotations

import math

import pytest
import torch

from models.unitrack.belief_maps import body_size, draw, read

NAN = math.nan


def test_golden_d() -> None:
    y, x = torch.arange(6, dtype=torch.float64)[:, None], torch.arange(7, dtype=torch.float64)[None]
    belief = torch.exp(-((x - 3.3) ** 2 + (y - 2.4) ** 2) / 2.42)
    assert read(belief[..., None])[0].tolist() == pytest.approx([3.306195, 2.332576], abs=5e-7)


@pytest.mark.parametrize(
    ("points", "eta", "sigma"),
    [
        ([[0, 0], [100, 0]], 0.01, 1.0),  # the paper's
        ([[0, 0], [100, 0]], 0.015, 1.5),  # the released code's
        ([[0, 0], [20, 300]], 0.01, 3.0),  # the larger of both extents
        ([[0, 0], [10, 20]], 0.01, 0.5),  # never narrower than half a cell
        ([[3, 3], [NAN, NAN]], 0.01, 0.5),  # one joint has no extent
    ],
)
def test_the_width_follows_the_body(points: list[list[float]], eta: float, sigma: float) -> None:
    pose = torch.tensor(points)
    maps = draw(pose, (8, 8), eta=eta)
    x, y = int(pose[0, 0]), int(pose[0, 1])
    assert float(maps[y, x, 0]) == 1
    assert float(maps[y, x + 1, 0]) == pytest.approx(math.exp(-1 / (2 * sigma**2)))


def test_gaussians_stand_on_the_rounded_cell() -> None:
    maps = draw(torch.tensor([[2.6, 1.2]]), (4, 6))
    assert divmod(int(maps[..., 0].argmax()), 6) == (1, 3)


def test_unknown_joints_have_no_belief_and_are_read_as_lost() -> None:
    maps = draw(torch.tensor([[2.0, 1.0], [NAN, NAN], [3.0, NAN]]), (4, 6))
    assert maps[..., 1:].abs().max() == 0
    points = read(maps)
    assert points[0].tolist() == pytest.approx([2, 1], abs=0.4)
    assert bool(points[1:].isnan().all())


@pytest.mark.parametrize("known", [0, 1, 2])
def test_poses_of_few_joints(known: int) -> None:
    pose = torch.full((3, 2), NAN)
    pose[:known] = torch.tensor([[1.0, 2.0], [4.0, 2.0]])[:known]
    assert body_size(pose) == (3.0 if known == 2 else 0.0)
    assert int(read(draw(pose, (5, 6))).isfinite().all(1).sum()) == known


def test_a_map_of_two_cells_is_read() -> None:
    assert read(torch.tensor([[[1.0], [3.0]]]))[0].tolist() == pytest.approx([0.75, 0])
