"""UniTrack in the house's terms: given boxes described, kept, selected and tracked."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.unitrack.decode import UnitrackDetections, describe
from models.unitrack.mot_tracker import build_tracker
from models.unitrack.network import Maps, build_network
from models.unitrack.options import UnitrackOptions
from pipeline.contract.detections import Detections, names_of
from pipeline.contract.tracks import Video

BOXES = np.array([[24, 32, 72, 128], [136, 32, 184, 128]], np.float32)
SCORES = np.array([0.9, 0.8], np.float32)
CLASSES = np.array([0, 1])
VIDEO = Video(25.0, 240, 160)


def _options(**tracker: object) -> UnitrackOptions:
    return UnitrackOptions.model_validate({"network": {"network": "resnet18", "layer": "layer3"}, "loss": {}, "tracker": tracker})


def _maps(seed: int = 0) -> Maps:
    return Maps(torch.randn(1, 64, 20, 30, generator=torch.Generator().manual_seed(seed)))


def _seen(boxes: np.ndarray = BOXES, **tracker: object) -> UnitrackDetections:
    options, count = _options(**tracker), len(boxes)
    return describe(build_network(options), _maps(), [boxes], [SCORES[:count]], [CLASSES[:count]], options)[0]


@pytest.mark.parametrize(("tracker", "points"), [({}, 40), ({"similarity": "cf"}, 1), ({"region": [10, 4]}, 40), ({"region": [2, 3]}, 6)])
def test_boxes_are_described_by_points(tracker: dict[str, object], points: int) -> None:
    seen = _seen(**tracker)
    assert (seen.looks.dtype, seen.looks.shape, seen.embeddings.shape) == (np.float16, (2, points, 64), (2, 0))
    assert np.array_equal(seen.select(np.array([1])).looks[0], seen.looks[1])


def test_an_empty_frame_is_described() -> None:
    seen = _seen(np.zeros((0, 4), np.float32))
    assert seen.looks.shape == (0, 40, 64)
    assert len(build_tracker(_options(), VIDEO).update(seen).identities) == 0


def test_tracking_again_from_what_was_kept_is_the_same() -> None:
    first, second = (build_tracker(_options(), VIDEO) for _ in range(2))
    for _ in range(3):
        seen = _seen()
        kept = UnitrackDetections(**{name: np.array(getattr(seen, name)) for name in names_of(UnitrackDetections)})
        one, other = first.update(seen), second.update(kept)
        assert one.identities.tolist() == other.identities.tolist() == [1, 2]
        assert np.array_equal(one.boxes, other.boxes)
        assert one.detections.tolist() == one.classes.tolist() == [0, 1]


def test_other_systems_embeddings_are_compared_one_vector_each() -> None:
    tracker = build_tracker(_options(similarity="reid", motion="none"), VIDEO)
    embeddings = np.eye(2, 8, dtype=np.float32)
    assert tracker.update(Detections(BOXES, SCORES, embeddings)).identities.tolist() == [1, 2]
    swapped = tracker.update(Detections(BOXES, SCORES, embeddings[::-1]))
    assert swapped.boxes[swapped.identities == 2].tolist() == BOXES[:1].tolist()
