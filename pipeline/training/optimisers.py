"""Optimisers of a training, by their names in the parameter file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from pipeline.contract.spec import Group
from pipeline.params.sections.training import Training

GroupOf: TypeAlias = Callable[[str], Group]
_KINDS: dict[str, Callable[..., Optimizer]] = {"adam": Adam, "adamw": AdamW, "sgd": SGD}
_SMALLEST_SIDE = 16  # rows and columns of a kernel that Muon moves; a heat map's last kernel is one row


def build_optimisers(task: nn.Module, settings: Training, group_of: GroupOf | None = None) -> list[Optimizer]:
    """The optimisers of a task's parameters: one, or Muon for its kernels and AdamW for all else.

    Weight decay acts on matrices and kernels, not on biases, norms and the loss's weights, unless their group says so. The rate is the same
    for both: Muon's updates are scaled to the size of AdamW's (Liu et al. 2025, "Muon is Scalable for LLM Training", Eq. 4). Each group of
    an optimiser holds its factor on the rate under `rate`, for who sets the rate of a step.

    Args:
        task: the network inside its loss, where it trains (the optimisers hold on to the memory of its parameters).
        settings: the stage's section.
        group_of: name of a parameter of the task -> how it is optimised; None: all alike.
    """
    trained = _by_group(task, group_of)
    if settings.optimiser != "muon":
        return [_by_element(_KINDS[settings.optimiser], trained, settings)]
    kernels = {group: [parameter for parameter in parameters if _is_kernel(parameter)] for group, parameters in trained.items()}
    rest = {group: [parameter for parameter in parameters if not _is_kernel(parameter)] for group, parameters in trained.items()}
    found: list[Optimizer] = []
    for group, parameters in kernels.items():
        if parameters:
            found.append(KernelMuon(parameters, settings.lr * group.rate, settings.weight_decay * group.decay))
            found[-1].param_groups[0]["rate"] = group.rate
    if any(rest.values()):
        found.append(_by_element(AdamW, rest, settings))
    return found


def clip_groups(task: nn.Module, group_of: GroupOf | None = None) -> list[list[nn.Parameter]]:
    """The parameters that are clipped together, in the task's order; see `Group.clip`."""
    found: dict[str, list[nn.Parameter]] = {}
    for name, parameter in task.named_parameters():
        word = (group_of or _alike)(name).clip
        if word is not None:
            found.setdefault(word, []).append(parameter)
    return list(found.values())


class KernelMuon(torch.optim.Muon):
    """PyTorch's Muon (Jordan et al. 2024) for kernels: each is taken as a matrix with one row per output.

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


def _by_element(kind: Callable[..., Optimizer], trained: dict[Group, list[nn.Parameter]], settings: Training) -> Optimizer:
    groups = []
    for group, parameters in trained.items():
        decay = settings.weight_decay * group.decay
        common = {"rate": group.rate, "lr": settings.lr * group.rate}
        matrices, vectors = ([item for item in parameters if (item.ndim > 1) is many] for many in (True, False))
        groups.append({"params": matrices, "weight_decay": decay} | common)
        groups.append({"params": vectors, "weight_decay": decay if group.decays_vectors else 0.0} | common)
    extra = {"momentum": settings.momentum} if kind is SGD else {}
    return kind([group for group in groups if group["params"]], lr=settings.lr, fused=True, **extra)


def _by_group(task: nn.Module, group_of: GroupOf | None) -> dict[Group, list[nn.Parameter]]:
    """The parameters that are trained, by how; who is clipped with whom makes no difference here."""
    found: dict[Group, list[nn.Parameter]] = {}
    for name, parameter in task.named_parameters():
        if parameter.requires_grad:
            found.setdefault((group_of or _alike)(name)._replace(clip=None), []).append(parameter)
    return found


def _is_kernel(parameter: nn.Parameter) -> bool:
    """Whether Muon moves it."""
    return parameter.ndim > 1 and min(len(parameter), parameter[0].numel()) >= _SMALLEST_SIDE


def _alike(name: str) -> Group:
    return Group()
