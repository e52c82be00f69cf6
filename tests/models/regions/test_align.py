"""RoIAlign: golden values Q8 (equal to onnxruntime's), machine code beside plain PyTorch, gradients, degenerate boxes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from models.regions.align import align, plain_align
from models.regions.levels import levels

STRIDES = (4, 8, 16, 32)


def pyramid(images: int = 2, channels: int = 5) -> list[Tensor]:
    torch.manual_seed(0)
    return [torch.randn(images, channels, 64 // s, 96 // s).requires_grad_() for s in (1, 2, 4, 8)]


def regions(count: int = 200) -> tuple[Tensor, Tensor]:
    """Boxes of all sizes and shapes, some beyond the images (384 x 256), and their images."""
    torch.manual_seed(1)
    centres, sides = torch.rand(count, 2) * torch.tensor([420.0, 290.0]) - 20, torch.rand(count, 2) ** 2 * 400 + 1
    return torch.cat([centres - sides / 2, centres + sides / 2], 1), torch.randint(0, 2, (count,))


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ([0, 0, 4, 4], [2.5, 4.5, 10.5, 12.5]),
        ([1, 1, 3, 3], [5, 6, 9, 10]),
        ([0.5, 1.25, 3.5, 3.75], [6.25, 7.75, 11.25, 12.75]),
        # beyond the border there are zeros
        ([-2, -2, 2, 2], [0, 0.25, 1, 2.5]),
        ([2, 2, 6, 6], [12.5, 6.5, 7.25, 3.75]),
    ],
)
def test_golden_values(box: list[float], expected: list[float]) -> None:
    maps = [torch.arange(16.0).view(1, 1, 4, 4)]
    boxes, images = torch.tensor([box]), torch.zeros(1, dtype=torch.int64)
    assert align(maps, [1], boxes, images, size=2, sampling=2).flatten().tolist() == pytest.approx(expected, abs=1e-5)
    plain = plain_align(maps, [1], boxes, images, levels(boxes, 1), size=2, sampling=2)
    assert plain.flatten().tolist() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("sampling", [2, 0])
def test_machine_code_equals_plain_pytorch_with_its_gradient(sampling: int) -> None:
    maps, (boxes, images) = pyramid(), regions()
    assert levels(boxes, 4).unique().tolist() == [0, 1, 2]
    found = align(maps, STRIDES, boxes, images, sampling=sampling)
    plain = plain_align(maps, STRIDES, boxes, images, levels(boxes, 4), size=7, sampling=sampling)
    assert found.shape == (200, 5, 7, 7)
    torch.testing.assert_close(found, plain, atol=1e-5, rtol=1e-5)
    slopes = torch.randn_like(found)
    ours, theirs = torch.autograd.grad(found, maps, slopes, allow_unused=True), torch.autograd.grad(plain, maps, slopes)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("sampling", [2, 0])
def test_regions_may_have_more_cells_down_than_across(sampling: int) -> None:
    maps, (boxes, images) = pyramid(), regions()
    found = align(maps, STRIDES, boxes, images, size=(16, 8), sampling=sampling)
    plain = plain_align(maps, STRIDES, boxes, images, levels(boxes, 4), size=(16, 8), sampling=sampling)
    assert found.shape == (200, 5, 16, 8)
    torch.testing.assert_close(found, plain, atol=1e-4, rtol=1e-4)
    slopes = torch.randn_like(found)
    ours, theirs = torch.autograd.grad(found, maps, slopes, allow_unused=True), torch.autograd.grad(plain, maps, slopes)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


def test_cells_down_are_read_down() -> None:
    ramp = torch.arange(4.0)[:, None].expand(4, 4)[None, None].contiguous()
    found = align([ramp], [1], torch.tensor([[0.0, 0, 4, 4]]), torch.zeros(1, dtype=torch.int64), size=(4, 2), sampling=1)
    assert found[0, 0].tolist() == [[row, row] for row in range(4)]


def test_the_gradient_is_that_of_small_changes() -> None:
    maps = [torch.randn(1, 2, 5, 6, dtype=torch.float64).float().requires_grad_()]
    boxes, images = torch.tensor([[1.3, 0.2, 17.0, 14.9]]), torch.zeros(1, dtype=torch.int64)
    slopes = torch.randn(1, 2, 3, 3)
    (gradient,) = torch.autograd.grad(align(maps, [4], boxes, images, size=3), maps, slopes)
    direction = torch.randn_like(maps[0])
    with torch.no_grad():
        up, down = (align([maps[0] + step * direction], [4], boxes, images, size=3) for step in (0.5, -0.5))
    assert ((up - down) * slopes).sum().item() == pytest.approx((gradient * direction).sum().item(), rel=1e-4)  # linear in the maps


def test_results_are_the_same_bytes_each_time() -> None:
    maps, (boxes, images) = pyramid(), regions()
    twice = [torch.autograd.grad(align(maps, STRIDES, boxes, images).square().sum(), maps, allow_unused=True) for _ in range(2)]
    for one, other in zip(*twice, strict=True):
        assert torch.equal(one, other)


def test_low_precision_maps_are_read_in_float32_and_get_their_own_gradient() -> None:
    maps = [m.detach().bfloat16().requires_grad_() for m in pyramid()]
    found = align(maps, STRIDES, *regions())
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, align([m.float() for m in maps], STRIDES, *regions()))
    found.sum().backward()
    assert maps[0].grad is not None
    assert maps[0].grad.dtype == torch.bfloat16


def test_no_region_and_regions_of_no_size() -> None:
    maps = pyramid()
    nothing = torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64)
    found = align(maps, STRIDES, *nothing)
    assert found.shape == (0, 5, 7, 7)
    found.sum().backward()
    strange = torch.tensor([[9.0, 9.0, 9.0, 9.0], [20.0, 20.0, 10.0, 10.0], [0.0, 0.0, 1e9, 2.0], [torch.nan, 0, 4, 4]])
    for sampling in (2, 0):
        assert align(maps, STRIDES, strange, torch.zeros(4, dtype=torch.int64), sampling=sampling).isfinite().all()
