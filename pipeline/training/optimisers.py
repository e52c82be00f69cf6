"""Optimisers of a training, by their names in the parameter file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam, AdamW, Optimizer

from pipeline.params.sections.training import Training

_SMALLEST_SIDE = 16  # rows and columns of a kernel that Muon moves; a heat map's last kernel is one row


def build_optimisers(task: nn.Module, settings: Training) -> list[Optimizer]:
    """What moves the parameters of a task: one optimiser, or Muon for its kernels and AdamW for all else.

    Weight decay acts on matrices and kernels, not on biases, norms and the loss's weights. The rate is the same for both: Muon's
    updates are scaled to the size of AdamW's (Liu et al. 2025, "Muon is Scalable for LLM Training", Eq. 4).

    Args:
        task: the network inside its loss, where it trains (the optimisers hold on to the memory of its parameters).
        settings: the stage's section.
    """
    parameters = [parameter for parameter in task.parameters() if parameter.requires_grad]
    if settings.optimiser != "muon":
        return [_by_element({"adam": Adam, "adamw": AdamW}[settings.optimiser], parameters, settings)]
    kernels = [parameter for parameter in parameters if parameter.ndim > 1 and min(len(parameter), parameter[0].numel()) >= _SMALLEST_SIDE]
    chosen = {id(kernel) for kernel in kernels}
    rest = [parameter for parameter in parameters if id(parameter) not in chosen]
    found: list[Optimizer] = []
    if kernels:
        found.append(KernelMuon(kernels, settings.lr, settings.weight_decay))
    if rest:
        found.append(_by_element(AdamW, rest, settings))
    return found


class KernelMuon(torch.optim.Muon):
    """PyTorch's Muon (Jordan et al. 2024) for kernels: each is seen as a matrix that has a row for each of its outputs.

    Three Newton-Schulz iterations instead of PyTorch's five: the default's losses were as low, and a step takes 40 instead of 61 ms of
    processor time for them.

    Args:
        kernels: (outputs, inputs, height, width), channels last or contiguous, or (outputs, inputs); changed in place.
        lr: learning rate.
        weight_decay: share of a kernel, times the rate, that each step takes away.
    """

    def __init__(self, kernels: Sequence[nn.Parameter], lr: float, weight_decay: float) -> None:
        self._kernels = [(kernel, _by_rows(kernel)) for kernel in kernels]
        matrices = [nn.Parameter(order(kernel.detach()).view(len(kernel), -1)) for kernel, order in self._kernels]
        super().__init__(matrices, lr=lr, weight_decay=weight_decay, ns_steps=3, adjust_lr_fn="match_rms_adamw")

    def step(self, closure: Any = None) -> Any:
        """Move the kernels by their gradients; the kernels without one stay."""
        for matrix, (kernel, order) in zip(self.param_groups[0]["params"], self._kernels, strict=True):
            matrix.grad = None if kernel.grad is None else order(kernel.grad).reshape(matrix.shape)
        return super().step(closure)


def _by_rows(kernel: Tensor) -> Callable[[Tensor], Tensor]:
    """The order of axes in which a kernel lies in memory: a matrix of its rows is then a view."""
    if kernel.ndim == 4 and kernel.is_contiguous(memory_format=torch.channels_last):
        return lambda tensor: tensor.permute(0, 2, 3, 1)
    return lambda tensor: tensor


def _by_element(kind: Callable[..., Optimizer], parameters: Sequence[nn.Parameter], settings: Training) -> Optimizer:
    groups = [
        {"params": [parameter for parameter in parameters if parameter.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [parameter for parameter in parameters if parameter.ndim <= 1], "weight_decay": 0.0},
    ]
    return kind([group for group in groups if group["params"]], lr=settings.lr, fused=True)
