"""Losses pair by pair on a CPU beside those of all pairs at once."""

from __future__ import annotations

import pytest
import torch

from models.embedding.utrack import HIGHEST
from tests.models.embedding.pairs import batched, compiled, golden_pair, slopes
from tests.models.outrack.samples import small_options


@pytest.mark.parametrize("placeholder", ["mean", "zero", "none"])
@pytest.mark.parametrize("without", [{}, {"intra": False}, {"inter": False}, {"cycle": False}, {"negative_hinge": False}])
@pytest.mark.parametrize(("slots", "temperature"), [(1, "adaptive"), (2, 1.0), (5, "adaptive"), (70, 4.0), (200, "adaptive")])
def test_machine_code_equals_pytorch(placeholder: str, without: dict[str, bool], slots: int, temperature: str | float) -> None:
    torch.manual_seed(slots)
    features = torch.randn(8, 2, slots, 16) * torch.rand(8, 2, slots, 1) * 9
    valid = torch.rand(8, 2, slots) < 0.8
    valid[5, 0], valid[6, 1], valid[7] = False, False, False  # nobody in one frame, in the other, in both
    positive = (torch.arange(8) % 3 > 0) & (valid.sum((1, 2)) != 2)  # of two objects each is as near as the mean: rounding would choose
    given = (features, valid, positive, small_options(loss={"placeholder": placeholder, "temperature": temperature} | without).loss)
    assert float(compiled(*given)) == pytest.approx(float(batched(*given)), rel=1e-5, abs=1e-6)
    found, expected = slopes(compiled, *given), slopes(batched, *given)
    assert torch.allclose(found, expected, rtol=1e-4, atol=2e-6 * float(expected.abs().max()))


def test_gradient_is_that_of_a_small_step() -> None:
    torch.manual_seed(0)
    features, valid = torch.randn(2, 2, 3, 4), torch.tensor([[[True, True, True], [True, True, False]]] * 2)
    options = small_options(loss={"placeholder": "zero"}).loss  # the mean is not differentiated
    given = (valid, torch.tensor([True, False]), options)
    found, along = slopes(compiled, features, *given), torch.randn_like(features)
    step = 1e-3
    moved = [float(compiled(features + sign * step * along, *given)) for sign in (1, -1)]
    assert float((found * along).sum()) == pytest.approx((moved[0] - moved[1]) / (2 * step), rel=2e-2)


def test_a_temperature_without_adequate_numbers_is_pytorch_s() -> None:
    features, valid = golden_pair()
    given = (features, valid, torch.tensor([True]), small_options(loss={"temperature": 5 * HIGHEST}).loss)
    assert torch.equal(compiled(*given), batched(*given))
    assert torch.isfinite(slopes(compiled, *given)).all()


def test_the_gradient_is_scaled_with_what_comes_after() -> None:
    features, valid = golden_pair()
    given = (features, valid, torch.tensor([True]), small_options().loss)
    assert torch.equal(slopes(lambda *given: 3 * compiled(*given), *given), 3 * slopes(compiled, *given))


def test_objects_alike_pull_at_nobody() -> None:
    """All similarities are equal: no match leads, no direction is better."""
    options = small_options().loss
    given = (torch.ones(1, 2, 3, 4), torch.ones(1, 2, 3, dtype=torch.bool), torch.tensor([True]), options)
    assert slopes(compiled, *given).abs().max() < 1e-6


def test_of_two_people_each_rather_matches_the_other_than_the_placeholder() -> None:
    """Both are equally near, and only one of the two choices brings the same person in two frames together."""
    features, valid = torch.tensor([[[[1.0, 0.0]], [[0.6, 0.8]]]]), torch.ones(1, 2, 1, dtype=torch.bool)
    slope = slopes(compiled, features, valid, torch.tensor([True]), small_options().loss)
    assert slope[0, 0, 0, 1] < 0 < -slope[0, 1, 0, 0]


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_a_network_that_diverged_is_seen(wrong: float) -> None:
    features, valid = golden_pair()
    features[0, 1, 1, 2] = wrong
    assert torch.isnan(compiled(features, valid, torch.tensor([True]), small_options().loss))


def test_embeddings_in_any_order_of_memory_and_precision_count() -> None:
    """As the network gives them: views of its heads' outputs, in bfloat16."""
    torch.manual_seed(0)
    features = torch.randn(3, 16, 2, 40).bfloat16().permute(0, 2, 3, 1)
    valid = (torch.rand(3, 40, 2) < 0.8).transpose(1, 2)
    given = (valid, torch.tensor([True, False, True]), small_options().loss)
    found, expected = slopes(compiled, features, *given), slopes(compiled, features.float().contiguous(), *given)
    assert found.dtype == torch.bfloat16
    assert torch.allclose(found.float(), expected, rtol=1e-2, atol=1e-6)
    assert torch.equal(compiled(features, *given), compiled(features.float().contiguous(), *given))
