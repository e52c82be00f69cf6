"""One frame in, the people in it out: what offline tracking writes, without a look ahead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import throughline
from models import load as load_spec
from pipeline.contract.tracks import Tracks
from pipeline.errors import UserError
from pipeline.tracking import detector as inference
from pipeline.tracking.asked import part_of
from pipeline.tracking.detector import Detector, Picture
from pipeline.tracking.external_boxes import Given
from tests.models.test_models import SMALL
from tests.pipeline.seen import CountingTracker, picture
from tests.pipeline.seen import detector as red_detector
from throughline import Tracker

WIDTH, HEIGHT, FRAMES = 96, 64, 7
SYSTEMS = ("outrack-utrack", "centertrack", "qdtrack", "fdta", "finetrack", "unitrack")


def frames() -> list[NDArray[np.uint8]]:
    """People that walk over noise."""
    noise = np.random.default_rng(0).integers(60, 120, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    made = []
    for step in range(FRAMES):
        image = noise.copy()
        for x in (10 + 3 * step, 70 - 2 * step):
            image[15:50, x : x + 14] = (220, 30 + x, 30)
        made.append(image)
    return made


def small_detector(name: str) -> Detector:
    """A random network of a system, ready to look."""
    system, options, _ = SMALL[name]
    torch.manual_seed(0)
    spec, made = load_spec(system), options()
    network = spec.build_network(made).eval().requires_grad_(False)
    return Detector(spec, made, network, WIDTH, HEIGHT, torch.device("cpu"), asked=part_of(network, spec, made))


@pytest.mark.parametrize("name", SYSTEMS)
def test_frame_by_frame_gives_the_bytes_of_offline_tracking(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every system, by the contract alone; offline its network sees three frames at a time."""
    monkeypatch.setattr(inference, "LEAST_SCORE", 0.0)  # random networks are sure of nothing
    detector = small_detector(name)
    if detector.spec.detection.decode is not None:
        pictures = [Picture(number, image) for number, image in enumerate(frames(), 1)]
        offline = list(inference.track(pictures, detector, 3, 25.0, inference.Stopwatch()))
        live = inference.LiveTracking(detector, 25.0)
        for item, found in zip(offline, map(live.step, pictures), strict=True):
            assert _bytes(item.detections) == _bytes(found.detections)
        assert [_bytes(item.tracks) for item in offline] == [_bytes(tracks) for tracks in map(Tracker(detector), frames())]
        assert any(len(item.detections.scores) for item in offline)
    boxes = np.array([[10, 15, 24, 50], [60, 15, 74, 50]], np.float32)
    given = Given(boxes, np.ones(2, np.float32), np.zeros(2, np.int64))
    told = [Picture(number, image, given=given) for number, image in enumerate(frames(), 1)]
    offline, tracker = list(inference.track(told, detector, 3, 25.0, inference.Stopwatch())), Tracker(detector)
    online = [tracker(image, boxes=boxes) for image in frames()]
    assert [_bytes(item.tracks) for item in offline] == [_bytes(tracks) for tracks in online]
    assert any(len(tracks.identities) for tracks in online)


def _bytes(record: Any) -> dict[str, bytes]:
    """Every array of a record."""
    arrays = {field.name: getattr(record, field.name) for field in fields(record)}
    return {name: array.tobytes() for name, array in arrays.items() if array is not None}


def test_a_frame_is_answered_before_the_next_is_asked_for() -> None:
    taken = []

    def source() -> Iterator[NDArray[np.uint8]]:
        for number in range(3):
            taken.append(number)
            yield picture(64, 48, (10, 10, 20, 30))

    tracker = Tracker(red_detector(64, 48))
    for count, frame in enumerate(source(), 1):
        assert tracker(frame).identities.tolist() == [1]
        assert (len(taken), tracker.frame) == (count, count)


def test_two_trackers_share_nothing_and_reset_forgets() -> None:
    trackers: list[CountingTracker] = []
    one, other = Tracker(red_detector(64, 48, trackers)), Tracker(red_detector(64, 48, trackers))
    one(picture(64, 48, (10, 10, 20, 30)))
    one(picture(64, 48, (10, 10, 20, 30)), number=4)
    other(picture(64, 48))
    assert [tracker.calls for tracker in trackers] == [[(1, None), (0, None), (0, None), (1, None)], [(0, None)]]  # two are absent
    one.reset()
    assert one(picture(32, 24)).identities.tolist() == []
    assert len(trackers) == 3


def test_boxes_of_another_detector_stand_for_the_networks_own_best_first() -> None:
    tracker = Tracker(red_detector(64, 48))
    tracks: Tracks = tracker(picture(64, 48), boxes=[[1, 2, 11, 22], [30, 2, 40, 22]], scores=[0.5, 0.75])
    assert tracks.boxes.tolist() == [[30, 2, 40, 22], [1, 2, 11, 22]]
    assert tracks.scores.tolist() == [0.75, 0.5]


@pytest.mark.parametrize(
    ("frame", "given", "message"),
    [
        (np.zeros((48, 64), np.uint8), {}, "uint8 .48, 64."),  # grey
        (np.zeros((48, 64, 3)), {}, "float64"),
        ("my.mp4", {}, "this is str"),
        (np.zeros((24, 32, 3), np.uint8), {}, "one size"),
        (np.zeros((48, 64, 3), np.uint8), {"number": 1}, "frame 1 comes after frame 1"),
        (np.zeros((48, 64, 3), np.uint8), {"boxes": [[0, 0, 1, 1]]}, "in every frame of a video or in none"),
        (np.zeros((48, 64, 3), np.uint8), {"boxes": [[0, 0, 1, 1]], "scores": [2]}, "scores from 0 to 1"),
    ],
)
def test_mistakes_are_named(frame: Any, given: dict[str, Any], message: str) -> None:
    tracker = Tracker(red_detector(64, 48))
    tracker(picture(64, 48))
    with pytest.raises(ValueError, match=message):
        tracker(frame, **given)


def test_a_system_that_detects_nothing_asks_for_boxes() -> None:
    with pytest.raises(UserError, match="call the tracker with boxes="):
        Tracker(small_detector("unitrack"))(frames()[0])


def test_the_package_shows_tracker_and_nothing_that_is_not_there() -> None:
    assert throughline.Tracker is Tracker
    with pytest.raises(AttributeError, match="no attribute 'Detector'"):
        _ = throughline.Detector
