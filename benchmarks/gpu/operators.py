"""Part 3 of the command: losses and operators beside their plain form, and whether two runs give the same bits."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional

from benchmarks.gpu.step import TRAINER, algorithms
from benchmarks.gpu.timing import Budget, Record, timed
from models.embedding.utrack import reid_losses
from models.outrack.options import OutrackOptions
from models.queries.deformable_attention import Levels, attend, lay_out
from models.regions.align import plain_align
from models.regions.levels import levels
from models.regions.nms import nms
from pipeline.params import preset

STRIDES, FINEST = (4, 8, 16, 32), 56.0
HEADS, POINTS = 8, 4  # of deformable attention
Run = Callable[[], tuple[Tensor, ...]]


class Operator(NamedTuple):
    """One thing to do in two ways, each of which returns tensors that both should agree on, gradients among them.

    Attributes:
        name: name of the operator and its size.
        ours: the form that training or tracking calls.
        plain: the obvious form.
        tolerance: largest difference of the two, relative to the largest value; None: they are not comparable number by number.
    """

    name: str
    ours: Run
    plain: Run
    tolerance: float | None


def measure(device: torch.device, budget: Budget, *, tiny: bool = False) -> list[Record]:
    """One record per operator."""
    return [budget.measure(name, lambda make=make: compare(make(), device)) for name, make in _operators(device, tiny)]  # type: ignore[misc]


def compare(operator: Operator, device: torch.device) -> Record:
    """Times of both ways, whether ours gives the same bits twice, and how far the two are apart."""
    with algorithms(TRAINER):
        first, second, other = operator.ours(), operator.ours(), operator.plain()
        same = all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
        apart = max(_apart(a, b) for a, b in zip(first, other, strict=True))
        ours = timed(operator.ours, device, repeats=10, warm_up=2, seconds=2)
        plain = timed(operator.plain, device, repeats=5, warm_up=1, seconds=2)
    return {
        "operator": operator.name,
        "ours": ours.seconds,
        "plain": plain.seconds,
        "ratio": plain.seconds / ours.seconds,
        "same_bits": same,
        "apart": apart,
        "agrees": None if operator.tolerance is None else apart <= operator.tolerance,
    }


def _operators(device: torch.device, tiny: bool) -> Iterator[tuple[str, Callable[[], Operator]]]:
    yield "UTrack", lambda: utrack(device, *((2, 6) if tiny else (12, 60)))
    yield "RoIAlign", lambda: roi_align(device, *((96, 128, 8, 20) if tiny else (608, 1088, 256, 1024)))
    shapes = ((6, 8), (3, 4)) if tiny else tuple((math.ceil(800 / stride), math.ceil(1440 / stride)) for stride in (8, 16, 32, 64))
    yield "deformable attention, forward", lambda: attention(device, shapes, gradient=False)
    yield "deformable attention", lambda: attention(device, shapes, gradient=True)
    yield "NMS", lambda: suppression(device, 64 if tiny else 2000)
    yield "set matching", lambda: matching(device, *((4, 20, 3) if tiny else (30, 300, 30)))


def utrack(device: torch.device, pairs: int, objects: int) -> Operator:
    """UTrack's loss and its gradient over all pairs at once, against one call per pair."""
    options = OutrackOptions.model_validate({key: value for key, value in preset.values("mot17")["model"].items() if key != "name"}).loss
    torch.manual_seed(0)
    features = torch.randn(pairs, 2, objects, 256, device=device)
    valid = torch.ones(pairs, 2, objects, dtype=torch.bool, device=device)
    positive = torch.arange(pairs, device=device) > 0

    def ours() -> tuple[Tensor, ...]:
        leaf = features.clone().requires_grad_(True)
        loss = reid_losses(leaf, valid, positive, options).total
        return loss.detach(), *torch.autograd.grad(loss, leaf)

    def plain() -> tuple[Tensor, ...]:
        leaf = features.clone().requires_grad_(True)
        each = [reid_losses(leaf[i : i + 1], valid[i : i + 1], positive[i : i + 1], options).total for i in range(pairs)]
        loss = torch.stack(each).mean()  # all pairs have as many objects, by which each is divided
        return loss.detach(), *torch.autograd.grad(loss, leaf)

    return Operator(f"UTrack, {pairs} pairs of 2 x {objects}, with gradient", ours, plain, 1e-3)


def roi_align(device: torch.device, height: int, width: int, channels: int, regions: int) -> Operator:
    """RoIAlign as weighted sums of rows of the maps, with its gradient, against `grid_sample` level by level."""
    torch.manual_seed(0)
    maps = [torch.randn(1, channels, height // s, width // s, device=device) for s in STRIDES]
    corners = torch.rand(regions, 2, device=device) * torch.tensor([0.7 * width, 0.6 * height], device=device)
    boxes = torch.cat([corners, corners + 8 + torch.rand(regions, 2, device=device) * 0.3 * height], 1)
    images, level = torch.zeros(regions, dtype=torch.int64, device=device), levels(boxes, len(maps), FINEST)
    weight = torch.randn(regions, channels, 7, 7, device=device)

    def graded(read: Callable[[list[Tensor]], Tensor]) -> tuple[Tensor, ...]:
        leaves = [each.clone().requires_grad_(True) for each in maps]
        found = read(leaves)
        return found.detach(), *torch.autograd.grad((found * weight).sum(), leaves, materialize_grads=True)

    def ours() -> tuple[Tensor, ...]:
        return graded(lambda leaves: plain_align(leaves, STRIDES, boxes, images, level, size=7, sampling=2))

    def plain() -> tuple[Tensor, ...]:
        return graded(lambda leaves: _sampled(leaves, boxes, level))

    return Operator(f"RoIAlign, {regions} regions of {channels} channels, with gradient", ours, plain, 1e-3)


def attention(device: torch.device, shapes: Sequence[tuple[int, int]], *, gradient: bool) -> Operator:
    """Deformable attention of an encoder's layer, each cell a query, as sums of rows, against `grid_sample` head by head and map by map.

    Args:
        device: where it is computed.
        shapes: (height, width) of each map.
        gradient: whether the backward pass is included, to the maps, the places and the weights.
    """
    torch.manual_seed(0)
    where = lay_out(shapes, device)
    cells, columns = sum(height * width for height, width in shapes), HEADS * len(shapes) * POINTS
    maps, weights = torch.randn(1, cells, HEADS, 32, device=device), torch.rand(1, cells, columns, device=device)
    sizes = where.sizes.repeat_interleave(POINTS, 0).repeat(HEADS, 1)  # of the map that each column reads
    x, y = (torch.rand(1, cells, columns, device=device) * (sizes[:, axis] + 2) - 1.5 for axis in (0, 1))
    pull = torch.randn(1, cells, HEADS * 32, device=device)

    def run(read: Callable[[Tensor, Levels, tuple[Tensor, Tensor], Tensor], Tensor]) -> tuple[Tensor, ...]:
        if not gradient:
            with torch.no_grad():
                return (read(maps, where, (x, y), weights),)
        leaves = [each.clone().requires_grad_(True) for each in (maps, x, y, weights)]
        found = read(leaves[0], where, (leaves[1], leaves[2]), leaves[3])
        return found.detach(), *torch.autograd.grad((found * pull).sum(), leaves)

    name = f"deformable attention, {cells} queries of {len(shapes)} maps, {'with gradient' if gradient else 'forward'}"
    return Operator(name, lambda: run(attend), lambda: run(_attended), 1e-3)


def suppression(device: torch.device, count: int) -> Operator:
    """NMS by machine code on the host, the copies included, against a matrix of overlaps on the device and a loop over its rows."""
    torch.manual_seed(0)
    corners = torch.rand(count, 2, device=device) * 800
    boxes = torch.cat([corners, corners + 20 + torch.rand(count, 2, device=device) * 100], 1)
    scores, groups = torch.rand(count, device=device), torch.zeros(count, dtype=torch.int64, device=device)

    def plain() -> tuple[Tensor, ...]:
        order = scores.argsort(descending=True)
        over = (_overlaps(boxes[order]) > 0.5).triu(1).cpu()
        gone = torch.zeros(count, dtype=torch.bool)
        for row in range(count):
            if not gone[row]:
                gone |= over[row]
        return (order[(~gone).to(device)],)

    return Operator(f"NMS, {count} boxes", lambda: (nms(boxes, scores, groups, 0.5),), plain, 0.0)


def matching(device: torch.device, frames: int, queries: int, people: int) -> Operator:
    """Set matching: one copy of all frames' costs to the host and SciPy, against one copy per frame."""
    torch.manual_seed(0)
    logits, truth = torch.randn(frames, queries, 256, device=device), torch.randn(frames, people, 256, device=device)

    def ours() -> tuple[Tensor, ...]:
        cost = torch.cdist(logits, truth, p=1).cpu().numpy()
        return tuple(torch.from_numpy(linear_sum_assignment(each.T)[1]) for each in cost)

    def plain() -> tuple[Tensor, ...]:
        pairs = zip(logits, truth, strict=True)
        return tuple(torch.from_numpy(linear_sum_assignment(torch.cdist(a, b, p=1).cpu().numpy().T)[1]) for a, b in pairs)

    return Operator(f"set matching, {frames} frames of {queries} queries", ours, plain, 0.0)


def _sampled(maps: list[Tensor], boxes: Tensor, level: Tensor) -> Tensor:
    """RoIAlign by `grid_sample`: 14 x 14 points of each region, then means of 2 x 2."""
    found = maps[0].new_zeros(len(boxes), maps[0].shape[1], 7, 7)
    steps = (torch.arange(14, device=boxes.device) + 0.5) / 14
    for number, (each, stride) in enumerate(zip(maps, STRIDES, strict=True)):
        rows = torch.nonzero(level == number)[:, 0]
        if not len(rows):
            continue
        scaled, (high, wide) = boxes[rows] / stride, each.shape[-2:]
        x = scaled[:, :1] + steps * (scaled[:, 2:3] - scaled[:, :1])
        y = scaled[:, 1:2] + steps * (scaled[:, 3:4] - scaled[:, 1:2])
        inside = (((x - 0.5 >= -1) & (x - 0.5 <= wide))[:, None, :] & ((y - 0.5 >= -1) & (y - 0.5 <= high))[:, :, None])[:, None]
        grid = torch.stack(torch.broadcast_tensors(2 * x[:, None, :] / wide - 1, 2 * y[:, :, None] / high - 1), -1)
        seen = functional.grid_sample(each.expand(len(rows), -1, -1, -1), grid, mode="bilinear", padding_mode="border", align_corners=False)
        found = found.index_copy(0, rows, functional.avg_pool2d(seen * inside, 2))
    return found


def _attended(value: Tensor, where: Levels, places: tuple[Tensor, Tensor], weights: Tensor) -> Tensor:
    """Deformable attention by `grid_sample`: (N, S, heads, C) to (N, Q, heads * C)."""
    images, _, heads, channels = value.shape
    queries, found, first = weights.shape[1], value.new_zeros(()), 0
    split = (images, queries, heads, len(where.shapes), -1)
    x, y, shares = (each.view(split) for each in (*places, weights))
    for number, (height, width) in enumerate(where.shapes):
        plane = value[:, first : first + height * width].permute(0, 2, 3, 1).reshape(images * heads, channels, height, width)
        first += height * width
        points = torch.stack([(2 * x[:, :, :, number] + 1) / width - 1, (2 * y[:, :, :, number] + 1) / height - 1], -1)
        grid = points.transpose(1, 2).flatten(0, 1)  # (N * heads, Q, P, 2)
        seen = functional.grid_sample(plane, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        found = found + (seen * shares[:, :, :, number].transpose(1, 2).flatten(0, 1)[:, None]).sum(-1)
    return found.view(images, heads * channels, queries).transpose(1, 2)


def _overlaps(boxes: Tensor) -> Tensor:
    low, high = torch.maximum(boxes[:, None, :2], boxes[:, :2]), torch.minimum(boxes[:, None, 2:], boxes[:, 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(-1)
    return shared / (areas[:, None] + areas - shared)


def _apart(first: Tensor, second: Tensor) -> float:
    """Largest difference, relative to the largest value; infinite where shapes differ."""
    if first.shape != second.shape:
        return float("inf")
    largest = second.abs().max().item() if second.numel() else 0.0
    return float((first - second).abs().max().item() / max(largest, 1e-12)) if first.numel() else 0.0
