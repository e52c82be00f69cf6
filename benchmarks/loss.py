"""UTrack's loss with its gradient, for 12 pairs of frames, beside a loop over the pairs as the released code has it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from scipy.linalg import blas
from torch import Tensor
from torch.nn import functional

from benchmarks.harness import Growth, Timed, Work, compare, grow
from benchmarks.samples import read_options
from models.embedding.utrack import reid_losses
from models.outrack.options import LossOptions
from pipeline.runtime.malloc import keep_freed_memory

PAIRS, NEGATIVE = 12, 2  # of these pairs, two show different scenes
OBJECTS, DIMENSIONS = (30, 150), 128
CALLS = 4  # per round

Loss = Callable[[Tensor, Tensor, Tensor, LossOptions], Tensor]


def measure() -> Iterator[Timed | Growth]:
    """A line for each number of objects per frame, and how the time grows with the number of pairs."""
    torch.set_num_threads(1)
    keep_freed_memory()  # as a training process does
    options = read_options("mot17").loss
    for objects in OBJECTS:
        yield _line(objects, options)
    sizes = (PAIRS // 2, PAIRS, 2 * PAIRS, 4 * PAIRS)
    yield grow(f"UTrack's loss, 2 x {OBJECTS[0]} objects", "pairs", sizes, lambda pairs: work(ours, batch(pairs, OBJECTS[0]), options))


def batch(pairs: int, objects: int) -> tuple[Tensor, Tensor, Tensor]:
    """Random embeddings (B, 2, K, D), which of them are objects (B, 2, K) bool, nine in ten, and which pairs are positive (B,) bool."""
    torch.manual_seed(objects)
    features = torch.randn(pairs, 2, objects, DIMENSIONS)
    counts = torch.randint(int(0.8 * objects), objects + 1, (pairs, 2, 1))
    return features, torch.arange(objects) < counts, torch.arange(pairs) >= NEGATIVE


def ours(features: Tensor, valid: Tensor, positive: Tensor, options: LossOptions) -> Tensor:
    """The loss as training calls it."""
    return reid_losses(features, valid, positive, options).total


def loop(features: Tensor, valid: Tensor, positive: Tensor, options: LossOptions) -> Tensor:
    """Pair by pair, each without padding: mean placeholder, adaptive temperature, all terms."""
    total = features.new_zeros(())
    for pair, mask, same in zip(features, valid, positive.tolist(), strict=True):
        first, second = int(mask[0].sum()), int(mask[1].sum())
        count = first + second
        found = functional.normalize(torch.cat([pair[0, :first], pair[1, :second]]), dim=1)
        others = ~torch.eye(count, dtype=torch.bool)
        similarity = found @ found.T
        column = similarity[others].mean().detach() if same else features.new_zeros(())
        matrix = torch.cat([similarity.masked_fill(~others, -1e9), column.expand(count, 1)], 1)
        matrix = (2 * math.log(count + 2) * matrix).softmax(1)
        if same:
            total = total + matrix[:first, :first].sum() + matrix[first:, first:count].sum()
            best = matrix.topk(2, dim=1).values
            total = total + functional.relu(best[:, 1] + options.margin - best[:, 0]).sum()
            total = total + (matrix[:first, first:count] - matrix[first:, :first].T).abs().sum()
        else:
            total = total + matrix[:, :count].sum()
            total = total + functional.relu(matrix[:, :count].amax(1) + options.margin - matrix[:, count]).sum()
    return total / valid.sum()


def products(data: tuple[Tensor, Tensor, Tensor]) -> Work:
    """The unavoidable work: one triangle of similarities, its exponentials, and the product that takes their gradient to the embeddings."""
    objects = [pair[mask].numpy() for pair, mask in zip(data[0].flatten(1, 2), data[1].flatten(1, 2), strict=True)]

    def run() -> None:
        for _ in range(CALLS):
            for found in objects:
                similar = blas.ssyrk(1.0, found.T, trans=1)
                half = torch.from_numpy(similar.T).view(-1)[: len(found) * (len(found) - 1) // 2]
                half.exp_()
                blas.ssymm(1.0, similar, found.T, side=1)

    return run


def work(loss: Loss, data: tuple[Tensor, Tensor, Tensor], options: LossOptions) -> Work:
    """`CALLS` calls of a loss, forward and backward."""
    features, valid, positive = data
    features = features.clone().requires_grad_(True)

    def run() -> None:
        for _ in range(CALLS):
            features.grad = None
            loss(features, valid, positive, options).backward()  # type: ignore[no-untyped-call]

    return run


def _line(objects: int, options: LossOptions) -> Timed:
    data = batch(PAIRS, objects)
    peers = {"a loop over pairs": work(loop, data, options)}
    what = f"UTrack's loss, {PAIRS} pairs of 2 x {objects} objects"
    return compare(what, "step", CALLS, work(ours, data, options), peers, limit=products(data), aim=5.0)
