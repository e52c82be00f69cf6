"""A running average of weights beside the formula, number by number."""

import pytest
import torch
from torch import nn

from pipeline.average import averaged


def test_average_follows_weights_and_buffers_by_the_formula() -> None:
    torch.manual_seed(0)
    task = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    average = averaged(task, 0.6)
    linear, norm = average.module[0], average.module[1]
    expected: torch.Tensor | None = None
    means: torch.Tensor | None = None
    for step in range(40):
        task(torch.randn(5, 3))
        with torch.no_grad():
            task[0].weight.add_(torch.randn(2, 3))
        average.update_parameters(task)
        keep = min(0.6, (1 + step) / (10 + step))
        weight, mean = task[0].weight.detach().double(), task[1].running_mean.double()
        expected = weight if expected is None else keep * expected + (1 - keep) * weight
        means = mean if means is None else keep * means + (1 - keep) * mean
    assert linear.weight.detach().double() == pytest.approx(expected, abs=1e-5)
    assert norm.running_mean.double() == pytest.approx(means, abs=1e-6)
    assert norm.num_batches_tracked == 40


def test_average_of_a_still_network_is_that_network() -> None:
    task = nn.Linear(2, 2)
    average = averaged(task, 0.99)
    for _ in range(3):
        average.update_parameters(task)
    assert torch.equal(average.module.weight, task.weight)
