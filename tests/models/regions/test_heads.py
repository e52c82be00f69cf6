"""Shapes of what reads regions, and that a head without regions still has gradients."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from models.regions.heads import BoxHead, EmbeddingHead, MaskHead, touch

HEADS = {
    "box": BoxHead(4, 7, 16, 3),
    "embedding": EmbeddingHead(4, 7, 2, 8, 16, 6),
    "plain embedding": EmbeddingHead(4, 7, 0, 8, 16, 6),
    "mask": MaskHead(4, 8, 3),
}


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("count", [0, 5])
def test_shapes_and_gradients(name: str, count: int) -> None:
    head: nn.Module = HEADS[name]
    found = head(torch.randn(count, 4, 7, 7))
    parts = found if isinstance(found, tuple) else (found,)
    shapes = {"box": [(count, 4), (count, 3, 4)], "mask": [(count, 3, 14, 14)]}.get(name, [(count, 6)])
    assert [tuple(part.shape) for part in parts] == shapes
    head.zero_grad(set_to_none=True)
    sum(part.sum() for part in parts).backward()
    assert [n for n, p in head.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []


def test_touching_gives_every_parameter_a_gradient_of_zero() -> None:
    head = EmbeddingHead(4, 7, 2, 8, 16, 6)
    touched = touch(head)
    touched.backward()
    assert touched.item() == 0
    assert all(p.grad is not None and p.grad.abs().max() == 0 for p in head.parameters())
