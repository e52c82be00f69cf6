"""Operations and bytes of FDTA's step, from shapes alone: a clip of 30 frames at 1440x800 is more than a CPU should compute to be counted.

Counted are the frames with gradients (forward and backward), the frames without, the association network over the clip's groups (both ways)
and the optimiser; losses and matching, which are small beside these, are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.func import functional_call
from torch.nn import functional

from benchmarks.gpu import roofline
from benchmarks.gpu.card import Card
from benchmarks.gpu.cases import Case, in_small
from benchmarks.gpu.step import TRAINER, Step
from models.fdta.id_decoder import Present

SUMS = "models.queries.deformable_attention.weighted_rows"  # whose gradient on CPUs needs values; what GPUs run is counted instead


def count_clip(case: Case, card: Card) -> dict[str, roofline.Layer]:
    """Costs of the step of one clip by layer, as if in bfloat16.

    Args:
        case: FDTA's; its options say how many frames there are and how many of them have gradients.
        card: whose bounds are added up.
    """
    options: Any = case.options
    frames, learnt = case.sample_frames, min(options.loss.gradient_frames, case.sample_frames)
    network = case.spec.build_network(replaced(options))
    with mock.patch(SUMS, _summed_rows):
        found = scaled(_detect(network, case, card, gradient=True), learnt)
        for name, layer in scaled(_detect(network, case, card, gradient=False), frames - learnt).items():
            found.setdefault(name, roofline.Layer()).add(layer)
        for name, layer in _associate(network, case, card).items():
            found.setdefault(name, roofline.Layer()).add(layer)
    tiny = roofline.count(Step(in_small(case), torch.device("cpu"), replace(TRAINER, bfloat16=False)), card)
    return {**found, "optimiser": tiny["optimiser"]}


def replaced(options: Any) -> Any:
    """The options without dropout, whose kernels on a CPU hold all weights of an attention; what it costs is not counted."""
    still = dict.fromkeys(("dropout", "depth_dropout", "depth_weight_dropout", "temporal_dropout"), 0.0)
    return options.model_copy(update={"network": options.network.model_copy(update=still)})


def scaled(layers: Mapping[str, roofline.Layer], factor: float) -> dict[str, roofline.Layer]:
    """The costs of all layers times `factor`."""
    return {name: layer.scaled(factor) for name, layer in layers.items()}


def _detect(network: nn.Module, case: Case, card: Card, *, gradient: bool) -> dict[str, roofline.Layer]:
    """One frame through the detector."""
    with FakeTensorMode() as mode:
        tensors = _fake(network, mode, gradient)
        image = torch.empty(1, 3, case.height, case.width)
        with torch.set_grad_enabled(gradient), roofline.Counter(card, half=True) as counter:
            outputs = functional_call(network, tensors, (image,))
            if gradient:
                _backward(outputs)
    return counter.layers


def _associate(network: nn.Module, case: Case, card: Card) -> dict[str, roofline.Layer]:
    """All groups of one clip through the association network."""
    options: Any = case.options
    groups, frames, people, width = options.loss.groups, case.sample_frames, case.people, options.network.width
    association = network.get_submodule("association")
    with FakeTensorMode() as mode:
        tensors = _fake(association, mode, gradient=True)
        past, seen = torch.empty(groups, people, frames, width, requires_grad=True), torch.ones(groups, people, frames, dtype=torch.bool)
        labels, times = torch.zeros(groups, people, dtype=torch.int64), torch.zeros(groups, frames, dtype=torch.int64)
        features = torch.empty(groups, frames - 1, people, width, requires_grad=True)
        present = Present(features, times[:, 1:], torch.ones(groups, frames - 1, people, dtype=torch.bool))
        with roofline.Counter(card, half=True) as counter:
            _backward([functional_call(association, tensors, (past, seen, labels, times, present))])
    return {f"association.{name}": layer for name, layer in counter.layers.items()}


def _fake(module: nn.Module, mode: FakeTensorMode, gradient: bool) -> dict[str, Tensor]:
    """Parameters and buffers that have shapes and no values."""
    given = {name: (each, gradient and each.requires_grad) for name, each in module.named_parameters()}
    parameters = {name: mode.from_tensor(each).detach().requires_grad_(learnt) for name, (each, learnt) in given.items()}
    return parameters | {name: mode.from_tensor(each) for name, each in module.named_buffers()}


def _backward(outputs: Any) -> None:
    learnt = [each.float().sum() for each in outputs if isinstance(each, Tensor) and each.requires_grad]
    torch.stack(learnt).sum().backward()


def _summed_rows(table: Tensor, rows: Tensor, shares: Tensor) -> Tensor:
    return functional.embedding_bag(rows, table, per_sample_weights=shares, mode="sum")
