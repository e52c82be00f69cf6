"""Batch normalisation that does not learn."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class FrozenBatchNorm2d(nn.Module):
    """Batch normalisation by stored statistics, in training as well; nothing of it is a parameter.

    Its state dict has the entries of `nn.BatchNorm2d`, so that the weights of one load into the other, and its values are those
    of `nn.BatchNorm2d` in evaluation, to the bit.

    Args:
        channels: of the input (N, channels, H, W).
        eps: added to the variance.
    """

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.weight: Tensor
        self.bias: Tensor
        self.running_mean: Tensor
        self.running_var: Tensor
        self.register_buffer("weight", torch.ones(channels))
        self.register_buffer("bias", torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x (N, C, H, W)."""
        return functional.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps)

    def extra_repr(self) -> str:
        """The arguments, for printing."""
        return f"{len(self.weight)}, eps={self.eps}"


def batch_norm(channels: int, *, frozen: bool, eps: float = 1e-5) -> nn.Module:
    """A layer that normalises (N, channels, H, W): by frozen statistics if `frozen`, else PyTorch's batch normalisation."""
    return FrozenBatchNorm2d(channels, eps) if frozen else nn.BatchNorm2d(channels, eps)
