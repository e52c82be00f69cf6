"""Centre, global, pooled and re-identification features, with golden A's objects."""

from __future__ import annotations

import pytest
import torch

from models.association.appearance import global_features, pooled_features, vectors
from models.association.point_sets import PointSets, from_objects
from tests.models.unitrack.golden import object_points

DOUBLE = torch.float64
POOLED = [[0.904272, 0.003955], [0.257296, 0.206457], [0, 0.816796]]  # costs, by independent scripts
GLOBAL = [[1.017676, 0.003467], [0.333578, 0.223674], [0, 0.937477]]


def _objects(*cuts: tuple[float, int]) -> PointSets:
    return from_objects([object_points(index)[:count] for index, count in cuts], 5, dtype=DOUBLE)


@pytest.mark.parametrize(("similarity", "cost"), [(pooled_features, POOLED), (global_features, GLOBAL)])
def test_baselines_on_golden_a(similarity: object, cost: list[list[float]]) -> None:
    assert callable(similarity)
    found = similarity(_objects((0, 6), (1, 6), (2, 6)), _objects((2, 6), (0.1, 6)))
    assert torch.allclose(1 - found, torch.tensor(cost, dtype=DOUBLE), atol=1e-6)


def test_global_features_need_one_size() -> None:
    with pytest.raises(ValueError, match=r"\[4, 6\] points"):
        global_features(_objects((0, 6)), _objects((1, 4)))
    assert float(global_features(_objects((0, 6), (1, 0)), _objects((0, 6)))[1, 0]) == 0


def test_pooled_features_take_any_size() -> None:
    found = pooled_features(_objects((0, 6), (1, 0)), _objects((0, 3), (0, 6)))
    assert float(found[0, 1]) == pytest.approx(1)
    assert float(found[1].abs().max()) == 0


def test_vectors_are_compared_by_direction() -> None:
    tracks = torch.tensor([[3.0, 0.0], [0.0, 0.0], [torch.nan, 1.0]])
    assert vectors(tracks, torch.tensor([[1.0, 1.0]])).flatten().tolist() == pytest.approx([0.5**0.5, 0, 0])
