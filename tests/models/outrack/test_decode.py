"""Maps made by hand come back as the boxes, embeddings and occlusion centres they were made from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from models.occlusion.detections import OccludedDetections
from models.outrack.decode import decode, describe
from models.outrack.network import OutrackOutputs
from tests.models.outrack.samples import small_options


def maps(n: int = 1, height: int = 16, width: int = 24, dims: int = 3) -> OutrackOutputs:
    return OutrackOutputs(
        heatmap=torch.full((n, 1, height, width), -9.0),
        size=torch.zeros(n, 4, height, width),
        offset=torch.zeros(n, 2, height, width),
        embedding=torch.ones(n, dims, height, width),
        occlusion=torch.full((n, 1, height, width), -9.0),
        occlusion_offset=torch.zeros(n, 2, height, width),
    )


def two_objects() -> OutrackOutputs:
    outputs = maps(2)
    outputs.heatmap[0, 0, 5, 7], outputs.heatmap[0, 0, 5, 8], outputs.heatmap[0, 0, 12, 20] = 1.0, 0.5, 2.0
    outputs.size[0, :, 5, 7] = torch.tensor([1.0, 2.0, 3.0, 4.0])
    outputs.offset[0, :, 5, 7] = torch.tensor([0.25, 0.5])
    outputs.size[0, :, 12, 20] = 2.0
    outputs.embedding[0, :, 5, 7] = torch.tensor([0.0, 3.0, 4.0])
    outputs.occlusion[0, 0, 3, 4], outputs.occlusion[0, 0, 9, 9] = 1.5, -3.0
    outputs.occlusion_offset[0, :, 3, 4] = torch.tensor([0.5, 0.25])
    return outputs


def kinds(boxes: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [np.zeros(len(each), np.int64) for each in boxes]


def test_peaks_become_boxes_best_first_and_neighbours_are_suppressed() -> None:
    first, second = decode(None, two_objects(), small_options())
    assert first.scores == pytest.approx([0.880797, 0.731059], abs=1e-5)
    assert first.boxes == pytest.approx(np.array([[72, 40, 88, 56], [25, 14, 41, 38]]))
    assert first.embeddings[1] == pytest.approx([0, 0.6, 0.8])
    assert first.occlusion_centres[0] == pytest.approx([18, 13])
    assert first.occlusion_scores[0] == pytest.approx(0.817574, abs=1e-5)
    assert (np.diff(first.occlusion_scores) <= 0).all()  # the thresholds belong to the tracker
    assert len(second.boxes) == len(second.occlusion_centres) == 0
    assert second.embeddings.shape == (0, 3)


def test_what_is_no_number_is_no_peak() -> None:
    outputs = two_objects()
    outputs.heatmap[0, 0, 9, 3] = float("nan")
    first, _ = decode(None, outputs, small_options())
    assert first.scores == pytest.approx([0.880797, 0.731059], abs=1e-5)


def test_top_k_keeps_the_best() -> None:
    (found, _) = decode(None, two_objects(), small_options(tracker={"top_k": 1}))
    assert found.boxes == pytest.approx(np.array([[72, 40, 88, 56]]))


def test_networks_without_occlusion_heads_see_none() -> None:
    found = decode(None, two_objects()._replace(occlusion=None, occlusion_offset=None), small_options())[0]
    assert found.occlusion_centres.shape == (0, 2)
    assert len(found.boxes) == 2


def test_without_an_objective_there_are_no_embeddings() -> None:
    options = small_options(loss={"reid": "none"})
    first, second = decode(None, two_objects(), options)
    assert (first.embeddings.shape, second.embeddings.shape) == ((2, 0), (0, 0))
    assert first.boxes.tolist() == decode(None, two_objects(), small_options())[0].boxes.tolist()
    boxes = [first.boxes, np.zeros((0, 4), np.float32)]
    described = describe(None, two_objects(), boxes, [first.scores, np.zeros(0, np.float32)], kinds(boxes), options)
    assert [found.embeddings.shape for found in described] == [(2, 0), (0, 0)]
    assert first.moved(0.5, 0, 0).select(np.array([1])).embeddings.shape == (1, 0)


def test_moving_and_selecting_keep_the_occlusions() -> None:
    found = decode(None, two_objects(), small_options())[0]
    moved = found.moved(0.5, 4.0, 2.0)
    assert isinstance(moved, OccludedDetections)
    assert moved.boxes[0] == pytest.approx([136, 76, 168, 108])
    assert moved.occlusion_centres[0] == pytest.approx([28, 22])
    chosen = moved.select(np.array([1]))
    assert chosen.scores == pytest.approx([0.731059], abs=1e-5)
    assert chosen.occlusion_centres == pytest.approx(moved.occlusion_centres)


def test_embeddings_are_read_at_box_centres_inside_the_map() -> None:
    outputs = maps(2)
    outputs.embedding[0, :, 5, 7] = torch.tensor([0.0, 3.0, 4.0])
    outputs.embedding[0, :, 15, 23] = torch.tensor([2.0, 0.0, 0.0])
    boxes = [np.array([[20, 12, 40, 32], [90, 60, 190, 160]], np.float32), np.zeros((0, 4), np.float32)]
    scores = [np.array([0.9, 0.8], np.float32), np.zeros(0, np.float32)]
    first, second = [found.embeddings for found in describe(None, outputs, boxes, scores, kinds(boxes), small_options())]
    assert first == pytest.approx(np.array([[0, 0.6, 0.8], [1, 0, 0]]))
    assert second.shape == (0, 3)
