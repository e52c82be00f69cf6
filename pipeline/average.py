"""The exponential moving average of a network in training (Polyak & Juditsky 1992; Tarvainen & Valpola 2017, section 2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

Tensors = tuple[Tensor, ...] | list[Tensor]


def averaged(task: nn.Module, decay: float) -> AveragedModel:
    """A copy of a task that follows it: `update_parameters(task)` after each step, `.module` is the average.

    After step n (from 0) the average keeps min(decay, (1 + n) / (10 + n)) of itself, so that random first weights fade soon. Buffers
    such as means and variances are averaged like weights; whole numbers are copied.

    Args:
        task: what is trained.
        decay: in (0, 1).
    """

    def follow(old: Tensors, new: Tensors, steps: Tensor | int) -> None:
        if not old[0].is_floating_point():
            torch._foreach_copy_(old, new)
            return
        n = int(steps)
        torch._foreach_lerp_(old, new, 1 - min(decay, (1 + n) / (10 + n)))

    return AveragedModel(task, multi_avg_fn=torch.no_grad()(follow), use_buffers=True)
