"""From queries to detections, and from given boxes to queries."""

from __future__ import annotations

import numpy as np
import torch

from models.fdta.decode import closest_queries, decode, describe
from models.fdta.network import FdtaNetwork, FdtaOutputs
from tests.models.fdta.samples import small_options

NETWORK = FdtaNetwork(small_options())  # not read
KINDS = np.array([0, 1, 0])
BOXES = torch.tensor([[0.5, 0.5, 0.2, 0.4], [0.1, 0.1, 0.4, 0.4], [0.52, 0.5, 0.2, 0.4], [0.9, 0.9, 0.1, 0.1]])


def outputs(logits: list[float]) -> FdtaOutputs:
    """Two decoder layers, of which the first says nonsense."""
    last = torch.tensor(logits).view(1, 4, 1)
    return FdtaOutputs(
        logits=torch.stack([last + 9, last], 1),
        boxes=torch.stack([BOXES.flip(0), BOXES])[None],
        queries=torch.arange(1, 17, dtype=torch.float32).view(1, 4, 4),
        pixels=torch.tensor([[100.0, 50.0]]),
    )


def test_the_last_layers_queries_come_best_first_in_pixels() -> None:
    seen = decode(NETWORK, outputs([0.0, -9.0, 2.0, -1.0]), small_options())[0]
    np.testing.assert_allclose(seen.scores, [0.880797, 0.5, 0.268941], atol=1e-6)  # -9 is noise
    np.testing.assert_allclose(seen.boxes[1], [40, 15, 60, 35], atol=1e-5)
    assert seen.queries.tolist() == [[9, 10, 11, 12], [1, 2, 3, 4], [13, 14, 15, 16]]
    np.testing.assert_allclose(np.linalg.norm(seen.embeddings, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(seen.embeddings[1] * np.sqrt(30), [1, 2, 3, 4], rtol=1e-6)


def test_boxes_may_leave_the_image() -> None:
    seen = decode(NETWORK, outputs([-9.0, 2.0, -9.0, -9.0]), small_options())[0]
    np.testing.assert_allclose(seen.boxes, [[-10, -5, 30, 15]], atol=1e-5)


def test_detections_are_selected_and_moved_with_their_queries() -> None:
    seen = decode(NETWORK, outputs([0.0, -9.0, 2.0, -1.0]), small_options())[0]
    assert seen.select(np.array([1])).queries.tolist() == [[1, 2, 3, 4]]
    assert seen.above(0.4).queries.shape == (2, 4)
    assert np.array_equal(seen.moved(2.0, 1.0, 1.0).queries, seen.queries)


def test_given_boxes_take_the_queries_that_overlap_them_best_one_to_one() -> None:
    # both want query 0, the second one less; it takes query 2
    given = [np.array([[40, 15, 60, 35], [41, 15, 61, 35], [0, 0, 25, 15]], np.float32)]
    seen = describe(NETWORK, outputs([0.0] * 4), given, [np.array([0.9, 0.8, 0.7], np.float32)], [KINDS], small_options())[0]
    assert seen.queries[:, 0].tolist() == [1, 9, 5]
    assert np.array_equal(seen.boxes, given[0])
    assert np.array_equal(seen.classes, KINDS)
    assert seen.scores.tolist() == np.array([0.9, 0.8, 0.7], np.float32).tolist()


def test_a_box_that_nothing_overlaps_takes_the_nearest_query() -> None:
    own = torch.tensor([[0.0, 0.0, 10.0, 10.0], [60.0, 0.0, 70.0, 10.0]])
    assert closest_queries(np.array([[45, 0, 55, 10]], np.float32), own).tolist() == [1]


def test_more_boxes_than_queries_share_them_and_none_give_nothing() -> None:
    own = torch.tensor([[0.0, 0.0, 10.0, 10.0]])
    assert closest_queries(np.array([[0, 0, 9, 9], [0, 0, 8, 8]], np.float32), own).tolist() == [0, 0]
    assert closest_queries(np.zeros((0, 4), np.float32), own).shape == (0,)
