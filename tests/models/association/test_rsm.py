"""The reconstruction similarity metric: goldens A and B, the written-out form as reference, ragged and empty objects."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from models.association.point_sets import PointSets, from_objects, from_padded
from models.association.rsm import rsm
from tests.models.unitrack.golden import object_points

DOUBLE = torch.float64
# Costs, 1 - RSM.
GOLDEN_A = [[0.575420, 0.003189], [0.321706, 0.187534], [0.000973, 0.584949]]  # computed with the released function
GOLDEN_B = [[0.554734, 0.003190], [0.339393, 0.175047], [0.062802, 0.498854]]  # ragged, by an independent script that masks


def _objects(*cuts: tuple[float, int]) -> PointSets:
    return from_objects([object_points(index)[:count] for index, count in cuts], 5, dtype=DOUBLE)


def test_golden_a() -> None:
    similarity = rsm(_objects((0, 6), (1, 6), (2, 6)), _objects((2, 6), (0.1, 6)))
    assert torch.allclose(1 - similarity, torch.tensor(GOLDEN_A, dtype=DOUBLE), atol=5e-7)


def test_golden_b() -> None:
    similarity = rsm(_objects((0, 6), (1, 4), (2, 3)), _objects((2, 5), (0.1, 6)))
    assert torch.allclose(1 - similarity, torch.tensor(GOLDEN_B, dtype=DOUBLE), atol=5e-7)


def test_padding_changes_nothing() -> None:
    """The released code gives .785357 where .554734 is right, since padded points take part in its softmaxes."""
    padded = torch.stack([object_points(index) for index in (0, 1, 2)])
    valid = torch.arange(6)[None] < torch.tensor([6, 4, 3])[:, None]
    detections = _objects((2, 5), (0.1, 6))
    filled = padded.masked_fill(~valid[..., None], 1e3)
    assert torch.equal(rsm(from_padded(filled, valid), detections), rsm(from_padded(padded, valid), detections))
    assert torch.allclose(1 - rsm(from_padded(padded, valid), detections), torch.tensor(GOLDEN_B, dtype=DOUBLE), atol=5e-7)


def test_reconstructions_written_out_give_the_same() -> None:
    torch.manual_seed(3)
    tracks = from_objects([torch.randn(count, 16, dtype=DOUBLE) for count in (7, 1, 12)], 16, dtype=DOUBLE)
    detections = from_objects([torch.randn(count, 16, dtype=DOUBLE) for count in (4, 9)], 16, dtype=DOUBLE)
    for sharpness in (1.0, 100.0):
        assert torch.allclose(rsm(tracks, detections, sharpness=sharpness), _written_out(tracks, detections, sharpness))


def test_an_object_reconstructs_itself() -> None:
    torch.manual_seed(0)
    objects = from_objects([torch.randn(20, 64), torch.randn(5, 64)], 64)
    assert rsm(objects, objects).diag().tolist() == pytest.approx([1, 1], abs=1e-5)


@pytest.mark.parametrize(
    ("tracks", "detections", "shape"),
    [
        ((), ((0, 6),), (0, 1)),  # nobody is known yet
        (((0, 6),), (), (1, 0)),  # an empty frame
        ((), (), (0, 0)),
        (((0, 0),), ((1, 0),), (1, 1)),  # objects that vanished at the map's stride
    ],
)
def test_nothing_to_compare(
    tracks: tuple[tuple[float, int], ...], detections: tuple[tuple[float, int], ...], shape: tuple[int, int]
) -> None:
    similarity = rsm(_objects(*tracks), _objects(*detections))
    assert tuple(similarity.shape) == shape
    assert not bool(similarity.any())


def test_an_object_without_points_is_alike_to_nobody_and_changes_nothing() -> None:
    with_empty = rsm(_objects((0, 6), (5, 0), (1, 6)), _objects((2, 6), (7, 0)))
    assert torch.equal(with_empty[[0, 2], 0], rsm(_objects((0, 6), (1, 6)), _objects((2, 6)))[:, 0])
    assert not bool(with_empty[1].any())
    assert not bool(with_empty[:, 1].any())


def test_points_that_are_not_finite_are_left_out_and_counted() -> None:
    broken = object_points(2).clone()
    broken[5, 1], broken[4, 0] = torch.nan, torch.inf
    objects = from_objects([broken], 5, dtype=DOUBLE)
    assert (objects.broken, objects.counts) == (2, (4,))
    assert torch.equal(rsm(objects, _objects((0, 6))), rsm(_objects((2, 4)), _objects((0, 6))))


def _written_out(tracks: PointSets, detections: PointSets, sharpness: float) -> Tensor:
    """Eq. 2 with every reconstruction made."""
    cosines = sharpness * tracks.points @ detections.points.T
    rows, columns = cosines.softmax(1), cosines.softmax(0).T
    result = torch.zeros(len(tracks), len(detections), dtype=DOUBLE)
    for i, (a, b) in enumerate(tracks.ends):
        for j, (c, d) in enumerate(detections.ends):
            t, s = tracks.points[a:b], detections.points[c:d]
            result[i, j] = (_cosine(t, rows[a:b, c:d] @ s) + _cosine(s, columns[c:d, a:b] @ t)) / 2
    return result


def _cosine(first: Tensor, second: Tensor) -> Tensor:
    return (functional.normalize(first.flatten(), dim=0, eps=1e-200) * functional.normalize(second.flatten(), dim=0, eps=1e-200)).sum()
