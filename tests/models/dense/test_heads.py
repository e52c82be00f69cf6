"""Heads at cells alone beside whole maps, and layers of our own beside torch's, whatever precision and order of memory."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from models.dense.heads import GroupNorm, Heads, at_cells, neighbourhoods


def plain(maps: Tensor, cells: Tensor) -> Tensor:
    """Convert the whole map, then gather."""
    flat = maps.float().flatten(2)
    return flat.gather(2, cells[:, None].expand(-1, flat.shape[1], -1)).transpose(1, 2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("slots", [0, 1, 40])
def test_values_are_those_of_a_plain_gather(dtype: torch.dtype, layout: torch.memory_format, slots: int) -> None:
    torch.manual_seed(slots)
    maps = torch.randn(3, 5, 4, 6).to(dtype=dtype, memory_format=layout)
    cells = torch.randint(0, 24, (3, slots))
    found = at_cells(maps, cells)
    assert found.dtype == torch.float32
    assert torch.equal(found, plain(maps, cells))


def test_a_strided_choice_of_frames() -> None:
    """Maps need not lie in one piece."""
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


HEADS = {"heatmap": 1, "size": 4, "embedding": 6, "occlusion": 1, "occlusion_offset": 2}
ROUNDING = [(torch.float32, 1e-5), (torch.bfloat16, 4e-2)]


def gradients(heads: Heads, features: Tensor, cells: dict[str, Tensor], *, whole: bool) -> tuple[dict[str, Tensor], list[Tensor]]:
    """What a loss sees of five heads, three of them at cells, and the gradients of all weights and of the features."""
    heads.zero_grad()
    leaf = features.detach().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=features.dtype == torch.bfloat16):
        found = heads(leaf) if whole else heads(leaf, cells)
    if whole:
        found |= {name: at_cells(found[name], where) for name, where in cells.items()}
    torch.manual_seed(5)
    sum((value.float() * torch.randn(value.shape)).sum() for _, value in sorted(found.items())).backward()
    return found, [leaf.grad.float(), *(parameter.grad for parameter in heads.parameters())]


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize(("dtype", "tolerance"), ROUNDING)
@pytest.mark.parametrize("slots", [1, 40])
def test_heads_at_cells_hold_what_their_maps_hold_there(
    layout: torch.memory_format, dtype: torch.dtype, tolerance: float, slots: int
) -> None:
    torch.manual_seed(3)
    heads = Heads(8, 16, HEADS, priors={})
    nn.init.normal_(heads.hidden.bias)
    features = torch.randn(3, 8, 4, 6).to(dtype=dtype, memory_format=layout)
    objects = torch.arange(slots).expand(3, -1) % 24  # forty slots in 24 cells: every edge and corner, and some cells twice
    cells = {"size": objects, "embedding": objects, "occlusion_offset": torch.tensor([[0, 23], [5, 18], [9, 9]])}
    (ours, found), (theirs, expected) = (gradients(heads, features, cells, whole=whole) for whole in (False, True))
    assert ours["embedding"].shape == (3, slots, 6)
    for name in HEADS:
        torch.testing.assert_close(ours[name].float(), theirs[name].float(), rtol=tolerance, atol=tolerance)
    for gradient, plainly in zip(found, expected, strict=True):
        torch.testing.assert_close(gradient, plainly, rtol=tolerance, atol=tolerance * float(plainly.abs().max()))


def test_gradients_lie_as_their_parameters_do() -> None:
    """Or data-parallel training, which keeps them in one buffer, copies each and complains."""
    heads = Heads(8, 16, HEADS, priors={}).to(memory_format=torch.channels_last)
    features = torch.randn(2, 8, 4, 6).contiguous(memory_format=torch.channels_last)
    gradients(heads, features, {"size": torch.tensor([[3], [4]]), "embedding": torch.tensor([[1, 2], [3, 4]])}, whole=False)
    assert all(parameter.grad.stride() == parameter.stride() for parameter in heads.parameters())


def test_gradients_of_many_objects_in_one_cell_are_summed_in_float32() -> None:
    """In bfloat16 256 + 1 is 256."""
    maps = torch.zeros(1, 1, 3, 3, dtype=torch.bfloat16, requires_grad=True)
    around = neighbourhoods(maps, torch.full((1, 400), 4))
    around.sum().backward()
    assert around.shape == (1, 400, 9)
    assert (maps.grad == 400).all()


def test_surroundings_run_row_by_row_and_end_at_the_edge() -> None:
    maps = torch.arange(1.0, 13).view(1, 1, 3, 4)
    assert neighbourhoods(maps, torch.tensor([[0, 6, 11]])).tolist() == [
        [[0, 0, 0, 0, 1, 2, 0, 5, 6], [2, 3, 4, 6, 7, 8, 10, 11, 12], [7, 8, 0, 11, 12, 0, 0, 0, 0]]
    ]
