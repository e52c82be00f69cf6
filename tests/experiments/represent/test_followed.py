"""Masks and joints handed on: two people who walk, whom who stands still loses."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from experiments.represent import followed_masks, followed_poses
from experiments.represent.shown import judge
from models.unitrack.network import Representation, build
from models.unitrack.options import RepresentationOptions
from tests.experiments.represent.stripes import FRAMES, write


@pytest.fixture(scope="module")
def network() -> Representation:
    torch.manual_seed(0)
    return build(RepresentationOptions(network="resnet18", layer="layer2"))


def test_walkers_are_followed_better_than_by_standing_still(tmp_path: Path, network: Representation) -> None:
    """Both walk 16 pixels a frame, half their width."""
    shown = write(tmp_path / "s.parquet", [[8 + 16 * frame, 120 + 16 * frame] for frame in range(FRAMES)])
    masks, joints = judge([followed_masks, followed_poses], shown, network, 0)
    assert masks["still"]["J"] < 20
    assert masks["propagation"]["J"] > masks["still"]["J"] + 40
    assert masks["propagation"]["objects"] == 2
    assert joints["still"]["PCK@0.1"] == 0
    assert joints["propagation"]["PCK@0.2"] > joints["still"]["PCK@0.2"] + 30


def test_of_people_who_do_not_move_the_first_shapes_are_all_there_is_to_know(tmp_path: Path, network: Representation) -> None:
    """So both scores are whole, and the mean over people is the mean over sequences."""
    shown = write(tmp_path / "s.parquet", [[40, 120]] * 4)
    masks, joints = judge([followed_masks, followed_poses], shown * 2, network, 0)
    assert masks["still"] == {"J": 100, "J recall": 100, "F": 100, "J&F": 100, "objects": 4}
    assert joints["still"] == {"PCK@0.1": 100, "PCK@0.2": 100, "people": 4}
    assert masks["propagation"]["J"] > 80


@pytest.mark.parametrize("lefts", [[[]] * 3, [[]] + [[40]] * 2, [[40]]], ids=["nobody", "nobody at first", "one frame"])
def test_nobody_to_follow_is_nobody_scored(tmp_path: Path, network: Representation, lefts: list[list[int]]) -> None:
    masks, joints = judge([followed_masks, followed_poses], write(tmp_path / "s.parquet", lefts), network, 0)
    assert {row["objects"] for row in masks.values()} == {0}
    assert {row["people"] for row in joints.values()} == {0}


def test_one_who_leaves_counts_as_empty_masks_and_unknown_joints(tmp_path: Path, network: Representation) -> None:
    shown = write(tmp_path / "s.parquet", [[8, 120], [8, 120], [8], [8]])
    masks, joints = judge([followed_masks, followed_poses], shown, network, 0)
    assert masks["still"]["J"] == pytest.approx(100 * (1 + (1 + 0) / 2) / 2)  # frames 2 and 3: the second one is gone in 3
    assert joints["still"]["PCK@0.1"] == 100
