"""The tracker in machine code against the plain one: the same identities, the same boxes to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.occlusion.detections import OccludedDetections
from models.outrack.tracker import OutrackTracker
from tests.models.outrack.plain.tracker import PlainTracker
from tests.models.outrack.samples import small_options

WIDTH, HEIGHT = 800, 480
MISSED = 0.1


def follow(frames: list[OccludedDetections], public: bool = False, **changes: Any) -> int:
    """Track by both; how many boxes they gave."""
    options, count = small_options(tracker=changes).tracker, 0
    ours, plain = (kind(options, frame_rate=10.0, width=WIDTH, height=HEIGHT) for kind in (OutrackTracker, PlainTracker))
    for number, seen in enumerate(frames):
        admitted = seen.boxes[number % 3 :: 2] + np.float32(2) if public else None
        found, expected = ours.update(seen, admitted), plain.update(seen, admitted)
        np.testing.assert_array_equal(found.identities, expected.identities)
        np.testing.assert_array_equal(found.recovered, expected.recovered)
        np.testing.assert_allclose(found.boxes, expected.boxes, rtol=0, atol=0)
        np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-6)
        assert [value.dtype for value in vars(found).values()] == [value.dtype for value in vars(expected).values()]
        count += len(found.boxes)
    return count


def crowd(people: int, frames: int, dimensions: int, side: float, seed: int) -> list[OccludedDetections]:
    """Random walks in a square: crossings, misses, false alarms, scores around the thresholds, occlusion centres where boxes overlap."""
    random = np.random.default_rng(seed)
    place, speed = random.uniform(0, side, (people, 2)), random.normal(0, 3, (people, 2))
    size = random.uniform([20, 60], [60, 160], (people, 2))
    look, found = random.normal(size=(people, dimensions)), []
    for _ in range(frames):
        speed += random.normal(0, 0.5, speed.shape)
        place = np.clip(place + speed, -20, side)
        seen = random.permutation(np.flatnonzero(random.random(people) >= MISSED))
        boxes = np.hstack([place, place + size])
        hidden = boxes[random.integers(0, people, 2 * people)] if people else boxes
        centres = (hidden[::2] + hidden[1::2]).reshape(-1, 2, 2).mean(axis=1) / 2
        found.append(_seen(boxes[seen] + random.normal(0, 2, (len(seen), 4)), look[seen], centres, random))
    return found


def _seen(boxes: NDArray[Any], look: NDArray[Any], centres: NDArray[Any], random: np.random.Generator) -> OccludedDetections:
    false = random.uniform(0, 300, (int(random.integers(0, 3)), 2))
    boxes = np.concatenate([boxes, np.hstack([false, false + random.uniform(-5, 90, false.shape)])])
    blurred = np.concatenate([look, random.normal(size=(len(false), look.shape[1]))])
    blurred = blurred + random.normal(0, 0.3, blurred.shape)
    return OccludedDetections(
        boxes=boxes.astype(np.float32),
        scores=random.uniform(0.3, 1.0, len(boxes)).astype(np.float32),
        embeddings=(blurred / np.maximum(np.linalg.norm(blurred, axis=1, keepdims=True), 1e-6)).astype(np.float32),
        occlusion_centres=centres.astype(np.float32),
        occlusion_scores=random.uniform(0, 1, len(centres)).astype(np.float32),
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("dimensions", [0, 16])
@pytest.mark.parametrize("refind", ["paper", "release", "off"])
def test_crowds(refind: str, dimensions: int, seed: int) -> None:
    frames = crowd(25, 40, dimensions, 500.0, seed)
    assert follow(frames, refind=refind, refind_threshold=0.3, duplicate_limit=0.4, clip_boxes=bool(seed % 2)) > 300


@pytest.mark.parametrize(
    ("scale", "dimensions", "people"),
    [
        pytest.param("adaptive", 16, 25, id="a crowd"),
        pytest.param(10.0, 16, 25, id="a number"),
        pytest.param(1, 4, 60, id="a whole number, more people"),
        pytest.param("adaptive", 0, 10, id="no embedding"),
        pytest.param("adaptive", 4, 1, id="one"),
        pytest.param(3.0, 4, 0, id="nobody"),
    ],
)
def test_bisoftmax(scale: float | str, dimensions: int, people: int) -> None:
    frames = crowd(people, 30, dimensions, 500.0, 7)
    assert follow(frames, similarity="bisoftmax", similarity_scale=scale, embedding_limit=0.7) >= 9 * people


@pytest.mark.parametrize("dimensions", [0, 8])
def test_public_boxes_gate_births(dimensions: int) -> None:
    assert follow(crowd(15, 30, dimensions, 500.0, 1), public=True) > 50


def test_lost_tracks_that_never_match_by_overlap() -> None:
    assert follow(crowd(25, 40, 0, 400.0, 5), lost_by_overlap=False) > 300


def test_hundreds_on_one_spot() -> None:
    """Everyone may be everyone: the assignment cannot fall into small parts."""
    assert follow(crowd(200, 6, 8, 60.0, 2), embedding_limit=2.0) > 300


@pytest.mark.parametrize("people", [0, 1])
def test_nobody_or_one(people: int) -> None:
    follow(crowd(people, 30, 4, 100.0, 3))


def test_all_are_hidden_for_a_while() -> None:
    frames = crowd(20, 40, 8, 400.0, 4)
    frames[10:25] = [seen.select(np.zeros(0, np.int64)) for seen in frames[10:25]]
    assert follow(frames, refind_threshold=0.2) > 200


def test_read_only_and_strided_arrays() -> None:
    """As they come from files and from slices."""
    frames = crowd(10, 10, 8, 300.0, 6)
    for seen in frames:
        for values in vars(seen).values():
            if values is not None:
                values.flags.writeable = False
    assert follow([seen.select(slice(None, None, 2)) for seen in frames]) > 10
