"""How the tracker behaves on small staged scenes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from models.association.affinity import iou_distance
from models.centertrack.tracker import CenterTracker
from models.outrack.tracker_options import TrackerOptions
from pipeline.contract.detections import Detections
from pipeline.contract.tracks import Tracks
from tests.models.centertrack.samples import small_options
from tests.models.centertrack.scenes import at, see
from tests.models.outrack.plain.assignment import assign

WIDTH, HEIGHT, RATE = 800, 480, 10.0


def _options(**changes: Any) -> TrackerOptions:
    fixed = {"detection_threshold": 0.4, "buffer_seconds": 2.0, "refind": "paper", "refind_threshold": 0.7, "refind_window": 3}
    return small_options(tracker=fixed | changes).tracker


def _tracker(**changes: Any) -> CenterTracker:
    return CenterTracker(_options(**changes), frame_rate=RATE, width=WIDTH, height=HEIGHT)


def _places(tracks: Tracks) -> dict[int, np.ndarray]:
    return dict(zip(tracks.identities.tolist(), tracks.boxes, strict=True))


# Association


def _cross(tracker: CenterTracker, known: bool) -> tuple[list[int], list[dict[int, np.ndarray]]]:
    """Two people pass each other at 30 pixels a frame; returns who was nearer the left in each frame, and what was said."""
    history, wrong = [], []
    for step in range(12):
        people = {0: at(100 + 30 * step), 1: at(445 - 30 * step)}
        moved = {0: (30, 0), 1: (-30, 0)} if known and step else {0: (0, 0), 1: (0, 0)}
        found = _places(tracker.update(see(people, moved)))
        history.append(found)
        if not np.array_equal(found.get(1), people[0].astype(np.float32)):
            wrong.append(step)
    return wrong, history


def test_displacements_carry_identities_through_a_crossing() -> None:
    wrong, history = _cross(_tracker(), known=True)
    assert wrong == []
    assert all(sorted(found) == [1, 2] for found in history)


def test_without_displacements_the_same_crossing_swaps() -> None:
    wrong, _ = _cross(_tracker(), known=False)
    assert wrong


def test_the_best_detection_chooses_first() -> None:
    """Both are nearest to the same track; whichever scores higher continues it, in any order of the boxes."""
    for scores in ([0.9, 0.5], [0.5, 0.9]):
        tracker = _tracker()
        tracker.update(see({0: at(100)}))
        found = tracker.update(see({0: at(104), 1: at(92)}, scores=scores))
        kept = found.boxes[found.identities == 1][0]
        assert kept.tolist() == (at(104) if scores[0] > scores[1] else at(92)).tolist()
        assert sorted(found.identities.tolist()) == [1, 2]


@pytest.mark.parametrize(
    ("half", "step", "kept"), [((20, 50), 63, True), ((20, 50), 64, False), ((10, 25), 31, True), ((10, 25), 32, False)]
)
def test_the_squared_distance_may_not_exceed_the_area_of_either(half: tuple[int, int], step: int, kept: bool) -> None:
    """63**2 < 40 * 100 < 64**2 and 31**2 < 20 * 50 < 32**2, whether the track or the detection is the small one."""
    small, big = (np.array([220 - x, 250 - y, 220 + x, 250 + y]) for x, y in (half, (20, 50)))
    for first, second in ((big, small), (small, big)):
        tracker = _tracker()
        tracker.update(see({0: first}))
        assert tracker.update(see({0: second + np.array([step, 0, step, 0])})).identities.tolist() == [1 if kept else 2]


def test_output_is_the_detection_itself() -> None:
    tracker = _tracker()
    tracker.update(see({0: at(100)}))
    assert tracker.update(see({0: at(112.25, 93)}, {0: (12, -7)})).boxes.tolist() == [at(112.25, 93).tolist()]


# Births and deaths


def test_births_are_immediate_and_an_unmatched_track_is_over() -> None:
    tracker = _tracker(refind="off")
    assert tracker.update(see({0: at(100)})).identities.tolist() == [1]
    assert tracker.update(see({0: at(100), 1: at(300)})).identities.tolist() == [1, 2]
    assert tracker.update(see({0: at(100)})).identities.tolist() == [1]
    assert tracker.update(see({0: at(100), 1: at(300)})).identities.tolist() == [1, 3]
    assert len(tracker._tracklets) == 2


def test_remembered_for_refinding_is_not_remembered_for_matching() -> None:
    tracker = _tracker(refind="paper", buffer_seconds=1.0)
    tracker.update(see({0: at(100), 1: at(300)}))
    sizes = []
    for _ in range(12):
        assert tracker.update(see({0: at(100)})).identities.tolist() == [1]
        sizes.append(len(tracker._tracklets))
    assert sizes == [2] * 10 + [1] * 2
    tracker.update(see({0: at(100), 1: at(300)}))
    tracker.update(see({0: at(100)}))
    assert tracker.update(see({0: at(100), 1: at(300)})).identities.tolist() == [1, 4]
    assert len(tracker._tracklets) == 2  # the visible track stands where the lost one was


def test_detections_below_the_threshold_neither_match_nor_start() -> None:
    tracker = _tracker()
    tracker.update(see({0: at(100)}))
    assert not len(tracker.update(see({0: at(100), 1: at(300)}, scores=0.39)).identities)


def test_public_boxes_gate_births_only() -> None:
    tracker = _tracker()
    public = np.array([at(305)], np.float32)
    people = {0: at(100), 1: at(300)}
    assert tracker.update(see(people), public).boxes.tolist() == [people[1].tolist()]
    assert tracker.update(see(people), public[:0]).identities.tolist() == [1]


def test_a_missing_frame_ends_nothing() -> None:
    """As pipeline/tracking/detector.py reports it: no detection at all; the displacement then leads back over the gap."""
    tracker = _tracker(refind="off")
    tracker.update(see({0: at(100), 1: at(300)}))
    for _ in range(3):
        assert not len(tracker.update(see({})).identities)
    found = _places(tracker.update(see({1: at(200), 0: at(250)}, {1: (-100, 0), 0: (150, 0)})))
    assert {who: box[0] for who, box in found.items()} == {1: 250, 2: 200}


# Refinding


def _hidden(step: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A person walking behind one who stands: true box, occluder, occlusion centre."""
    walker, stander = at(240 + 4 * step, 115), at(300, 100)
    low, high = np.maximum(walker[:2], stander[:2]), np.minimum(walker[2:], stander[2:])
    return walker, stander, (low + high) / 2


def _walk(tracker: CenterTracker, steps: range) -> list[Tracks]:
    """Walk past; from 70 % overlap on the walker is not detected and an occlusion centre shows instead."""
    found = []
    for step in steps:
        walker, stander, centre = _hidden(step)
        hidden = abs(walker[0] - stander[0]) < 12
        people = {0: stander} if hidden else {0: stander, 1: walker}
        found.append(tracker.update(see(people, {0: (0, 0), 1: (4, 0)}, [centre] if hidden else ())))
    return found


def _misses(history: list[Tracks]) -> int:
    """False negatives: true boxes without an output of their own that covers them by half."""
    truth = [np.stack(_hidden(step)[:2]) for step in range(len(history))]
    return sum(len(assign(iou_distance(boxes, tracks.boxes), 0.5).unmatched_rows) for boxes, tracks in zip(truth, history, strict=True))


def test_a_person_behind_another_is_refound_and_goes_on() -> None:
    history = _walk(_tracker(), range(30))
    hidden = [step for step in range(30) if abs(240 + 4 * step - 300) < 12]
    for step, tracks in enumerate(history):
        assert tracks.identities.tolist() == [1, 2]
        assert tracks.recovered.tolist() == [False, step in hidden]
        np.testing.assert_allclose(_places(tracks)[2], _hidden(step)[0], atol=4)


@pytest.mark.parametrize("refind", ["paper", "release"])
def test_refinding_lowers_misses(refind: str) -> None:
    """Five frames hidden: all are found by the paper's rule, two as released."""
    without, found = _walk(_tracker(refind="off"), range(30)), _walk(_tracker(refind=refind), range(30))
    assert _misses(without) == 5
    assert _misses(found) == (0 if refind == "paper" else 3)
    assert without[-1].identities.tolist() == [1, 3]


def test_plain_detections_are_tracked_by_place() -> None:
    tracker, seen = _tracker(), see({0: at(100)})
    plain = Detections(seen.boxes, seen.scores, seen.embeddings)
    for _ in range(2):
        assert tracker.update(plain).identities.tolist() == [1]


# Robustness


@pytest.mark.parametrize("refind", ["paper", "release", "off"])
def test_chaos(refind: str) -> None:
    """Random boxes, displacements and centres: identities stay unique and never come back, boxes finite."""
    for seed in range(3):
        rng = np.random.default_rng(seed)
        tracker = _tracker(refind=refind, refind_threshold=0.1, buffer_seconds=0.5, min_area=0.0, max_aspect=1e9)
        last, gone = set[int](), set[int]()
        for _ in range(60):
            corners = rng.uniform(-100, 500, (rng.integers(1, 15), 2))
            people = dict(enumerate(np.hstack([corners, corners + rng.uniform(-5, 300, corners.shape)])))
            moved = dict(enumerate(rng.normal(0, 30, corners.shape)))
            public = rng.uniform(0, 400, (3, 4)).astype(np.float32) if seed % 2 else None
            found = tracker.update(see(people, moved, rng.uniform(-50, 600, (5, 2)), rng.uniform(0, 1, len(people))), public)
            shown = set(found.identities.tolist())
            assert len(shown) == len(found.identities)
            assert np.isfinite(found.boxes).all()
            assert len(tracker._boxes) == len(tracker._tracklets)
            assert refind != "off" or not shown & gone
            gone, last = gone | (last - shown), shown


def test_trackers_share_nothing() -> None:
    first, second = _tracker(), _tracker()
    assert first.update(see({0: at(100), 1: at(300)})).identities.tolist() == [1, 2]
    assert second.update(see({0: at(500)})).identities.tolist() == [1]
