"""What is drawn of FDTA holds what its network computed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.fdta.network import build_network
from models.fdta.pictures import depth_attention, similarity, temporal_attention
from tests.models.fdta.samples import small_options


@pytest.mark.parametrize(("stride", "shape"), [(8, (8, 12)), (16, (4, 6))])
def test_depth_attention_is_a_distribution_over_the_tokens_cells(stride: int, shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    network, images = build_network(small_options(depth_stride=stride)).eval(), torch.rand(2, 3, 64, 96)
    outputs, weights = depth_attention(network, images)
    assert weights.shape == (2, 12, *shape)
    np.testing.assert_allclose(weights.sum((2, 3)), 1, atol=1e-5)
    assert weights.std() > 0
    torch.testing.assert_close(outputs.boxes, network(images).boxes)
    assert not network.detector.detr.decoder.layers[-1].cross_attn_depth._forward_pre_hooks, "the network is left as it was"


def test_a_gap_is_a_column_of_zeros() -> None:
    torch.manual_seed(0)
    seen = np.array([[True, False, True, True]])
    weights = temporal_attention(build_network(small_options()).association.eval(), np.ones((1, 4, 16), np.float32), seen)[0]
    assert (weights[2:, 1] == 0).all()
    assert (np.triu(weights, 1) == 0).all()
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-5)


def test_similarity_of_people() -> None:
    cosines, mean = similarity(np.array([[1, 0], [0.6, 0.8], [0, 1]], np.float32))
    np.testing.assert_allclose(cosines, [[1, 0.6, 0], [0.6, 1, 0.8], [0, 0.8, 1]], atol=1e-6)
    assert mean == pytest.approx((0.6 + 0.0 + 0.8) / 3)
    assert similarity(np.ones((1, 2), np.float32))[1] == 0.0


def test_what_a_network_does_not_have_is_said() -> None:
    network = build_network(small_options(depth_attention="off", temporal=False)).eval()
    with pytest.raises(ValueError, match="without depth attention"):
        depth_attention(network, torch.rand(1, 3, 64, 96))
    with pytest.raises(ValueError, match="without temporal adapter"):
        temporal_attention(network.association, np.zeros((1, 2, 16), np.float32), np.ones((1, 2), bool))
