"""The heat map of the frame before, drawn by hand and by chance."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.centertrack.prior import FALSE_PEAK, JITTER, MISSED, disturbed_heat_map, heat_map


def test_each_object_is_a_gaussian_at_full_size() -> None:
    boxes = np.array([[20, 10, 30, 20], [60, 30, 64, 40]], np.float32)  # 10 x 10: radius 2; 4 x 10: radius 1
    heat = heat_map(boxes, np.array([[25.0, 15], [62.9, 35.9]]), 64, 96)
    assert heat.shape == (1, 64, 96)
    assert heat.dtype == np.float32
    assert np.argwhere(heat[0] == 1).tolist() == [[15, 25], [35, 62]]
    assert heat[0, 15, 27] == pytest.approx(math.exp(-4 / (2 * (5 / 6) ** 2)), rel=1e-5)
    assert heat[0, 15, 28] == 0
    assert heat[0, 34, 62] == pytest.approx(math.exp(-1 / (2 * (3 / 6) ** 2)), rel=1e-5)


def test_points_outside_are_drawn_at_the_border() -> None:
    box = np.array([[-30, -30, 10, 10]], np.float32)
    heat = heat_map(np.repeat(box, 2, axis=0), np.array([[-10.0, -10], [200, 20]]), 64, 96)
    assert np.argwhere(heat[0] == 1).tolist() == [[0, 0], [20, 95]]


def test_nobody_leaves_the_map_blank() -> None:
    assert not heat_map(np.zeros((0, 4)), np.zeros((0, 2)), 64, 96).any()
    assert not disturbed_heat_map(np.zeros((0, 4), np.float32), 64, 96, np.random.default_rng(0)).any()


def test_disturbances_have_their_shares_and_spread() -> None:
    """A thousand people who stand far apart: 60 % have a peak, 10 % a further one, and those lie 5 % of a side away."""
    places = np.stack(np.meshgrid(np.arange(40), np.arange(25)), -1).reshape(-1, 2) * 60.0 + 30
    half = np.array([10, 20])
    boxes = np.hstack([places - half, places + half])
    heat = disturbed_heat_map(boxes, 1500, 2400, np.random.default_rng(5))[0]
    y, x = np.nonzero(heat == 1)
    cells, counts = np.unique(np.stack([x, y], 1) // 60, axis=0, return_counts=True)
    one_or_more = 1 - MISSED * (1 - FALSE_PEAK)
    assert len(cells) / 1000 == pytest.approx(one_or_more, abs=0.05)
    assert counts.max() == 2
    assert np.std(x % 60) == pytest.approx(JITTER * 20, abs=0.2)
    assert np.std(y % 60) == pytest.approx(JITTER * 40, abs=0.3)
