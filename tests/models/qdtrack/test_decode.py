"""From maps to detections, and what is said about boxes that are given."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.qdtrack.decode import decode, decodes_with, describe
from models.qdtrack.detections import QdtrackDetections
from models.qdtrack.memory import remember
from models.qdtrack.network import QdtrackNetwork, QdtrackOutputs, build_network
from models.qdtrack.options import QdtrackOptions
from pipeline.contract.detections import names_of
from pipeline.numerics.boxes import iou
from tests.models.qdtrack.samples import small_options


def looked(options: QdtrackOptions, images: int = 2, memory: torch.Tensor | None = None) -> tuple[QdtrackNetwork, QdtrackOutputs]:
    torch.manual_seed(0)
    network = build_network(options).eval()
    torch.nn.init.normal_(network.box_head.classify.weight, std=0.5)
    with torch.no_grad():
        return network, network(torch.rand(images, 3, 64, 96), memory)


def test_detections_keep_the_contract() -> None:
    options = small_options(classes=3, tracker={"detections": 150})
    network, outputs = looked(options)
    found = decode(network, outputs, options)
    assert len(found) == 2
    for each in found:
        count = len(each.scores)
        assert 3 < count <= options.tracker.detections
        assert (each.boxes.shape, each.embeddings.shape, each.classes.shape) == ((count, 4), (count, 16), (count,))
        assert each.boxes.dtype == each.scores.dtype == each.embeddings.dtype == np.float32
        assert each.classes.dtype == np.int64
        assert (np.diff(each.scores) <= 0).all()
        assert each.scores.min() >= options.tracker.min_score
        for kind in range(3):
            same = iou(each.boxes[each.classes == kind], each.boxes[each.classes == kind])
            assert (np.triu(same, 1) <= options.tracker.nms + 1e-6).all()
    assert {kind for each in found for kind in each.classes.tolist()} > {0}


def test_an_image_is_seen_as_if_it_were_alone() -> None:
    options = small_options(classes=2)
    network, outputs = looked(options)
    alone = QdtrackOutputs(*(None if part is None else part[1:] for part in outputs))
    (one,), both = decode(network, alone, options), decode(network, outputs, options)
    assert (one.part_masks, both[1].part_masks) == (None, None)
    for name in names_of(type(one)):
        value = getattr(one, name)
        np.testing.assert_allclose(value, getattr(both[1], name), rtol=1e-4, atol=1e-4)


def test_describing_detections_gives_their_embeddings() -> None:
    options = small_options()
    network, outputs = looked(options)
    found = decode(network, outputs, options)
    boxes, scores = [each.boxes[:3] for each in found], [each.scores[:3] for each in found]
    again = describe(network, outputs, boxes, scores, [each.classes[:3] for each in found], options)
    for one, other in zip(again, found, strict=True):
        assert type(one) is QdtrackDetections
        np.testing.assert_array_equal(one.boxes, other.boxes[:3])
        np.testing.assert_allclose(one.embeddings, other.embeddings[:3], rtol=1e-4, atol=1e-5)
    nothing = [np.zeros((0, 4), np.float32)] * 2
    for empty in describe(network, outputs, nothing, [each[:, 0] for each in nothing], [np.zeros(0, np.int64)] * 2, options):
        assert empty.embeddings.shape == (0, 16)


def test_strange_boxes_can_be_described() -> None:
    options = small_options()
    network, outputs = looked(options, 1)
    strange = np.array([[5, 5, 5, 5], [-300, -300, -200, -200], [-1e6, -1e6, 1e6, 1e6]], np.float32)
    (found,) = describe(network, outputs, [strange], [np.ones(3, np.float32)], [np.zeros(3, np.int64)], options)
    assert np.isfinite(found.embeddings).all()


def test_boxes_leave_the_image_unless_they_are_clipped() -> None:
    for clipped in (False, True):
        options = small_options(clip_boxes=clipped)
        network, outputs = looked(options)
        boxes = np.concatenate([each.boxes for each in decode(network, outputs, options)])
        assert (boxes.min() >= 0 and boxes[:, 2].max() <= 96 and boxes[:, 3].max() <= 64) == clipped


def test_masks_of_the_detections_own_class() -> None:
    options = small_options(classes=2, mask_head=True)
    network, outputs = looked(options)
    for each in decode(network, outputs, options):
        assert each.masks.shape == (len(each.boxes), 28, 28)
        assert 0 < each.masks.min() <= each.masks.max() < 1
        assert each.select(np.array([1])).masks.shape == (1, 28, 28)


def test_without_a_learnt_embedding_there_is_none() -> None:
    options = small_options(loss={"reid": "none"}, tracker={"cues": ["iou"]})
    network, outputs = looked(options)
    assert [each.embeddings.shape[1] for each in decode(network, outputs, options)] == [0, 0]


def test_the_box_head_moves_the_boxes_of_the_frame_before() -> None:
    options = small_options(classes=2, tracker={"cues": ["appearance", "regression"]})
    keep = remember(options)
    assert keep is not None
    network, outputs = looked(options, 1)
    (before,) = decode(network, outputs, options)
    assert before.previous.shape == before.regressed.shape == (0, 4)
    memory = keep(torch.zeros(1, 3, 64, 96), before)
    assert memory.shape == (1, len(before.boxes), 5)
    network, outputs = looked(options, 1, memory)
    (now,) = decode(network, outputs, options)
    np.testing.assert_array_equal(now.previous, before.boxes)
    assert now.regressed.shape == before.boxes.shape
    assert (now.regressed != now.previous).any()
    # what moves with the detections to picture pixels stays comparable to the byte
    np.testing.assert_array_equal(now.moved(0.7, 3, 1).previous, before.moved(0.7, 3, 1).boxes)


def test_only_the_regression_cue_looks_back() -> None:
    assert remember(small_options()) is None
    assert "cues" not in decodes_with(small_options())
    assert "cues" in decodes_with(small_options(tracker={"cues": ["regression"]}))


def test_what_is_not_finite_names_the_image() -> None:
    options = small_options()
    network, outputs = looked(options)
    outputs.objectness[1, 7] = torch.nan
    with pytest.raises(ValueError, match="image 1 of the batch: objectness or deltas are NaN or infinite"):
        decode(network, outputs, options)
    network, outputs = looked(options)
    torch.nn.init.constant_(network.box_head.classify.bias, torch.inf)
    with pytest.raises(ValueError, match="image 0 of the batch: classes or boxes of regions"):
        decode(network, outputs, options)


def test_bfloat16_maps() -> None:
    options = small_options()
    torch.manual_seed(0)
    network = build_network(options).eval()
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        outputs = network(torch.rand(1, 3, 64, 96))
    assert outputs.stride4.dtype == torch.bfloat16
    assert decode(network, outputs, options)[0].boxes.dtype == np.float32
