"""Operators of the command and their plain forms agree, on the CPU."""

from __future__ import annotations

import torch

from benchmarks.gpu.operators import attention, compare

CPU = torch.device("cpu")


def test_deformable_attention_is_grid_samples_forward_and_backward() -> None:
    for gradient in (False, True):
        found = compare(attention(CPU, ((6, 8), (3, 4)), gradient=gradient), CPU)
        assert found["same_bits"]
        assert found["agrees"]
        assert found["apart"] < 1e-5
    values = attention(CPU, ((6, 8), (3, 4)), gradient=True).ours()
    assert [tuple(each.shape) for each in values] == [(1, 60, 256), (1, 60, 8, 32), *[(1, 60, 64)] * 3]
    assert all(bool(each.any()) for each in values), "places outside the maps give 0, others do not"
