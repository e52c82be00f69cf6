"""Batch-hard triplets against golden values and what has no triplet."""

from __future__ import annotations

import pytest
import torch

from models.embedding.triplet import batch_hard


def golden_vectors() -> torch.Tensor:
    i, k = torch.arange(6)[:, None], torch.arange(4)[None]
    return torch.sin(0.9 * i + 0.31 * k + 1)[:, None].requires_grad_()


def test_golden_value_and_gradient() -> None:
    """F3 of the facts about FineTrack, computed with NumPy."""
    vectors = golden_vectors()
    loss = batch_hard(vectors, torch.tensor([0, 0, 1, 1, 2, 2]))
    (slope,) = torch.autograd.grad(loss, vectors)
    assert loss.item() == pytest.approx(0.699740, abs=1e-6)
    assert slope.norm().item() == pytest.approx(0.612966, abs=1e-6)


def test_branches_choose_by_themselves_and_are_averaged() -> None:
    one, identities = golden_vectors(), torch.tensor([0, 0, 1, 1, 2, 2])
    other = one.flip(0)
    both = batch_hard(torch.cat([one, other], 1), identities)
    assert both.item() == pytest.approx((batch_hard(one, identities) + batch_hard(other, identities)).item() / 2, abs=1e-6)


@pytest.mark.parametrize(
    "identities",
    [
        [],  # no box
        [0],  # one box
        [0, 0, 0],  # nobody else
        [0, 1, 2],  # nobody twice
        [-1, -1, 0],  # unknown ones are no pair
    ],
)
def test_boxes_without_positive_or_negative_have_no_triplet(identities: list[int]) -> None:
    vectors = torch.randn(len(identities), 2, 4, requires_grad=True)
    loss = batch_hard(vectors, torch.tensor(identities, dtype=torch.int64))
    (slope,) = torch.autograd.grad(loss, vectors)
    assert loss.item() == 0
    assert not slope.any()


def test_unknown_boxes_are_no_negatives() -> None:
    vectors = golden_vectors()
    known = batch_hard(vectors[:4], torch.tensor([0, 0, 1, 1]))
    assert batch_hard(vectors, torch.tensor([0, 0, 1, 1, -1, -1])).item() == pytest.approx(known.item(), abs=1e-7)


def test_equal_vectors_give_a_finite_gradient() -> None:
    vectors = torch.ones(4, 2, 3, requires_grad=True)
    loss = batch_hard(vectors, torch.tensor([0, 0, 1, 1]))
    (slope,) = torch.autograd.grad(loss, vectors)
    assert loss.item() == pytest.approx(0.693147, abs=1e-6)  # ln 2
    assert slope.isfinite().all()
