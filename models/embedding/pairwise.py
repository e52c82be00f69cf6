"""UTrack's losses pair by pair on a CPU, and their gradient with them: BLAS multiplies, machine code does the rest (kernels/).

Similarities are symmetric, and so is their gradient. Both products and all between them therefore know one triangle of the matrix. BLAS
counts by columns: to it every array here is transposed, and what lies below the diagonal is the upper triangle, the one it takes by itself.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import blas
from torch import Tensor

from models.embedding.kernels.directions import gather, scatter
from models.embedding.kernels.utrack import NEGATIVE, to_slopes
from models.outrack.options import LossOptions

Floats = NDArray[np.float32]
Sums = NDArray[np.float64]


class PairwiseLosses(torch.autograd.Function):
    """The total of `reid_losses`, which alone has a gradient, and its parts (4,)."""

    @staticmethod
    def forward(ctx: Any, embeddings: Tensor, valid: Tensor, positive: Tensor, options: LossOptions) -> tuple[Tensor, Tensor]:
        """Losses and gradient at once: neither needs anything to be kept but the gradient."""
        given, mask = embeddings.detach().contiguous(), valid.contiguous()
        slopes, found, counted = torch.empty_like(given), np.zeros(4), max(int(valid.sum()), 1)
        weights = np.array([options.intra, options.inter, options.cycle, options.negative_hinge], np.float32)
        room = _Room.of(2 * given.shape[2], given.shape[3])
        for pair, exists, same, slope in zip(given.numpy(), mask.numpy(), positive.tolist(), slopes.numpy(), strict=True):
            count = _add(pair, exists, same, options, weights, room, found)
            scatter(room.pull[:count], room.unit[:count], room.lengths[:count], exists, np.float32(1 / counted), slope)
        ctx.save_for_backward(slopes)
        weights[NEGATIVE] = 1  # the hinge has its weight already
        parts = torch.from_numpy(found * weights / counted).float()
        ctx.mark_non_differentiable(parts)
        return parts.sum(), parts

    @staticmethod
    def backward(ctx: Any, slope: Tensor, _: Tensor) -> tuple[Tensor, None, None, None]:  # type: ignore[override]
        """Of the total."""
        return ctx.saved_tensors[0] * slope, None, None, None


class _Room(NamedTuple):
    """Memory for one pair of up to N objects, which all pairs use: their embeddings of length 1, what was their length, N x N, gradient."""

    unit: Floats
    lengths: Floats
    square: Floats
    pull: Floats

    @classmethod
    def of(cls, most: int, size: int) -> _Room:
        """For pairs of at most so many objects, with embeddings of so many dimensions."""
        square = np.zeros(most * most, np.float32)  # BLAS may multiply what it overwrites by 0
        return cls(np.empty((most, size), np.float32), np.empty(most, np.float32), square, np.empty((most, size), np.float32))


def _add(
    embeddings: Floats, valid: NDArray[np.bool_], positive: bool, options: LossOptions, weights: Floats, room: _Room, found: Sums
) -> int:
    """Add a pair's losses to `found`, and leave their gradient to embeddings of length 1 in `room.pull`; returns how many these are."""
    first, count, mean = gather(embeddings, valid, room.unit, room.lengths)
    if not count:
        return 0
    if math.isnan(mean):  # some embedding is infinite or no number
        found[:] = np.nan
    padded = not positive or options.placeholder != "none"
    value = mean if positive and options.placeholder == "mean" else 0.0
    scale = 2 * math.log(count + padded + 1) if options.temperature == "adaptive" else float(options.temperature)
    away = math.exp(scale * (value - 1)) if padded else 0.0
    unit, matrix = room.unit[:count], room.square[: count * count].reshape(count, count)
    blas.ssyrk(1.0, unit.T, trans=1, c=matrix.T, overwrite_c=1)
    to_slopes(matrix, first, np.float32(scale), np.float32(away), positive, np.float32(options.margin), weights, found)
    blas.ssymm(1.0, matrix.T, unit.T, side=1, c=room.pull[:count].T, overwrite_c=1)
    return count
