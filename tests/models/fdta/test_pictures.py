"""What is drawn of FDTA holds what its network computed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.fdta.network import build_network
from models.fdta.options import FdtaOptions
from models.fdta.pictures import Trajectory, depth_attention, frames, most_interrupted, show, similarity, temporal_attention
from pipeline.contract.pictures import Matrix, Overlay, Stretch
from tests.models.fdta.samples import small_options, walk

SEEN_BY_ALL = {"detection_threshold": 0.0, "birth_threshold": 0.0, "id_threshold": 0.0}  # a network of random weights is never sure


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


def stretch(count: int) -> Stretch:
    return Stretch("seq", np.arange(11, 11 + count), [frame.image for frame in walk(count).frames], 15.0)


def shown(options: FdtaOptions) -> list[Overlay | Matrix]:
    torch.manual_seed(0)
    network, before = build_network(options).eval(), build_network(options).eval()
    return list(show(network, before, options, stretch(6)))


def test_the_report_shows_depth_attention_a_trajectory_and_cosines_before_and_after() -> None:
    found = shown(small_options(tracker=SEEN_BY_ALL, depth_stride=8))
    *_, first, temporal, before, after = found
    assert isinstance(first, Overlay)
    assert first.frame == 5
    assert first.weights.shape == (8, 12)
    assert first.weights.sum() == pytest.approx(1, abs=1e-5)
    assert first.weights.min() >= 0
    assert isinstance(temporal, Matrix)
    assert temporal.values.shape == (5, 5)
    assert list(temporal.columns) in (["11", "12", "13", "14", "15"], ["12", "13", "14", "15", "16"])
    assert before.caption.startswith("cosines, pretrained: seq, frame 16, mean off the diagonal")
    assert after.caption.startswith("cosines, fine-tuned: seq, frame 16, mean off the diagonal")
    assert isinstance(after, Matrix)
    assert isinstance(before, Matrix)
    np.testing.assert_allclose(np.diag(after.values), 1, atol=1e-5)
    assert np.abs(after.values - before.values).max() > 0.01


def test_adapters_that_are_off_are_not_shown() -> None:
    found = shown(small_options(tracker=SEEN_BY_ALL, depth_attention="off", temporal=False))
    assert [item.caption.split(":")[0] for item in found] == ["cosines, pretrained", "cosines, fine-tuned"]


def test_a_frame_without_people_shows_nothing() -> None:
    assert shown(small_options(tracker={"detection_threshold": 0.99, "birth_threshold": 0.99})) == []


@pytest.mark.parametrize(("clip", "wanted"), [(8, 32), (30, 48), (60, 60)])
def test_a_stretch_is_long_enough_for_gaps(clip: int, wanted: int) -> None:
    assert frames(small_options(frames=clip)) == wanted


def test_the_trajectory_with_the_longest_gap_is_chosen() -> None:
    rows = {1: [1, 1, 1, 1, 1, 1], 2: [1, 1, 0, 0, 1, 1], 3: [0, 0, 0, 0, 1, 1], 4: [1, 0, 0, 0, 0, 1]}
    found = [Trajectory(name, 0, np.zeros((6, 1), np.float32), np.array(seen, bool)) for name, seen in rows.items()]
    assert [item.gap for item in found] == [0, 2, 0, 4]
    chosen = most_interrupted(iter(found))
    assert chosen is not None
    assert chosen.identity == 2, "of two with a gap the one that was seen more often beside it"
    assert most_interrupted(iter([])) is None
