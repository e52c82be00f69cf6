"""How the tracker behaves on small staged scenes."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from models.occlusion.detections import OccludedDetections
from models.outrack.tracker import OutrackTracker, build_tracker
from models.outrack.tracker_options import TrackerOptions
from pipeline.contract.detections import Detections
from pipeline.contract.tracks import Tracks, Video
from tests.models.outrack.samples import small_options

WIDTH, HEIGHT, RATE = 800, 480, 10.0
PERSON = np.array([0.0, 0.0, 40.0, 100.0])
DIMENSIONS = 16


def _options(**changes: Any) -> TrackerOptions:
    fixed = {
        "detection_threshold": 0.4,
        "embedding_limit": 0.4,
        "appearance_weight": 0.98,
        "iou_limit": 0.5,
        "unconfirmed_limit": 0.7,
        "duplicate_limit": 0.15,
        "buffer_seconds": 2.0,
        "embedding_momentum": 0.9,
        "refind": "paper",
        "refind_threshold": 0.7,
        "refind_window": 3,
        "min_area": 100.0,
        "max_aspect": 1.6,
        "clip_boxes": False,
    }
    return small_options(tracker=fixed | changes).tracker


def _tracker(**changes: Any) -> OutrackTracker:
    return OutrackTracker(_options(**changes), frame_rate=RATE, width=WIDTH, height=HEIGHT)


def _at(x: float, y: float = 100.0) -> np.ndarray:
    """A person's box with its top left corner at (x, y)."""
    return PERSON + np.array([x, y, x, y])


def _look(person: int) -> np.ndarray:
    """The embedding of a person; different people are orthogonal."""
    return np.eye(DIMENSIONS, dtype=np.float32)[person]


def _see(people: dict[int, np.ndarray], centres: Any = (), score: float = 0.9, embedded: bool = True) -> OccludedDetections:
    """Detections of the people (who they are: where), and occlusion centres."""
    points = np.asarray(centres, np.float32).reshape(-1, 2)
    looks = np.array([_look(person) for person in people], np.float32).reshape(-1, DIMENSIONS)
    return OccludedDetections(
        boxes=np.array(list(people.values()), np.float32).reshape(-1, 4),
        scores=np.full(len(people), score, np.float32),
        embeddings=looks if embedded else looks[:, :0],
        occlusion_centres=points,
        occlusion_scores=np.ones(len(points), np.float32),
    )


def _places(tracks: Tracks) -> dict[int, np.ndarray]:
    return dict(zip(tracks.identities.tolist(), tracks.boxes, strict=True))


# Association


@pytest.mark.parametrize("embedded", [True, False])
def test_crossing_people_keep_their_identities(embedded: bool) -> None:
    """They pass each other at 8 pixels a frame; without embeddings, motion must tell them apart."""
    tracker = _tracker()
    for step in range(40):
        people = {0: _at(100 + 8 * step, 100), 1: _at(420 - 8 * step, 110)}
        found = _places(tracker.update(_see(people, embedded=embedded)))
        assert sorted(found) == [1, 2]
        np.testing.assert_allclose(found[1], people[0], atol=6)
        np.testing.assert_allclose(found[2], people[1], atol=6)


def test_appearance_overrules_place_within_the_gate() -> None:
    tracker = _tracker()
    tracker.update(_see({0: _at(100), 1: _at(110)}))
    found = _places(tracker.update(_see({0: _at(110), 1: _at(100)})))
    assert found[1][0] > found[2][0]


def test_bisoftmax_takes_the_better_of_two_who_look_much_alike() -> None:
    """Both cosines are far above the limit, so that by cosine either may have either; the share of the better pair grows with the scale."""
    look = np.zeros((2, DIMENSIONS), np.float32)
    look[:, 0], look[0, 1], look[1, 2] = 1.0, 0.3, 0.3
    people = _see({0: _at(100), 1: _at(130)})
    people.embeddings[:] = look / np.linalg.norm(look, axis=1, keepdims=True)
    alike = float(people.embeddings[0] @ people.embeddings[1])
    for scale in (1.0, 20.0):
        share = 1 / (1 + np.exp(-scale * (1 - alike)))
        for limit, matched in ((1 - share + 0.05, True), (1 - share - 0.05, False)):
            tracker = _tracker(similarity="bisoftmax", similarity_scale=scale, embedding_limit=limit, iou_limit=0.0, appearance_weight=1.0)
            tracker.update(people)
            assert (tracker.update(people).identities.tolist() == [1, 2]) is matched


def test_a_lone_track_and_a_lone_detection_are_alike_by_bisoftmax_whatever_their_looks() -> None:
    tracker = _tracker(similarity="bisoftmax", iou_limit=0.0, appearance_weight=1.0)
    tracker.update(_see({0: _at(100)}))
    assert tracker.update(_see({5: _at(104)})).identities.tolist() == [1]


@pytest.mark.parametrize("scale", [0, -1.0, True, "wide"])
def test_a_scale_is_a_number_above_zero_or_adaptive(scale: object) -> None:
    with pytest.raises(ValueError, match=r"must be adaptive or a number above 0|valid number"):
        _options(similarity_scale=scale)


def test_motion_gate_overrules_appearance() -> None:
    tracker = _tracker()
    tracker.update(_see({0: _at(100)}))
    tracker.update(_see({0: _at(600)}))
    assert tracker.update(_see({0: _at(600)})).identities.tolist() == [2]


def test_a_new_look_in_the_old_place_matches_by_overlap() -> None:
    tracker = _tracker()
    tracker.update(_see({0: _at(100)}))
    assert tracker.update(_see({5: _at(104)})).identities.tolist() == [1]


def test_output_is_the_kalman_corrected_box() -> None:
    """Between prediction and detection, as in the golden update of the filter."""
    tracker = _tracker()
    tracker.update(_see({0: np.array([84.0, 160, 116, 240])}))
    box = tracker.update(_see({0: np.array([86.19, 157, 119.81, 239])})).boxes[0]
    width = 0.400196 * 81.735537
    np.testing.assert_allclose([(box[0] + box[2]) / 2, box[2] - box[0], box[3] - box[1]], [102.603306, width, 81.735537], rtol=1e-5)


# Births


def test_births_need_a_second_sighting_except_in_the_first_frame() -> None:
    tracker = _tracker()
    assert tracker.update(_see({0: _at(100)})).identities.tolist() == [1]
    assert tracker.update(_see({0: _at(100), 1: _at(300)})).identities.tolist() == [1]
    assert tracker.update(_see({0: _at(100), 1: _at(302)})).identities.tolist() == [1, 2]


def test_one_false_alarm_leaves_no_trace() -> None:
    tracker = _tracker()
    tracker.update(_see({0: _at(100)}))
    tracker.update(_see({0: _at(100), 1: _at(300)}))
    for _ in range(3):
        assert tracker.update(_see({0: _at(100)})).identities.tolist() == [1]


def test_detections_below_the_threshold_are_not_used() -> None:
    tracker = _tracker()
    for _ in range(3):
        assert not len(tracker.update(_see({0: _at(100)}, score=0.39)).identities)
    assert len(tracker.update(_see({0: _at(100)}, score=0.41)).identities) == 0  # born now, shown when confirmed
    assert tracker.update(_see({0: _at(100)}, score=0.41)).identities.tolist() == [1]


def test_public_boxes_gate_births_only() -> None:
    tracker = _tracker()
    public = np.array([_at(305)], np.float32)
    people = {0: _at(100), 1: _at(300)}
    found = tracker.update(_see(people), public)
    assert found.identities.tolist() == [1]
    np.testing.assert_allclose(found.boxes[0], people[1])
    for _ in range(3):  # an empty public frame ends nothing
        assert tracker.update(_see(people), public[:0]).identities.tolist() == [1]


def test_public_rule_survives_matched_detections() -> None:
    """The gate reads the size of the unmatched detection itself, whatever its place among all detections."""
    tracker = _tracker()
    tracker.update(_see({0: _at(100)}))
    small = np.array([300.0, 100, 310, 125])
    far = small + np.array([18, 0, 18, 0])  # 18**2 is above 250, the small box's area, and below 4000, the first detection's
    for _ in range(2):
        assert tracker.update(_see({0: _at(100), 1: small}), far[None].astype(np.float32)).identities.tolist() == [1]


# Losing and finding


def test_a_lost_person_keeps_the_identity_within_the_buffer() -> None:
    tracker = _tracker(buffer_seconds=2.0)
    tracker.update(_see({0: _at(100)}))
    for _ in range(19):
        assert not len(tracker.update(_see({})).identities)
    assert tracker.update(_see({0: _at(106)})).identities.tolist() == [1]


@pytest.mark.parametrize(("by_overlap", "identity"), [(True, 1), (False, 2)])
def test_without_embeddings_lost_tracks_match_by_overlap_or_never(by_overlap: bool, identity: int) -> None:
    tracker = _tracker(lost_by_overlap=by_overlap)
    for _ in range(3):
        assert tracker.update(_see({0: _at(100)}, embedded=False)).identities.tolist() == [1]
    tracker.update(_see({}, embedded=False))
    for _ in range(2):
        found = tracker.update(_see({0: _at(106)}, embedded=False)).identities.tolist()  # on the very spot it would be a duplicate
    assert found == [identity]


def test_the_buffer_is_in_seconds() -> None:
    """Two seconds are 20 frames at 10 and 60 at 30 frames a second."""
    for rate, gap, identities in ((10.0, 21, []), (30.0, 21, [1]), (30.0, 59, [1]), (30.0, 61, [])):
        tracker = OutrackTracker(_options(), frame_rate=rate, width=WIDTH, height=HEIGHT)
        tracker.update(_see({0: _at(100)}))
        for _ in range(gap):
            tracker.update(_see({}))
        assert tracker.update(_see({0: _at(100)})).identities.tolist() == identities


def test_dropping_a_frame_does_not_restart_identities() -> None:
    frames = [{0: _at(100 + 6 * t), 1: _at(500 - 5 * t, 200), 2: _at(300, 300)} for t in range(12)]
    tracker = _tracker()
    for index, people in enumerate(frames):
        if index == 6:
            continue
        assert tracker.update(_see(people)).identities.tolist() == [1, 2, 3]


def test_a_younger_duplicate_of_a_visible_track_is_dropped() -> None:
    """A lost track that drifts onto a visible, older one is taken for the same person."""
    tracker = _tracker(refind="off")
    for _ in range(3):
        tracker.update(_see({0: _at(100)}))
    both = {0: _at(100), 1: _at(101)}
    for _ in range(2):
        tracker.update(_see(both))
    tracker.update(_see({0: _at(100)}))
    assert tracker.update(_see({0: _at(100), 1: _at(200)})).identities.tolist() == [1]
    assert tracker.update(_see({0: _at(100), 1: _at(200)})).identities.tolist() == [1, 3]


# Refinding


def _hidden(step: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A person walking behind one who stands: true box, occluder, occlusion centre."""
    walker, stander = _at(240 + 4 * step, 115), _at(300, 100)
    low, high = np.maximum(walker[:2], stander[:2]), np.minimum(walker[2:], stander[2:])
    return walker, stander, (low + high) / 2


def _occlude(tracker: OutrackTracker, steps: range, extra: Any = ()) -> list[Tracks]:
    """Walk past; from 70 % overlap on the walker is not detected and an occlusion centre shows instead."""
    found = []
    for step in steps:
        walker, stander, centre = _hidden(step)
        if abs(walker[0] - stander[0]) < 12:
            found.append(tracker.update(_see({0: stander}, [centre, *extra])))
        else:
            found.append(tracker.update(_see({0: stander, 1: walker})))
    return found


def test_a_person_behind_another_is_refound_in_the_right_place() -> None:
    tracker = _tracker()
    history = _occlude(tracker, range(30))
    hidden = [step for step in range(30) if abs(240 + 4 * step - 300) < 12]
    assert len(hidden) == 5
    for step, tracks in enumerate(history):
        assert tracks.identities.tolist() == [1, 2]
        assert tracks.recovered.tolist() == [False, step in hidden]
        np.testing.assert_allclose(_places(tracks)[2], _hidden(step)[0], atol=4)


def test_without_refinding_the_hidden_are_not_output_but_return() -> None:
    history = _occlude(_tracker(refind="off"), range(30))
    assert [tracks.identities.tolist() for tracks in history[13:18]] == [[1]] * 5
    assert history[-1].identities.tolist() == [1, 2]


def test_the_recovered_box_corrects_the_motion() -> None:
    """The hidden person stops while the prediction walks on; only a filter fed with recovered boxes stops too."""
    tracker = _tracker()
    _occlude(tracker, range(13))
    walker, stander, centre = _hidden(13)
    for _ in range(8):
        tracks = tracker.update(_see({0: stander}, [centre]))
    np.testing.assert_allclose(_places(tracks)[2], walker, atol=3)


def test_window_counts_frames_without_a_trace() -> None:
    """Hidden for longer than tau_w with centres: found. After tau_w frames without one: not searched any more."""
    tracker = _tracker(refind_window=2)
    _occlude(tracker, range(13))
    _, stander, centre = _hidden(13)
    for _ in range(5):
        assert tracker.update(_see({0: stander}, [centre])).identities.tolist() == [1, 2]
    for _ in range(2):
        assert tracker.update(_see({0: stander})).identities.tolist() == [1]
    assert tracker.update(_see({0: stander}, [centre])).identities.tolist() == [1]


def test_a_phantom_ends_with_the_buffer() -> None:
    tracker = _tracker(buffer_seconds=1.0)
    _occlude(tracker, range(13))
    _, stander, centre = _hidden(13)
    shown = [len(tracker.update(_see({0: stander}, [centre])).identities) for _ in range(15)]
    assert shown == [2] * 10 + [1] * 5


def test_a_distant_centre_refinds_nobody() -> None:
    tracker = _tracker()
    _occlude(tracker, range(13))
    _, stander, centre = _hidden(13)
    assert tracker.update(_see({0: stander}, [centre + np.array([0, 30])])).identities.tolist() == [1]


def test_release_shows_the_prediction_for_two_frames() -> None:
    """What the released tracker does: no correction, no gate, gone two frames after being seen occluded."""
    history = _occlude(_tracker(refind="release"), range(30))
    shown = [step for step, tracks in enumerate(history) if tracks.recovered.any()]
    assert shown == [13, 14]
    assert history[-1].identities.tolist() == [1, 2]


def test_plain_detections_are_tracked_without_refinding() -> None:
    tracker = _tracker()
    seen = _see({0: _at(100)})
    plain = Detections(seen.boxes, seen.scores, seen.embeddings)
    assert tracker.update(plain).identities.tolist() == [1]
    assert not len(tracker.update(plain.select(np.zeros(1, bool))).identities)


# Instances, output, robustness


def test_trackers_share_nothing_and_a_fresh_one_starts_over() -> None:
    options = small_options()
    first, second = (build_tracker(options, Video(RATE, WIDTH, HEIGHT)) for _ in range(2))
    for tracker in (first, second, build_tracker(options, Video(RATE, WIDTH, HEIGHT))):
        assert tracker.update(_see({0: _at(100), 1: _at(300)})).identities.tolist() == [1, 2]
    assert second.update(_see({1: _at(300)})).identities.tolist() == [2]


def test_mirrored_video_gives_mirrored_tracks() -> None:
    plain, mirrored = _tracker(), _tracker()
    for seen in _wander(seed=3, frames=60):
        found = plain.update(seen)
        other = mirrored.update(_mirror(seen))
        assert found.identities.tolist() == other.identities.tolist()
        assert found.recovered.tolist() == other.recovered.tolist()
        np.testing.assert_allclose(_flip(found.boxes), other.boxes, atol=1e-2)


def test_small_and_wide_boxes_are_not_output() -> None:
    tracker = _tracker()
    people = {0: _at(100), 1: np.array([300.0, 100, 309, 111]), 2: np.array([400.0, 100, 481, 150])}
    assert tracker.update(_see(people)).identities.tolist() == [1]


def test_clipping_to_the_image() -> None:
    leaving = {0: _at(-20, 420)}
    np.testing.assert_allclose(_tracker().update(_see(leaving)).boxes, [[-20, 420, 20, 520]], atol=1e-4)
    np.testing.assert_allclose(_tracker(clip_boxes=True).update(_see(leaving)).boxes, [[0, 420, 20, 480]], atol=1e-4)


def test_no_detections_at_all() -> None:
    tracker = _tracker()
    for _ in range(50):
        found = tracker.update(_see({}))
        assert found.boxes.shape == (0, 4)
        assert found.boxes.dtype == np.float32
        assert found.identities.dtype == np.int64
        assert found.recovered.dtype == np.bool_


@pytest.mark.parametrize("field", ["boxes", "scores", "embeddings"])
def test_a_diverged_network_is_named(field: str) -> None:
    seen = _see({0: _at(100)})
    getattr(seen, field)[:] = np.nan
    with pytest.raises(ValueError, match="frame 1 hold NaN"):
        _tracker().update(seen)


def test_boxes_without_size_are_ignored() -> None:
    flat = {0: np.array([100.0, 100, 100, 200]), 1: np.array([200.0, 200, 250, 190]), 2: _at(300)}
    assert len(_tracker().update(_see(flat)).identities) == 1


@pytest.mark.parametrize("refind", ["paper", "release", "off"])
@pytest.mark.parametrize("embedded", [True, False])
def test_chaos(refind: str, embedded: bool) -> None:
    """Random boxes, looks and centres: identities stay unique and never come back as another's, boxes finite."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        tracker = _tracker(refind=refind, refind_threshold=0.1)
        for _ in range(40):
            found = tracker.update(_chaotic(rng, embedded), rng.uniform(0, 400, (3, 4)).astype(np.float32) if seed % 2 else None)
            assert len(set(found.identities.tolist())) == len(found.identities)
            assert np.isfinite(found.boxes).all()
            assert np.isfinite(found.scores).all()
            assert (found.boxes[:, 2:] > found.boxes[:, :2]).all()
            assert (found.identities > 0).all()
            assert len({len(values) for values in vars(found).values()}) == 1


def test_a_thousand_frames_cost_no_more_than_the_first() -> None:
    """People come and go (a new look every 20 frames); the memory holds the buffer's tracks only."""
    tracker = _tracker(buffer_seconds=1.0)
    clocks, sizes = [], []
    for step in range(1000):
        start = time.process_time()
        tracker.update(_see({(step // 20 + k) % DIMENSIONS: _at(100 * k + step % 20, 40 * k) for k in range(6)}))
        clocks.append(time.process_time() - start)
        sizes.append(len(tracker._tracklets))
    assert max(sizes) <= 24
    assert np.median(clocks[-200:]) < 3 * np.median(clocks[100:300]) + 1e-3


def _chaotic(rng: np.random.Generator, embedded: bool) -> OccludedDetections:
    count, hidden = rng.integers(0, 15), rng.integers(0, 10)
    corner = rng.uniform(-100, 500, (count, 2))
    looks = rng.normal(size=(count, DIMENSIONS if embedded else 0)).astype(np.float32)
    return OccludedDetections(
        boxes=np.hstack([corner, corner + rng.uniform(-5, 300, (count, 2))]).astype(np.float32),
        scores=np.sort(rng.uniform(0, 1, count).astype(np.float32))[::-1],
        embeddings=looks / np.maximum(np.linalg.norm(looks, axis=1, keepdims=True), 1e-6),
        occlusion_centres=rng.uniform(-50, 600, (hidden, 2)).astype(np.float32),
        occlusion_scores=rng.uniform(0, 1, hidden).astype(np.float32),
    )


def _wander(seed: int, frames: int) -> list[OccludedDetections]:
    """Six people on random walks, each missed now and then, with occlusion centres where boxes overlap."""
    rng = np.random.default_rng(seed)
    place, speed = rng.uniform([50, 50], [700, 350], (6, 2)), rng.normal(0, 4, (6, 2))
    seen = []
    for _ in range(frames):
        speed += rng.normal(0, 0.5, speed.shape)
        place = place + speed
        boxes = {person: _at(*place[person]) + rng.normal(0, 1, 4) for person in range(6)}
        centres = [(_at(*a)[:2] + _at(*b)[2:]) / 2 for i, a in enumerate(place) for b in place[:i] if np.abs(a - b).max() < 40]
        seen.append(_see({person: box for person, box in boxes.items() if rng.uniform() > 0.15}, centres))
    return seen


def _mirror(seen: OccludedDetections) -> OccludedDetections:
    centres = seen.occlusion_centres * np.float32([-1, 1]) + np.float32([WIDTH, 0])
    return OccludedDetections(_flip(seen.boxes), seen.scores, seen.embeddings, centres, seen.occlusion_scores)


def _flip(boxes: np.ndarray) -> np.ndarray:
    return np.stack([WIDTH - boxes[:, 2], boxes[:, 1], WIDTH - boxes[:, 0], boxes[:, 3]], 1).astype(np.float32)
