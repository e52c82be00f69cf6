"""Attention with the batch first, without row-by-row products for a batch of one."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from models.queries.attend import attend

WIDTH, HEADS = 16, 4


class Products(TorchDispatchMode):
    """Counts batched matrix products and the most batches of one."""

    most = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        if func is torch.ops.aten.bmm.default:
            self.most = max(self.most, len(args[0]))
        return func(*args, **(kwargs or {}))


def pair() -> tuple[nn.MultiheadAttention, nn.MultiheadAttention]:
    """One attention that `attend` takes, and the same with the batch first."""
    torch.manual_seed(0)
    ours, theirs = nn.MultiheadAttention(WIDTH, HEADS).eval(), nn.MultiheadAttention(WIDTH, HEADS, batch_first=True).eval()
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


@pytest.mark.parametrize("images", [1, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_it_gives_what_the_batch_first_gives(images: int, weighted: bool) -> None:
    ours, theirs = pair()
    queries, others = torch.randn(images, 5, WIDTH), torch.randn(images, 70, WIDTH)
    for given in ((queries, queries, queries), (queries, others, others), (queries, others, others + 1)):
        seen, weights = attend(ours, *given, need_weights=weighted)
        expected: tuple[Tensor, Tensor | None] = theirs(*given, need_weights=weighted)
        torch.testing.assert_close(seen, expected[0])
        if weighted:
            torch.testing.assert_close(weights, expected[1])


def test_one_image_without_a_gradient_is_projected_at_once() -> None:
    ours, _ = pair()
    tokens = torch.randn(1, 200, WIDTH)
    placed = tokens + 1
    with torch.no_grad(), Products() as counted:
        attend(ours, placed, placed, tokens, need_weights=False)
    assert counted.most <= HEADS, "not one product for each of 200 rows"
