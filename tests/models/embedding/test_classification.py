"""FairMOT's classes: cross entropy by hand, and who counts."""

from __future__ import annotations

import math

import pytest
import torch

from models.embedding.classification import Classification

AXES = torch.eye(4).expand(2, 2, -1, -1)  # two pairs, four objects a frame, object i on axis i
SAME = torch.tensor([True, False])  # the second is a negative pair
NOBODY = torch.full((2, 2, 4), -1)


def objective(identities: int = 5) -> Classification:
    """A logit for class c from axis c alone, of the scale's size; no bias."""
    made = Classification(4, identities)
    with torch.no_grad():
        made.classifier.weight.copy_(torch.eye(len(made.classifier.weight), 4))
        made.classifier.bias.zero_()
    return made


def cross_entropy(right: bool, classes: int = 5) -> float:
    """Of one object whose axis' logit is sqrt(2) ln(n - 1) and all others 0."""
    scale = math.sqrt(2) * math.log(classes - 1)
    return math.log(math.exp(scale) + classes - 1) - (scale if right else 0.0)


def test_the_loss_is_the_mean_cross_entropy_of_known_objects_in_both_frames_and_negative_pairs() -> None:
    identities, valid = NOBODY.clone(), torch.zeros(2, 2, 4, dtype=torch.bool)
    valid[..., :3] = True
    identities[0, 0, 0] = 0  # right, first frame
    identities[0, 1, 1] = 1  # right, second frame
    identities[1, 1, 2] = 4  # wrong, in a negative pair; the other valid ones are unknown
    identities[1, 0, 3] = 0  # no object
    found = objective()(5 * AXES, valid, SAME, identities)
    assert list(found) == ["reid"]
    assert found["reid"].item() == pytest.approx((2 * cross_entropy(True) + cross_entropy(False)) / 3, rel=1e-6)


@pytest.mark.parametrize("identities", [0, 1, 2, 3])
def test_few_people_keep_a_scale_that_learns(identities: int) -> None:
    made = objective(identities)
    assert made.scale == pytest.approx(math.sqrt(2) * math.log(2))
    found = made(AXES, torch.ones(2, 2, 4, dtype=torch.bool), SAME, torch.zeros(2, 2, 4, dtype=torch.long))
    # the fourth axis has no class, so its logits are all 0
    assert found["reid"].item() == pytest.approx((cross_entropy(True, 3) + 2 * cross_entropy(False, 3) + math.log(3)) / 4, rel=1e-6)


@pytest.mark.parametrize("valid", [True, False])
def test_without_anyone_known_the_loss_is_zero_and_gradients_arrive(valid: bool) -> None:
    made, features = objective(), AXES.clone().requires_grad_(True)
    made(features, torch.full((2, 2, 4), valid), SAME, NOBODY)["reid"].backward()
    assert all(p.grad is not None and (p.grad == 0).all() for p in (features, *made.parameters()))


def test_zero_vectors_have_finite_gradients() -> None:
    features = torch.zeros(2, 2, 4, 4, requires_grad=True)
    objective()(features, torch.ones(2, 2, 4, dtype=torch.bool), SAME, NOBODY.clamp(min=1))["reid"].backward()
    assert torch.isfinite(features.grad).all()


def test_identities_must_be_given() -> None:
    with pytest.raises(ValueError, match="needs identities"):
        objective()(AXES, torch.ones(2, 2, 4, dtype=torch.bool), SAME, None)
