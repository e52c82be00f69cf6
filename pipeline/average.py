"""The exponential moving average of a network in training, which short trainings are judged by (Tarvainen & Valpola 2017, mean teacher)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


def averaged(task: nn.Module, decay: float) -> AveragedModel:
    """A copy of a task that follows it: `update_parameters(task)` after each step, `.module` is the average.

    After step n (from 0) the average keeps min(decay, (1 + n) / (10 + n)) of itself, so that random first weights fade soon. Buffers
    such as means and variances are averaged like weights; whole numbers are copied.

    Args:
        task: what is trained.
        decay: in (0, 1).
    """

    def follow(old: list[Tensor], new: list[Tensor], steps: Tensor | int) -> None:
        if not old[0].is_floating_point():
            torch._foreach_copy_(old, new)
            return
        n = int(steps)
        torch._foreach_lerp_(old, new, 1 - min(decay, (1 + n) / (10 + n)))

    return AveragedModel(task, multi_avg_fn=torch.no_grad()(follow), use_buffers=True)


def state(average: AveragedModel | None) -> dict[str, Any] | None:
    """All that an average needs to go on, or None."""
    return None if average is None else average.state_dict()
