"""Association: two people who cross, with and without motion, classes, duplicates, empty frames, and what goes with identities."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.association.point_sets import from_objects
from models.unitrack.options import AssociationOptions
from models.unitrack.tracker import AssociationTracker, Observations

LOOKS = {name: torch.randn(6, 256, generator=torch.Generator().manual_seed(seed)) for seed, name in enumerate("abcd")}


def _seen(*objects: tuple[str, float], category: int = 0, score: float = 0.9) -> Observations:
    """Objects 40x80 at height 100: which look, left edge."""
    boxes = np.array([[x, 100, x + 40, 180] for _, x in objects], np.float32).reshape(-1, 4)
    looks = from_objects([LOOKS[name] if name in LOOKS else torch.zeros(0, 256) for name, _ in objects], 256)
    count = len(objects)
    return Observations(boxes, np.full(count, score, np.float32), np.full(count, category, np.int64), looks)


def _identities(tracker: AssociationTracker, seen: Observations) -> dict[int, int]:
    """The identity of each detection that is output."""
    joined = tracker.update(seen)
    return dict(zip(joined.detections.tolist(), joined.identities.tolist(), strict=True))


@pytest.mark.parametrize("similarity", ["rsm", "gf", "gpf", "cf", "reid"])
@pytest.mark.parametrize("motion", ["full", "none", "release"])
def test_looks_keep_identities_when_places_are_exchanged(similarity: str, motion: str) -> None:
    options = AssociationOptions.model_validate({"similarity": similarity, "motion": motion, "gate": False, "appearance_weight": 0.9999})
    tracker = AssociationTracker(options, frame_rate=25)
    assert _identities(tracker, _seen(("a", 0), ("b", 100))) == {0: 1, 1: 2}
    assert _identities(tracker, _seen(("b", 0), ("a", 100))) == {0: 2, 1: 1}


def test_motion_alone_takes_the_nearest() -> None:
    tracker = AssociationTracker(AssociationOptions(similarity="none"), frame_rate=25)
    assert _identities(tracker, _seen(("a", 0), ("b", 100))) == {0: 1, 1: 2}
    assert _identities(tracker, _seen(("b", 4), ("a", 96))) == {0: 1, 1: 2}


def test_the_gate_forbids_a_jump_and_the_weight_alone_allows_it() -> None:
    for gate, identities in ((True, {}), (False, {0: 1})):
        options = AssociationOptions(gate=gate, appearance_weight=0.9999)
        tracker = AssociationTracker(options, frame_rate=25)
        _identities(tracker, _seen(("a", 0)))
        assert _identities(tracker, _seen(("a", 60))) == identities


def test_without_motion_there_is_no_overlap_stage_and_the_release_keeps_it() -> None:
    """Another look at the same place: appearance refuses, overlap accepts."""
    for motion, identities in (("none", {}), ("release", {0: 1})):
        tracker = AssociationTracker(AssociationOptions.model_validate({"motion": motion}), frame_rate=25)
        _identities(tracker, _seen(("a", 0)))
        assert _identities(tracker, _seen(("b", 0))) == identities


@pytest.mark.parametrize(("at_once", "first"), [(False, {}), (True, {0: 2})])
def test_new_tracks_are_shown_when_they_are_seen_again(at_once: bool, first: dict[int, int]) -> None:
    tracker = AssociationTracker(AssociationOptions(confirm_at_once=at_once, motion="none"), frame_rate=25)
    _identities(tracker, _seen(("a", 0)))
    assert _identities(tracker, _seen(("b", 200))) == first
    assert _identities(tracker, _seen(("b", 300))) == {0: 2}


def test_a_lost_track_returns_within_its_buffer() -> None:
    options = AssociationOptions(motion="none", buffer_seconds=1.0)
    for gap, identities in ((3, {0: 1}), (4, {})):
        tracker = AssociationTracker(options, frame_rate=3)
        _identities(tracker, _seen(("a", 0)))
        for _ in range(gap):
            assert _identities(tracker, _seen()) == {}
        assert _identities(tracker, _seen(("a", 50))) == identities


@pytest.mark.parametrize(("rule", "identities"), [("gate", {}), ("free", {0: 1}), ("add", {})])
def test_classes(rule: str, identities: dict[int, int]) -> None:
    tracker = AssociationTracker(AssociationOptions.model_validate({"classes": rule, "motion": "none"}), frame_rate=25)
    _identities(tracker, _seen(("a", 0), category=1))
    assert _identities(tracker, _seen(("a", 0), category=2)) == identities


def test_a_reactivated_track_shows_its_new_detection() -> None:
    """The released code keeps the old pose, score and class of a track that returns."""
    tracker = AssociationTracker(AssociationOptions(motion="none"), frame_rate=25)
    tracker.update(_seen(("a", 0), ("b", 100)))
    tracker.update(_seen(("b", 100)))
    joined = tracker.update(_seen(("b", 100), ("a", 30), score=0.7))
    assert joined.detections.tolist() == [1, 0]
    assert joined.identities.tolist() == [1, 2]
    assert joined.scores.tolist() == pytest.approx([0.7, 0.7])


def test_motion_corrects_boxes_and_appearance_alone_leaves_them() -> None:
    for motion, moved in (("full", True), ("none", False)):
        tracker = AssociationTracker(AssociationOptions.model_validate({"motion": motion}), frame_rate=25)
        tracker.update(_seen(("a", 0)))
        joined = tracker.update(_seen(("a", 6)))
        assert (abs(joined.boxes[0, 0] - 6) > 0.01) == moved


def test_detections_that_no_track_can_take_are_counted() -> None:
    tracker = AssociationTracker(AssociationOptions(), frame_rate=25)
    seen = _seen(("a", 0), ("b", 100), ("c", 200))
    seen.boxes[0, 2], seen.boxes[1, 0] = seen.boxes[0, 0], np.nan
    assert _identities(tracker, seen) == {2: 1}
    assert tracker.unusable == 2


def test_objects_without_points_are_joined_by_motion_alone_or_not_at_all() -> None:
    for motion, identities in (("full", {0: 1}), ("none", {})):
        tracker = AssociationTracker(AssociationOptions.model_validate({"motion": motion}), frame_rate=25)
        tracker.update(_seen(("-", 0)))
        assert _identities(tracker, _seen(("-", 2))) == identities


def test_small_and_wide_boxes_are_not_output() -> None:
    seen = _seen(("a", 0), ("b", 100))
    seen.boxes[0] = [0, 100, 14, 114]
    seen.boxes[1] = [100, 100, 200, 150]
    assert len(AssociationTracker(AssociationOptions(), frame_rate=25).update(seen).identities) == 0


def test_two_trackers_share_nothing() -> None:
    first, second = (AssociationTracker(AssociationOptions(), frame_rate=25) for _ in range(2))
    _identities(first, _seen(("a", 0), ("b", 100)))
    assert _identities(second, _seen(("c", 0))) == {0: 1}
