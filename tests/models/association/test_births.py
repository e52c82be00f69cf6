"""CenterTrack's rule for public detections."""

from __future__ import annotations

import numpy as np

from models.association.births import near_public

OWN = np.array([[0, 0, 20, 40], [100, 0, 120, 40], [200, 0, 210, 10]], np.float32)


def test_near_boxes_are_admitted() -> None:
    public = OWN[[1]] + np.float32(5)
    assert near_public(OWN, public).tolist() == [False, True, False]


def test_size_is_that_of_the_own_box() -> None:
    """A shift by (15, 0): 225 is below 800 (boxes 0 and 1) and above 100 (box 2)."""
    public = OWN[::-1] + np.float32([15, 0, 15, 0])
    assert near_public(OWN, public).tolist() == [True, True, False]


def test_a_public_box_admits_one_and_a_box_is_admitted_once() -> None:
    pair = np.array([[0, 0, 20, 40], [2, 0, 22, 40]], np.float32)
    assert near_public(pair, pair[:1]).tolist() == [True, False]
    assert near_public(pair, pair[[0, 0]]).tolist() == [True, True]


def test_no_boxes() -> None:
    none = np.zeros((0, 4), np.float32)
    assert near_public(none, OWN).tolist() == []
    assert near_public(OWN, none).tolist() == [False] * 3
