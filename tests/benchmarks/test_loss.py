"""The peer computes the same loss and the same gradient as ours."""

from __future__ import annotations

import torch

from benchmarks.loss import batch, loop, ours
from benchmarks.samples import read_options


def test_the_loop_over_pairs_gives_our_loss_and_gradient() -> None:
    options = read_options("mot17").loss
    features, valid, positive = batch(4, 9)
    assert positive.tolist() == [False, False, True, True]
    assert 0 < int((~valid).sum()) <= 0.2 * valid.numel()
    found = []
    for way in (ours, loop):
        leaf = features.clone().requires_grad_(True)
        value = way(leaf, valid, positive, options)
        value.backward()
        found.append((value.detach(), leaf.grad))
    torch.testing.assert_close(found[0], found[1], rtol=1e-5, atol=1e-7)
