"""Displacements at peaks and at given boxes."""

from __future__ import annotations

import numpy as np
import torch

from models.centertrack.decode import decode, describe
from models.centertrack.network import CentertrackOutputs
from tests.models.centertrack.samples import small_options
from tests.models.outrack.test_decode import kinds, two_objects


def test_displacements_are_read_where_the_boxes_are() -> None:
    """At peaks and at given boxes' centres, from map cells to pixels; scaled like sizes, chosen like boxes."""
    displacement = torch.zeros(2, 2, 16, 24)
    displacement[0, :, 5, 7], displacement[0, :, 12, 20] = torch.tensor([1.5, -0.5]), torch.tensor([-2.0, 0.25])
    maps = {name: value for name, value in two_objects()._asdict().items() if name != "embedding"}
    outputs, options = CentertrackOutputs(**maps, displacement=displacement), small_options()
    found, empty = decode(None, outputs, options)
    assert found.displacements.tolist() == [[-8, 1], [6, -2]]
    assert found.embeddings.shape == (2, 0)
    assert empty.displacements.shape == (0, 2)
    assert found.moved(0.5, 4.0, 2.0).displacements.tolist() == [[-16, 2], [12, -4]]
    assert found.select(np.array([1])).displacements.tolist() == [[6, -2]]
    boxes = [np.array([[20, 12, 40, 32], [0, 0, 4, 4]], np.float32), np.zeros((0, 4), np.float32)]
    given = describe(None, outputs, boxes, [np.ones(2), np.zeros(0)], kinds(boxes), options)
    assert given[0].displacements.tolist() == [[6, -2], [0, 0]]
    assert given[0].embeddings.shape == (2, 0)
    assert given[1].displacements.shape == (0, 2)
