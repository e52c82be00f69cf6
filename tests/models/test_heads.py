"""Values at cells, and their gradients: those of torch's own gather, whatever precision and order of memory."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from models.heads import GroupNorm, at_cells


def plain(maps: Tensor, cells: Tensor) -> Tensor:
    """Convert the whole map, then gather."""
    flat = maps.float().flatten(2)
    return flat.gather(2, cells[:, None].expand(-1, flat.shape[1], -1)).transpose(1, 2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("slots", [0, 1, 40])
def test_values_and_gradients_are_those_of_a_plain_gather(dtype: torch.dtype, layout: torch.memory_format, slots: int) -> None:
    torch.manual_seed(slots)
    maps = torch.randn(3, 5, 4, 6).to(dtype=dtype, memory_format=layout)
    cells = torch.randint(0, 24, (3, slots))  # forty slots in 24 cells: some are named twice or more
    weights = torch.randn(3, slots, 5)
    found = []
    for way in (at_cells, plain):
        leaf = maps.detach().requires_grad_(True)
        values = way(leaf, cells)
        (values * weights).sum().backward()
        found.append((values, leaf.grad))
    assert found[0][0].dtype == torch.float32
    assert torch.equal(found[0][0], found[1][0])
    assert torch.equal(found[0][1], found[1][1])
    assert slots < 2 or found[0][0].stride() == found[1][0].stride(), "sums round by the order of memory"


def test_a_strided_choice_of_frames() -> None:
    """As the loss takes the first frame of each pair."""
    maps = torch.randn(6, 2, 3, 3).to(memory_format=torch.channels_last)[::2]
    cells = torch.tensor([[0, 8], [4, 4], [1, 0]])
    assert torch.equal(at_cells(maps, cells), plain(maps, cells))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 2e-2)])
def test_group_normalisation_is_torchs(layout: torch.memory_format, dtype: torch.dtype, tolerance: float) -> None:
    torch.manual_seed(2)
    maps = torch.randn(2, 8, 6, 10, dtype=dtype).contiguous(memory_format=layout)
    upstream = torch.randn_like(maps)
    found = []
    for kind in (GroupNorm, nn.GroupNorm):
        norm, x = kind(4, 8), maps.clone(memory_format=torch.preserve_format).requires_grad_()
        with torch.no_grad():
            norm.weight.copy_(torch.linspace(0.5, 2, 8))
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            y = norm(x)
        y.backward(upstream)
        found.append((y.detach(), x.grad, norm.weight.grad, norm.bias.grad))
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance)
