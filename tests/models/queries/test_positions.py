"""Sine positions against stored numbers and their definition."""

from __future__ import annotations

import math

import pytest
import torch

from models.queries.positions import box_positions, cell_positions, slot_positions

CPU = torch.device("cpu")


def test_slots_give_the_stored_numbers() -> None:
    # four numbers; released code of FDTA
    found = slot_positions(3, 4, CPU)
    assert found[0].tolist() == pytest.approx([0.841471, 0.540302, 0.010000, 0.999950], abs=6e-7)
    assert found[2].tolist() == pytest.approx([0.141120, -0.989992, 0.029996, 0.999550], abs=6e-7)


def test_cells_hold_y_before_x_over_two_pi() -> None:
    found = cell_positions(2, 4, 8, CPU).view(2, 4, 8)
    y, x = 0.75 * 2 * math.pi, 0.625 * 2 * math.pi
    expected = [
        math.sin(y),
        math.cos(y),
        math.sin(y / 100),
        math.cos(y / 100),
        math.sin(x),
        math.cos(x),
        math.sin(x / 100),
        math.cos(x / 100),
    ]
    assert found[1, 2].tolist() == pytest.approx(expected, abs=1e-5)


def test_boxes_have_waves_for_each_coordinate() -> None:
    found = box_positions(torch.tensor([[0.25, 0.5, 0.1, 0.2]]), 2)
    assert found.shape == (1, 8)
    assert found[0, :4].tolist() == pytest.approx([1.0, 0.0, 0.0, -1.0], abs=1e-6)
