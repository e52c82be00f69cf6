"""Masks of parts and what is seen through them."""

from __future__ import annotations

import pytest
import torch

from models.finetrack.parts import PartHead, embedding_of, weighted_means

GOLDEN = torch.tensor([[[[1.0, 2], [3, 4]], [[5, 6], [7, 8]]]])


def test_golden_means() -> None:
    """F4 of the facts about FineTrack."""
    mask = torch.tensor([[[[1.0, 0.5], [0, 0]]]])
    assert weighted_means(mask, GOLDEN).flatten().tolist() == pytest.approx([1.333333, 5.333333], abs=1e-6)


def test_a_mask_of_zeros_sees_nothing_and_has_a_finite_gradient() -> None:
    mask = torch.zeros(1, 2, 2, 2, requires_grad=True)
    found = weighted_means(mask, GOLDEN)
    assert not found.any()
    assert torch.autograd.grad(found.sum(), mask)[0].isfinite().all()


@pytest.mark.parametrize("parts", [0, 1, 4])
def test_shapes_and_ranges(parts: int) -> None:
    torch.manual_seed(0)
    head = PartHead(6, parts, 3, 5)
    found = head(torch.randn(7, 6, 16, 8))
    assert (found.masks.shape, found.pooled.shape, found.vectors.shape) == ((7, parts, 16, 8), (7, parts, 6), (7, parts + 1, 5))
    assert ((found.masks > 0) & (found.masks < 1)).all()


def test_no_box_gives_nothing_and_leaves_the_statistics() -> None:
    head = PartHead(6, 2, 3, 5)
    before = {name: value.clone() for name, value in head.state_dict().items()}
    assert head(torch.zeros(0, 6, 16, 8)).vectors.shape == (0, 3, 5)
    assert all(torch.equal(value, before[name]) for name, value in head.state_dict().items())


def test_the_last_branch_sees_the_whole_box() -> None:
    head = PartHead(2, 2, 3, 5)
    seen = head.layers[-1](torch.tensor([[2.5, 6.5]]))
    torch.testing.assert_close(head(GOLDEN).vectors[:, -1], seen)


def test_branches_share_no_weight() -> None:
    """Another part's mask does not change when one branch's first convolution does."""
    torch.manual_seed(0)
    head, regions = PartHead(4, 2, 3, 5).eval(), torch.randn(3, 4, 16, 8)
    assert head.masks is not None
    with torch.no_grad():
        before = head(regions).masks
        head.masks[0].weight[:3].mul_(2)  # type: ignore[union-attr,operator]
        after = head(regions).masks
    assert not torch.allclose(before[:, 0], after[:, 0])
    assert torch.equal(before[:, 1], after[:, 1])


def test_the_cosine_of_embeddings_is_the_mean_of_the_branches_cosines() -> None:
    torch.manual_seed(0)
    vectors = torch.randn(2, 4, 5)
    first, second = embedding_of(vectors)
    assert first.norm().item() == pytest.approx(1, abs=1e-6)
    assert (first @ second).item() == pytest.approx(torch.cosine_similarity(vectors[0], vectors[1]).mean().item(), abs=1e-6)
