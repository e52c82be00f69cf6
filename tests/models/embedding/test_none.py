"""Nothing is learnt, and nothing gets in the way."""

from __future__ import annotations

import torch

from models.embedding.none import Nothing


def test_the_loss_and_its_gradients_are_zero() -> None:
    features = torch.randn(1, 2, 3, 4, requires_grad=True)
    total = Nothing()(features, torch.ones(1, 2, 3, dtype=torch.bool), torch.tensor([True]), None)["reid"]
    total.backward()
    assert total.item() == 0
    assert (features.grad == 0).all()
