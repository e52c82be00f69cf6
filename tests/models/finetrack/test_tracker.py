"""How the tracker behaves on small staged scenes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from models.finetrack.tracker import FinetrackTracker
from pipeline.contract.detections import Detections
from pipeline.contract.tracks import Video
from tests.models.finetrack.samples import small_options

VIDEO = Video(10.0, 800, 480)
PERSON = np.array([0.0, 0.0, 40.0, 100.0])
LENGTH = 16  # (3 parts + 1) * 4


def _tracker(**changes: Any) -> FinetrackTracker:
    return FinetrackTracker(small_options(tracker=changes), VIDEO)


def _at(x: float, y: float = 100.0) -> np.ndarray:
    return PERSON + np.array([x, y, x, y])


def _look(person: int) -> np.ndarray:
    """Of unit length in each branch; different people are at right angles in all."""
    return np.tile(np.eye(4, dtype=np.float32)[person], 4) / 2


def _see(people: dict[int, np.ndarray], score: float = 0.9, **scores: float) -> Detections:
    sure = [scores.get(f"p{person}", score) for person in people]
    looks = np.array([_look(person) for person in people], np.float32).reshape(-1, LENGTH)
    return Detections(np.array(list(people.values()), np.float32).reshape(-1, 4), np.array(sure, np.float32), looks)


def _ids(tracker: FinetrackTracker, *args: Any, **kwargs: Any) -> list[int]:
    return tracker.update(_see(*args, **kwargs)).identities.tolist()


@pytest.mark.parametrize("similarity", ["mean", "best"])
def test_crossing_people_keep_their_identities(similarity: str) -> None:
    tracker = _tracker(similarity=similarity)
    for step in range(40):
        people = {0: _at(100 + 8 * step), 1: _at(420 - 8 * step, 110)}
        tracks = tracker.update(_see(people))
        assert tracks.identities.tolist() == [1, 2]
        assert tracks.detections.tolist() == [0, 1]
        np.testing.assert_allclose(tracks.boxes, np.array(list(people.values())), atol=6)


def test_appearance_overrules_place_among_neighbours() -> None:
    tracker = _tracker(appearance_weight=0.9)
    tracker.update(_see({0: _at(100), 1: _at(110)}))
    tracks = tracker.update(_see({0: _at(110), 1: _at(100)}))
    assert tracks.detections[tracks.identities == 1].tolist() == [0]


def test_unsure_detections_keep_a_track_in_sight_and_change_no_embedding() -> None:
    tracker = _tracker()
    tracker.update(_see({0: _at(100)}))
    before = tracker._tracks.embedding.copy()
    assert _ids(tracker, {1: _at(104)}, score=0.3) == [1]
    np.testing.assert_allclose(tracker._tracks.embedding, before, atol=1e-6)
    assert _ids(tracker, {0: _at(108)}) == [1]


def test_sure_detections_change_the_embedding_by_the_momentum() -> None:
    tracker = _tracker(appearance_weight=0.0)
    tracker.update(_see({0: _at(100)}))
    tracker.update(_see({1: _at(102)}))
    mean = 0.9 * _look(0) + 0.1 * _look(1)
    np.testing.assert_allclose(tracker._tracks.embedding[0], mean / np.linalg.norm(mean), atol=1e-6)


def test_unsure_detections_match_no_lost_track_and_start_none() -> None:
    tracker = _tracker()
    tracker.update(_see({0: _at(100)}))
    tracker.update(_see({}))
    assert _ids(tracker, {0: _at(100)}, score=0.3) == []
    assert _ids(tracker, {0: _at(100)}) == [1]


@pytest.mark.parametrize(("score", "born"), [(0.71, [1]), (0.69, []), (0.05, [])])
def test_births_need_the_birth_score(score: float, born: list[int]) -> None:
    assert _ids(_tracker(), {0: _at(100)}, score=score) == born


def test_later_births_need_a_second_sighting() -> None:
    tracker = _tracker()
    tracker.update(_see({0: _at(100)}))
    assert _ids(tracker, {0: _at(100), 1: _at(300)}) == [1]
    assert _ids(tracker, {0: _at(100), 1: _at(302)}) == [1, 2]


def test_one_false_alarm_leaves_no_trace() -> None:
    tracker = _tracker()
    tracker.update(_see({0: _at(100)}))
    tracker.update(_see({0: _at(100), 1: _at(300)}))
    tracker.update(_see({0: _at(100)}))
    assert len(tracker._tracks) == 1


@pytest.mark.parametrize(("gap", "identities"), [(19, [1]), (21, [])])  # two seconds are 20 frames
def test_the_lost_are_remembered_for_the_buffer(gap: int, identities: list[int]) -> None:
    tracker = _tracker()
    tracker.update(_see({0: _at(100)}))
    for _ in range(gap):
        assert _ids(tracker, {}) == []
    assert _ids(tracker, {0: _at(106)}) == identities


def test_a_likeness_brings_a_lost_one_back_from_elsewhere() -> None:
    tracker = _tracker()
    tracker.update(_see({0: _at(100)}))
    tracker.update(_see({}))
    assert _ids(tracker, {0: _at(400)}) == [1]


def test_public_boxes_gate_births() -> None:
    tracker, public = _tracker(), np.array([_at(305)], np.float32)
    tracks = tracker.update(_see({0: _at(100), 1: _at(300)}), public)
    assert tracks.detections.tolist() == [1]


def test_what_is_not_finite_is_refused() -> None:
    with pytest.raises(ValueError, match="frame 1 hold NaN"):
        _tracker().update(_see({0: _at(np.nan)}))
