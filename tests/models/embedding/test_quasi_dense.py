"""Quasi-dense losses. Golden values Q1 to Q3 were computed apart in float64, and Q1 with the released losses."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from models.embedding.options import QuasiDenseOptions
from models.embedding.quasi_dense import NOBODY, PairMasks, QuasiDense, auxiliary_loss, embedding_loss, pair_masks

POSITIVE = torch.tensor([[1, 1, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0]], dtype=torch.bool)
MASKS = PairMasks(POSITIVE, ~POSITIVE)
FIRST = PairMasks(POSITIVE & ~torch.tensor([0, 1, 0, 0, 0, 0], dtype=torch.bool), ~POSITIVE)  # each row's first; its others are left out


def vectors() -> tuple[Tensor, Tensor]:
    """Q1's v (3, 4) and k (6, 4), with gradients."""
    i, j, k = torch.arange(3.0)[:, None], torch.arange(6.0)[:, None], torch.arange(4.0)
    return (0.9 * i + 0.31 * k + 1).sin().requires_grad_(), (0.4 * j + 0.53 * k).cos().requires_grad_()


def cosines(v: Tensor, k: Tensor) -> Tensor:
    return functional.normalize(v, dim=1) @ functional.normalize(k, dim=1).T


def norms(loss: Tensor, *leaves: Tensor) -> list[float]:
    return [x.norm().item() for x in torch.autograd.grad(loss, leaves)]


def test_similarities_of_the_golden_vectors() -> None:
    v, k = vectors()
    assert (v @ k.T)[0].tolist() == pytest.approx([2.145406, 1.082045, -0.152147, -1.362318, -2.357409, -2.980317], abs=1e-6)


@pytest.mark.parametrize(
    ("masks", "equation", "rows"),
    [
        (MASKS, 5, [0.454021, 2.111677]),
        (MASKS, 3, [0.493250, 2.111677]),
        # one positive a row: Eq. 2, by either
        (FIRST, 5, [0.137576, 2.111677]),
        (FIRST, 3, [0.137576, 2.111677]),
    ],
)
def test_embedding_loss(masks: PairMasks, equation: Any, rows: list[float]) -> None:
    v, k = vectors()
    loss = embedding_loss(v @ k.T, masks, equation)
    assert loss.item() == pytest.approx(sum(rows) / 2, abs=1e-6)  # the row without positive does not count
    for row, expected in enumerate(rows):
        alone = PairMasks(masks.positive[row : row + 1], masks.negative[row : row + 1])
        assert embedding_loss((v @ k.T)[row : row + 1], alone, equation).item() == pytest.approx(expected, abs=2e-6)


def test_gradients_of_the_embedding_loss() -> None:
    v, k = vectors()
    loss = 0.25 * embedding_loss(v @ k.T, MASKS)
    assert loss.item() == pytest.approx(0.320712, abs=1e-6)
    assert norms(loss, v, k) == pytest.approx([0.108284, 0.130727], abs=1e-6)


def test_auxiliary_loss() -> None:
    v, k = vectors()
    loss = auxiliary_loss(cosines(v, k), MASKS)
    assert loss.item() == pytest.approx(0.366149, abs=1e-6)
    assert norms(loss, v, k) == pytest.approx([0.080175, 0.169859], abs=1e-6)
    assert auxiliary_loss(cosines(v, k), MASKS, negatives_per_positive=1).item() == pytest.approx(0.500825, abs=1e-6)


def test_other_similarities() -> None:
    i, j = torch.arange(3.0)[:, None], torch.arange(6.0)
    similarity = (1 + i + 0.7 * j).sin()
    assert 0.25 * embedding_loss(similarity, MASKS).item() == pytest.approx(0.435720, abs=1e-6)
    assert embedding_loss(similarity[1:2], PairMasks(POSITIVE[1:2], ~POSITIVE[1:2])).item() == pytest.approx(2.062950, abs=1e-6)
    assert auxiliary_loss(similarity, MASKS).item() == pytest.approx(0.177787, abs=1e-6)


def test_a_positive_of_negative_cosine_has_no_gradient() -> None:
    found = torch.tensor([[-0.4, 0.3]], requires_grad=True)
    loss = auxiliary_loss(found, PairMasks(torch.tensor([[True, False]]), torch.tensor([[False, True]])))
    assert loss.item() == pytest.approx(0.52, abs=1e-6)
    assert torch.autograd.grad(loss, found)[0].tolist() == [pytest.approx([0, 0.2], abs=1e-6)]


def test_equation_5_is_the_sum_over_all_pairs() -> None:
    torch.manual_seed(0)
    similarity, positive = torch.randn(4, 9), torch.rand(4, 9) < 0.3
    expected = [
        math.log(1 + sum(math.exp(n - p) for n in row[~mask] for p in row[mask]))
        for row, mask in zip(similarity, positive, strict=True)
        if mask.any()
    ]
    assert embedding_loss(similarity, PairMasks(positive, ~positive)).item() == pytest.approx(sum(expected) / len(expected), rel=1e-5)


@pytest.mark.parametrize("shape", [(3, 6), (0, 6), (3, 0), (0, 0)])
def test_without_positives_losses_are_zero_with_a_gradient_of_zero(shape: tuple[int, int]) -> None:
    similarity = torch.full(shape, 0.3, requires_grad=True)
    nothing = torch.zeros(shape, dtype=torch.bool)
    for loss in (embedding_loss(similarity, PairMasks(nothing, ~nothing)), auxiliary_loss(similarity, PairMasks(nothing, ~nothing))):
        assert loss.item() == 0
        (gradient,) = torch.autograd.grad(loss, similarity)
        assert gradient.abs().sum() == 0


def test_without_negatives_only_cosines_cost() -> None:
    similarity = torch.full((2, 3), 0.5, requires_grad=True)
    all_of_them = torch.ones(2, 3, dtype=torch.bool)
    loss = embedding_loss(similarity, PairMasks(all_of_them, ~all_of_them))
    assert loss.item() == 0
    assert torch.autograd.grad(loss, similarity)[0].isfinite().all()
    assert auxiliary_loss(similarity, PairMasks(all_of_them, ~all_of_them)).item() == pytest.approx(0.25)


def test_large_inner_products_stay_finite() -> None:
    loss = embedding_loss(torch.tensor([[900.0, -900.0, 500.0]], requires_grad=True), PairMasks(POSITIVE[1:2, 1:4], ~POSITIVE[1:2, 1:4]))
    assert loss.item() == pytest.approx(1800)


def test_masks_of_identities() -> None:
    key, reference = torch.tensor([4, 7]), torch.tensor([4, -1, 7, 4, 9])
    masks = pair_masks(key, reference)
    assert masks.positive.tolist() == [[True, False, False, True, False], [False, False, True, False, False]]
    assert torch.equal(masks.negative, ~masks.positive)
    # one positive: the other one of the row's own identity is left out, and a negative to the other row
    one = pair_masks(key, reference, torch.tensor([True, False, True, False, False]))
    assert one.positive.tolist() == [[True, False, False, False, False], [False, False, True, False, False]]
    assert one.negative.tolist() == [[False, True, True, False, True], [True, True, False, True, True]]


# As an objective: pairs in slots, identities that say which sample shows whom.


def slots(identities: list[list[int]], valid: list[list[bool]] | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Q1's vectors as one pair in six slots, (1, 2, 6, 4), which of them exist, and who they show."""
    v, k = vectors()
    embeddings = torch.stack([torch.cat([v, torch.full((3, 4), 7.0)]), k])[None]
    there = torch.tensor(valid) if valid else torch.tensor([[True] * 3 + [False] * 3, [True] * 6])
    return embeddings, there[None], torch.tensor(identities)[None]


def objective(embeddings: Tensor, valid: Tensor, identities: Tensor, **changes: Any) -> dict[str, Tensor]:
    same = torch.ones(len(valid), dtype=torch.bool)
    found: dict[str, Tensor] = QuasiDense(QuasiDenseOptions(**changes))(embeddings, valid, same, identities)
    return found


GOLDEN = [[0, 1, 2, -1, -1, -1], [0, 0, 1, NOBODY, NOBODY, NOBODY]]


def test_the_objective_gives_the_golden_losses_of_its_samples() -> None:
    terms = objective(*slots(GOLDEN))
    assert 0.25 * terms["reid_embed"].item() == pytest.approx(0.320712, abs=1e-6)
    assert terms["reid_auxiliary"].item() == pytest.approx(0.366149, abs=1e-6)
    assert terms["reid"].item() == pytest.approx(0.320712 + 0.366149, abs=1e-6)
    third = objective(*slots(GOLDEN), equation=3, auxiliary_weight=0.0, embed_weight=0.25)
    assert third["reid"].item() == pytest.approx(0.325616, abs=1e-6)


def test_unknown_identities_and_empty_slots_are_no_samples() -> None:
    """The third and the fourth column may show anyone: without them nothing is left of the second row either."""
    embeddings, valid, identities = slots([[0, 1, -1, -1, -1, -1], [0, 0, -1, -1, NOBODY, NOBODY]])
    expected = objective(embeddings, valid, identities)
    embeddings = embeddings.detach().clone()
    embeddings[0, 0, 2:], embeddings[0, 1, 2:4] = 99.0, -99.0
    found = objective(embeddings, valid, identities)
    assert found["reid"].item() == pytest.approx(expected["reid"].item(), rel=1e-6)
    valid[0, 1, 2:4] = False
    assert objective(embeddings, valid, identities)["reid"].item() == pytest.approx(expected["reid"].item(), rel=1e-6)


@pytest.mark.parametrize("identities", [[[0, 1, 2, -1, -1, -1], [3, 4, 5, NOBODY, NOBODY, -1]], [[-1] * 6, [-1] * 6], [[NOBODY] * 6] * 2])
def test_pairs_with_nobody_in_common_count_as_nothing(identities: list[list[int]]) -> None:
    embeddings, valid, named = slots(identities)
    terms = objective(embeddings, valid, named)
    assert terms["reid"].item() == 0
    (gradient,) = torch.autograd.grad(terms["reid"], embeddings)
    assert (gradient == 0).all()
    both = objective(*(torch.cat(parts) for parts in zip(slots(GOLDEN), (embeddings, valid, named), strict=True)))
    assert both["reid"].item() == pytest.approx((0.320712 + 0.366149) / 2, abs=1e-6)  # the mean over pairs


def test_without_identities_there_is_no_objective() -> None:
    embeddings, valid, _ = slots(GOLDEN)
    with pytest.raises(ValueError, match=r"needs identities"):
        QuasiDense(QuasiDenseOptions())(embeddings, valid, torch.ones(1, dtype=torch.bool), None)


def test_limits_of_overlap_must_not_cross() -> None:
    with pytest.raises(ValueError, match=r"negative must not exceed positive, got 0\.8 and 0\.7"):
        QuasiDenseOptions(negative=0.8)
