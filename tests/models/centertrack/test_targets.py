"""Displacements by hand, and who has one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from models.centertrack.targets import make_targets
from models.dense import targets as dense
from pipeline.contract.clips import TrainingClip, TrainingFrame
from tests.models.centertrack.samples import small_options
from tests.models.outrack.samples import EMPTY, MOVED, PEOPLE, frame

OPTIONS = small_options()


def named(boxes: Any, identities: list[int], **more: Any) -> TrainingFrame:
    return replace(frame(boxes, **more), identities=np.array(identities, np.int64))


def test_displacements_lead_back_in_map_cells() -> None:
    """Two people whose order differs between the frames, one who came, one who left, and two nobody knows."""
    now = named([[8, 10, 24, 50], [40, 12, 58, 60], [60, 10, 76, 50], [70, 20, 90, 60]], [7, 3, 5, -1])
    before = named([[44, 8, 62, 56], [2, 14, 20, 54], [30, 10, 46, 50], [70, 20, 90, 60]], [3, 7, 9, -1])
    made = make_targets(TrainingClip((now, before), video=True), OPTIONS)
    assert made["displacement_valid"].tolist() == [True, True] + [False] * 6
    assert made["displacement"][:2].tolist() == [[(11 - 16) / 4, (34 - 30) / 4], [(53 - 49) / 4, (32 - 36) / 4]]
    assert not made["displacement"][2:].any()
    assert made["object_valid"].tolist() == [True] * 4 + [False] * 4


def test_ignored_and_outside_people_lead_nowhere() -> None:
    now = named([[8, 10, 24, 50], [40, 12, 58, 60], [60, 10, 76, 50]], [1, 2, 3], ignore=[False, True, False])
    before = named([[-40, 10, -24, 50], [40, 12, 58, 60], [64, 10, 80, 50]], [1, 2, 3])
    made = make_targets(TrainingClip((now, before)), OPTIONS)
    assert made["displacement_valid"].tolist()[:3] == [False, True, False]
    assert made["displacement"][1].tolist() == [1, 0]


def test_displacements_follow_the_objects_that_training_keeps() -> None:
    """More people than slots: the largest stay, each with its own displacement."""
    now = named([[i * 4, 10, i * 4 + 4 + i, 30] for i in range(12)], list(range(12)))
    before = named([[i * 4 + i, 10, i * 4 + 4 + 2 * i, 30] for i in range(12)], list(range(12)))
    made = make_targets(TrainingClip((now, before)), OPTIONS)
    assert made["displacement_valid"].all()
    assert made["displacement"][:, 0] == pytest.approx(np.arange(4, 12) / 4)


def test_a_negative_pair_has_no_displacement() -> None:
    pair = (named(PEOPLE, [0, 1, 2]), named(MOVED, [0, 1, 2]))
    assert make_targets(TrainingClip(pair), OPTIONS)["displacement_valid"].sum() == 3
    assert not make_targets(TrainingClip(pair, same_scene=False), OPTIONS)["displacement_valid"].any()


def test_the_present_frame_is_learnt_as_by_any_detector_of_centre_points() -> None:
    pair = (named(PEOPLE, [0, 1, 2]), named(MOVED, [0, 1, 2]))
    made, plain = make_targets(TrainingClip(pair), OPTIONS), dense.clip_targets(TrainingClip(pair[:1]), OPTIONS)
    assert set(made) == {*plain, "displacement", "displacement_valid", "prior"}
    assert all(np.array_equal(made[name], plain[name][0]) for name in plain)


def test_the_prior_shows_the_other_frame_and_follows_from_the_seed() -> None:
    one, again, other = (make_targets(TrainingClip((named(EMPTY, []), named(PEOPLE, [0, 1, 2])), seed=(s,)), OPTIONS) for s in (1, 1, 2))
    assert one["prior"].shape == (1, 64, 96)
    assert np.array_equal(one["prior"], again["prior"])
    assert not np.array_equal(one["prior"], other["prior"])
    assert not make_targets(TrainingClip((named(PEOPLE, [0, 1, 2]), named(EMPTY, []))), OPTIONS)["prior"].any()
