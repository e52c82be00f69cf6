"""How the tracker behaves on small staged scenes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from models.association.tracklet import Phase
from models.finetrack.tracker import FinetrackTracker
from pipeline.contract.detections import Detections
from pipeline.contract.tracks import Video
from tests.models.finetrack.plain import PlainTracker
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


@pytest.mark.parametrize(
    ("seed", "changes", "public"),
    [
        (1, {}, False),
        (2, {"similarity": "best"}, False),
        (3, {"gate": 0.0}, False),  # no pair is forbidden
        (4, {"likeness": -1.0, "high_limit": 1.5}, False),  # all pairs below the limit
        (5, {"appearance_weight": 1.0, "buffer_seconds": 0.3}, True),
        (6, {"appearance_weight": 0.0, "low": 0.6, "clip_boxes": True}, False),  # no unsure ones
    ],
)
def test_tracks_have_the_bytes_of_a_plain_formulation(seed: int, changes: dict[str, Any], public: bool) -> None:
    """A dense crowd whose people vanish, hide in low scores, look alike in parts, and are seen twice."""
    options, random = small_options(tracker=changes), np.random.default_rng(seed)
    kernels, plain = FinetrackTracker(options, VIDEO), PlainTracker(options, VIDEO)
    lost = unsure = 0
    for seen in _crowd(random, people=25, frames=60):
        gates = seen.boxes[::2] if public else None
        ours, theirs = kernels.update(seen, gates), plain.update(seen, gates)
        for name in ("boxes", "identities", "scores", "detections"):
            assert getattr(ours, name).tobytes() == getattr(theirs, name).tobytes()
        for name in ("beliefs", "embedding", "score", "state"):
            assert getattr(kernels._tracks, name).tobytes() == getattr(plain._tracks, name).tobytes()
        lost += int((kernels._tracks.phase == Phase.LOST).sum())
        unsure += int((seen.scores[ours.detections] < 0.6).sum())
    assert lost > 20  # the staged crowd has what it is for
    assert unsure > 20 or options.tracker.low == options.tracker.high


def _crowd(random: np.random.Generator, people: int, frames: int) -> Iterator[Detections]:
    place, step = random.uniform(0, [500, 250], (people, 2)), random.normal(0, 3, (people, 2))
    looks = random.normal(size=(people, LENGTH)) + 0.7 * random.normal(size=LENGTH)
    for _ in range(frames):
        place = place + step
        seen = np.flatnonzero(random.random(people) > 0.15)
        seen = np.concatenate([seen, seen[random.random(len(seen)) < 0.1]])
        corners = place[seen] + random.normal(0, 2, (len(seen), 2))
        vectors = looks[seen] + random.normal(0, 0.3, (len(seen), LENGTH))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        scores = random.choice([0.05, 0.3, 0.6, 0.65, 0.9], len(seen), p=[0.05, 0.25, 0.1, 0.1, 0.5])
        boxes = np.hstack([corners, corners + PERSON[2:] * random.uniform(0.9, 1.1, (len(seen), 1))])
        yield Detections(boxes.astype(np.float32), scores.astype(np.float32), vectors.astype(np.float32))
