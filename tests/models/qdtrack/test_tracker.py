"""QDTrack's association. Golden values Q5 and Q7 were verified with the released tracker to 6 digits; identities there count from 0."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from models.qdtrack.tracker import QdtrackTracker, build_tracker
from pipeline.contract.tracks import Video
from tests.models.qdtrack.samples import seen, small_options

NOTHING = seen([], [], [])


def tracker(**options: Any) -> QdtrackTracker:
    return build_tracker(small_options(tracker=options), Video(25.0, 640, 360))


def box(x: float, width: float = 10) -> list[float]:
    return [x, 0, x + width, 20]


FIRST = seen([box(0), box(20), box(40)], [0.95, 0.9, 0.6], [[2, 0, 0], [0, 2, 0], [0.8, 0, 2]])
SECOND = seen([box(20), box(41)], [0.85, 0.7], [[0.1, 1.9, 0], [0.9, 0, 1.9]])
ONE = np.array([[3.0, 0, 0]], np.float32)


def test_backdrops_take_what_has_no_track() -> None:
    ours = tracker()
    first = ours.update(FIRST)
    assert (first.identities.tolist(), first.boxes[:, 0].tolist()) == ([1, 2], [0, 20])
    assert ours.match.identities.tolist() == [1, 2, 0]
    second = ours.update(SECOND)
    assert (second.identities.tolist(), second.boxes.tolist()) == ([2], [box(20)])  # the detections' own boxes
    assert ours.match.identities.tolist() == [2, 0]
    assert ours.match.backdrops.tolist() == [False, True]
    assert ours.match.scores.tolist() == pytest.approx([0.964544, 0.958525], abs=1e-6)
    np.testing.assert_allclose(ours._tracks.embeddings[1], [0.08, 1.92, 0], atol=1e-6)


def test_scores_with_backdrops() -> None:
    ours = tracker()
    ours.update(FIRST)
    candidates = ours._tracks.followed_by(ours._backdrops)
    from models.association.bisoftmax import bisoftmax

    expected = [[0.096983, 0.964544, 0.017352], [0.446598, 0.015997, 0.958525]]
    np.testing.assert_allclose(bisoftmax(SECOND.embeddings, candidates.embeddings), expected, atol=1e-6)


def test_without_backdrops_a_weak_detection_takes_a_track() -> None:
    ours = tracker(backdrop_frames=0)
    ours.update(FIRST)
    assert ours.update(SECOND).identities.tolist() == [2, 1]
    assert ours.match.scores[1] == pytest.approx(0.845084, abs=1e-6)


@pytest.mark.parametrize(("frames", "identity"), [(30, 1), (31, 2)])
def test_memory(frames: int, identity: int) -> None:
    """Seen in frame 1; another class's object in each frame after it; seen again in frame 31 or 32."""
    ours = tracker()
    ours.update(seen([box(0)], [0.9], ONE))
    for _ in range(frames - 1):
        ours.update(seen([box(100)], [0.6], [[0, 0, 1]], classes=[1]))
    assert ours.update(seen([box(0)], [0.9], ONE)).identities.tolist() == [identity]


@pytest.mark.parametrize(
    ("mode", "empty", "identity"),
    [
        # frames without detections age tracks ...
        ("paper", 29, 1),
        ("paper", 30, 2),
        # ... but not in the released code
        ("release", 100, 1),
    ],
)
def test_frames_without_detections(mode: str, empty: int, identity: int) -> None:
    ours = tracker(mode=mode)
    ours.update(seen([box(0)], [0.9], ONE))
    for _ in range(empty):
        assert len(ours.update(NOTHING).identities) == 0
    assert ours.update(seen([box(0)], [0.9], ONE)).identities.tolist() == [identity]


@pytest.mark.parametrize(("mode", "identities"), [("paper", [2, 1]), ("release", [2])])
def test_backdrops_of_a_frame_before_an_empty_one(mode: str, identities: list[int]) -> None:
    ours = tracker(mode=mode)
    ours.update(FIRST)
    ours.update(NOTHING)
    assert ours.update(SECOND).identities.tolist() == identities


def test_an_unsure_detection_of_a_track_is_gone() -> None:
    ours = tracker()
    ours.update(seen([box(0)], [0.9], ONE))
    assert len(ours.update(seen([box(0)], [0.4], ONE)).identities) == 0
    assert len(ours._backdrops) == 0
    assert ours.update(seen([box(0)], [0.9], ONE)).identities.tolist() == [1]


def test_classes_never_mix() -> None:
    ours = tracker()
    ours.update(seen([box(0)], [0.9], ONE))
    assert ours.update(seen([box(0)], [0.9], ONE, classes=[1])).identities.tolist() == [2]


def test_the_class_is_compared_after_the_softmax() -> None:
    ours = tracker(match_score=0.6)
    ours.update(seen([box(0), box(30)], [0.9, 0.9], [[3, 0, 0], [3, 0, 0]], classes=[0, 1]))
    # alike to both: 0.5 over candidates, 1 over detections; were other classes left out first, it would score 1
    ours.update(seen([box(0)], [0.9], ONE))
    assert ours.match.scores[0] == pytest.approx(0.75, abs=1e-6)


def test_duplicates_across_classes_are_removed_unless_told_not_to() -> None:
    twice = seen([box(0), box(1)], [0.95, 0.9], [[2, 0, 0], [0, 2, 0]], classes=[0, 1])
    assert tracker().update(twice).identities.tolist() == [1]
    assert tracker(duplicate_removal=False).update(twice).identities.tolist() == [1, 2]


def test_detections_need_not_be_sorted() -> None:
    ours = tracker()
    found = ours.update(seen([box(0), box(20)], [0.85, 0.95], [[2, 0, 0], [0, 2, 0]]))
    assert (found.boxes[:, 0].tolist(), found.identities.tolist()) == ([20, 0], [1, 2])


def test_a_least_cosine_keeps_strangers_apart() -> None:
    for least, identity in ((-1.0, 1), (0.5, 2)):
        ours = tracker(least_cosine=least)
        ours.update(seen([box(0)], [0.9], ONE))
        # a lone detection with a lone candidate scores 1, however unlike they are
        assert ours.update(seen([box(0)], [0.9], -ONE)).identities.tolist() == [identity]


def test_births_are_gated_by_public_boxes() -> None:
    ours = tracker()
    public = np.array([box(21)], np.float32)
    found = ours.update(FIRST, public)
    assert (found.identities.tolist(), found.boxes[:, 0].tolist()) == ([1], [20])
    assert len(ours._backdrops) == 2  # what was not admitted remains a candidate, like all that is left


@pytest.mark.parametrize(
    ("cues", "expected"),
    [
        # two people of one look changed places: only where they are tells
        (["iou"], [1, 2]),
        (["appearance"], [2, 1]),
        (["appearance", "iou"], [1, 2]),
        (["motion"], [1, 2]),
        (["regression"], [2, 1]),
    ],
)
def test_cues(cues: list[str], expected: list[int]) -> None:
    ours = tracker(cues=cues, match_score=0.3)
    ours.update(seen([box(0), box(40)], [0.95, 0.9], [[1.0, 0, 0], [0, 1.0, 0]]))
    # the box head moves each to the other's place
    moves = {"previous": np.array([box(0), box(40)], np.float32), "regressed": np.array([box(40), box(0)], np.float32)}
    ours.update(seen([box(0), box(40)], [0.95, 0.9], [[0, 1.0, 0], [1.0, 0, 0]], **moves))
    assert ours.match.identities.tolist() == expected


def test_motion_follows_where_the_last_place_does_not() -> None:
    for cue, same in (("motion", True), ("iou", False)):
        ours = tracker(cues=[cue])
        for t in range(8):
            before = ours.update(seen([box(3 * t)], [0.9], ONE)).identities.tolist()
        ours.update(NOTHING)
        # it went on unseen: its last place and the new one overlap by a quarter only
        assert (ours.update(seen([box(3 * 9)], [0.9], ONE)).identities.tolist() == before) == same


def test_instances_count_their_own_identities() -> None:
    first, second = tracker(), tracker()
    first.update(FIRST)
    assert second.update(FIRST).identities.tolist() == [1, 2]


@pytest.mark.parametrize("mode", ["paper", "release"])
def test_nothing_at_all(mode: str) -> None:
    ours = tracker(mode=mode, cues=["appearance", "iou", "motion", "regression"])
    for _ in range(3):
        assert ours.update(NOTHING).boxes.shape == (0, 4)


def test_many_boxes_and_boxes_without_area() -> None:
    ours = tracker(cues=["appearance", "motion", "iou"])
    random = np.random.default_rng(0)
    for _ in range(3):
        corners = random.uniform(0, 600, (500, 2)).astype(np.float32)
        boxes = np.concatenate([corners, corners + np.array([[8, 16]], np.float32) * (np.arange(500) % 5 > 0)[:, None]], axis=1)
        found = ours.update(seen(boxes, np.sort(random.uniform(0.1, 1, 500))[::-1], random.normal(size=(500, 8))))
        assert len(np.unique(found.identities)) == len(found.identities) > 50


def test_what_is_not_finite_names_the_frame() -> None:
    ours = tracker()
    ours.update(FIRST)
    with pytest.raises(ValueError, match="detections of frame 2 hold NaN or infinity"):
        ours.update(seen([box(0)], [0.9], [[np.nan, 0, 0]]))
