"""What keeps parts apart, against golden values and degenerate parts."""

from __future__ import annotations

import math

import pytest
import torch

from models.embedding.diversity import mean_cosine, soft_overlap


def golden_vectors() -> torch.Tensor:
    n, k, d = (torch.arange(count).view(shape) for count, shape in ((2, (2, 1, 1)), (3, (1, 3, 1)), (4, (1, 1, 4))))
    return torch.sin(1 + 0.8 * n + 0.7 * k + 0.45 * d * (k + 1)).requires_grad_()


def golden_masks() -> torch.Tensor:
    n, k, p = (torch.arange(count).view(shape) for count, shape in ((2, (2, 1, 1)), (3, (1, 3, 1)), (6, (1, 1, 6))))
    return torch.sigmoid(3 * torch.sin(1 + n + 1.3 * k + 0.9 * p)).requires_grad_()


def test_golden_cosine_and_gradient() -> None:
    """F1 of the facts about FineTrack, computed with NumPy."""
    vectors = golden_vectors()
    found = mean_cosine(vectors)
    (slope,) = torch.autograd.grad(found, vectors)
    assert found.item() == pytest.approx(-0.096200, abs=1e-6)
    assert slope.norm().item() == pytest.approx(0.367038, abs=1e-6)


def test_golden_overlap() -> None:
    """F2, by the same source."""
    assert soft_overlap(golden_masks()).item() == pytest.approx(0.342515, abs=1e-6)


@pytest.mark.parametrize(
    ("vectors", "cosine"),
    [
        (torch.ones(2, 3, 4), 1.0),  # equal
        (torch.eye(3)[None] * 5, 0.0),  # at right angles, of any length
        (torch.tensor([[[math.cos(a), math.sin(a)] for a in (0, 2 * math.pi / 3, 4 * math.pi / 3)]]), -0.5),  # the least of three
    ],
)
def test_cosines_of_simple_parts(vectors: torch.Tensor, cosine: float) -> None:
    assert mean_cosine(vectors).item() == pytest.approx(cosine, abs=1e-6)


def test_cosines_below_the_floor_earn_nothing() -> None:
    vectors = torch.tensor([[[1.0, 0.0], [-1.0, 0.2]]], requires_grad=True)
    found = mean_cosine(vectors, 0.0)
    assert found.item() == 0
    assert not torch.autograd.grad(found, vectors)[0].any()


@pytest.mark.parametrize(
    ("masks", "overlap"),
    [
        (torch.full((2, 3, 6), 0.3), 1.0),  # equal
        (torch.eye(3)[None], 0.0),  # disjoint
        (torch.tensor([[[1.0, 0.5], [0.5, 1.0]]]), 0.5),  # minima 1, maxima 2
        (torch.zeros(1, 2, 4), 0.0),  # two masks of zeros
    ],
)
def test_overlap_of_simple_masks(masks: torch.Tensor, overlap: float) -> None:
    assert soft_overlap(masks).item() == pytest.approx(overlap, abs=1e-6)


@pytest.mark.parametrize("shape", [(0, 3, 4), (2, 1, 4), (2, 0, 4)])  # no box, one part, no part
@pytest.mark.parametrize("diversity", [mean_cosine, soft_overlap])
def test_without_pairs_there_is_nothing_to_keep_apart(diversity: object, shape: tuple[int, ...]) -> None:
    parts = torch.ones(shape, requires_grad=True)
    found = diversity(parts)  # type: ignore[operator]
    assert found.item() == 0
    assert not torch.autograd.grad(found, parts)[0].any()


@pytest.mark.parametrize("diversity", [mean_cosine, soft_overlap])
def test_parts_of_zeros_have_a_finite_gradient(diversity: object) -> None:
    parts = torch.zeros(2, 3, 4, requires_grad=True)
    (slope,) = torch.autograd.grad(diversity(parts), parts)  # type: ignore[operator]
    assert slope.isfinite().all()
