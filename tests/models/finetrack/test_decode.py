"""Maps to detections with the embedding of parts."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.finetrack.decode import decode, describe, parts_at
from models.finetrack.network import build_network
from tests.models.finetrack.samples import small_options


@pytest.mark.parametrize("parts", [0, 3])
def test_what_is_found_is_described_as_if_it_were_given(parts: int) -> None:
    torch.manual_seed(0)
    options = small_options(parts=parts)
    network = build_network(options).eval()
    with torch.no_grad():
        outputs = network(torch.rand(2, 3, 64, 96))
    found = decode(network, outputs, options)
    given = describe(network, outputs, *([getattr(f, n) for f in found] for n in ("boxes", "scores", "classes")), options)
    for one, other in zip(found, given, strict=True):
        assert 0 < len(one.boxes) <= options.tracker.top_k
        assert one.embeddings.shape[1] == (parts + 1) * options.network.part_size
        np.testing.assert_array_equal(one.embeddings, other.embeddings)
        assert (one.part_masks is None) is (parts == 0)
        if one.part_masks is not None:
            np.testing.assert_array_equal(one.part_masks, other.part_masks)
            np.testing.assert_array_equal(one.moved(2, 0, 0).select(np.array([1])).part_masks, one.part_masks[1:2])


def test_an_image_without_boxes_is_described_beside_one_with() -> None:
    options = small_options()
    network = build_network(options).eval()
    with torch.no_grad():
        outputs = network(torch.rand(2, 3, 64, 96))
    boxes = [np.zeros((0, 4), np.float32), np.array([[10, 10, 30, 60]], np.float32)]
    found = describe(
        network, outputs, boxes, [np.ones(len(b), np.float32) for b in boxes], [np.zeros(len(b), np.int64) for b in boxes], options
    )
    assert [len(each.embeddings) for each in found] == [0, 1]
    assert parts_at(network, outputs.features, boxes).masks.shape == (1, 3, 16, 8)
    assert parts_at(network, outputs.features, [boxes[0]] * 2).vectors.shape == (0, 4, 4)
