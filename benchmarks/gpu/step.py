"""A training step of a preset in several variants, all of which compute the same; `TRAINER` is what the training loop does.

`Step` repeats `pipeline.training.trainer.Trainer._step`, whose module needs OpenCV and Arrow; a test compares the two, bit by bit.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from benchmarks.gpu.cases import Case, batch_of, move
from benchmarks.gpu.timing import OfGpuAlone
from pipeline.contract.clips import Batch, Losses
from pipeline.training.optimisers import build_optimisers, clip_groups


@dataclass(frozen=True)
class Variant:
    """One way to take a step.

    Attributes:
        name: name in tables.
        bfloat16: whether the network computes in bfloat16 (autocast).
        channels_last: whether the network's weights are channels-last in memory.
        fused: whether one kernel updates all parameters.
        deterministic: whether only algorithms are used that give the same bits every time.
        compiled: whether `torch.compile` compiles the network.
        graph: whether the whole step is recorded once and replayed (CUDA graphs), with a fixed learning rate.
        tuned: whether cuDNN measures its algorithms and takes the fastest.
    """

    name: str
    bfloat16: bool = True
    channels_last: bool = True
    fused: bool = True
    deterministic: bool = True
    compiled: bool = False
    graph: bool = False
    tuned: bool = False


TRAINER = Variant("the trainer's step")
PLAIN = Variant("eager float32", bfloat16=False, channels_last=False, fused=False, deterministic=False)
VARIANTS = (
    PLAIN,
    TRAINER,
    Variant("not deterministic", deterministic=False),
    Variant("not deterministic, tuned", deterministic=False, tuned=True),
    Variant("compiled", compiled=True),
    Variant("compiled, not deterministic", compiled=True, deterministic=False, tuned=True),
    Variant("CUDA graph", graph=True),
    Variant("CUDA graph, not deterministic, tuned", graph=True, deterministic=False, tuned=True),
    Variant("not channels last", channels_last=False),
    Variant("optimiser not fused", fused=False),
    Variant("float32", bfloat16=False),
)


class Step:
    """A task in training on a device; calling it takes a step.

    Args:
        case: the preset.
        device: where it trains.
        variant: the way to take a step.
        batch: a batch on the host; None: a synthetic one of the preset's size.
        wrap: makes the task data-parallel; None: it is trained by one process.
    """

    def __init__(
        self,
        case: Case,
        device: torch.device,
        variant: Variant = TRAINER,
        batch: Batch | None = None,
        wrap: Callable[[nn.Module], nn.Module] | None = None,
    ) -> None:
        self.case, self.device, self.variant = case, device, variant
        torch.manual_seed(0)
        network = case.spec.build_network(case.options)
        task: Any = case.training.build_task(network, case.options, case.settings, 500)
        order = torch.channels_last if variant.channels_last else torch.contiguous_format
        self.task = task.to(device=device, memory_format=order).train()
        if hasattr(self.task, "begin_epoch"):
            self.task.begin_epoch(1)
        group_of = partial(_group_of, case)
        self.optimisers = build_optimisers(self.task, case.settings.shared, group_of)
        self.clipped = clip_groups(self.task, group_of)
        for group in (group for optimiser in self.optimisers for group in optimiser.param_groups):
            group["fused"] = variant.fused
            if "capturable" in group:
                group["capturable"] = variant.graph
        if variant.compiled:
            # no compiler of machine code on a CPU: there only the graph is captured and run, which shows whether it can be
            self.task.network.compile(backend="inductor" if device.type == "cuda" else "aot_eager")
        self.model = self.task if wrap is None else wrap(self.task)
        self.batch = move(batch_of(case) if batch is None else batch, device)

    def __call__(self) -> Losses:
        losses = self.forward()
        self.task.zero_grad(set_to_none=True)
        losses.total.backward()  # type: ignore[no-untyped-call]
        self.move()
        return losses

    def forward(self) -> Losses:
        """The losses of the batch."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.variant.bfloat16):
            losses: Losses = self.model(self.batch)
        return losses

    def move(self) -> None:
        """Clip the gradients and move the parameters."""
        if self.case.settings.shared.clip_norm is not None:
            for parameters in self.clipped:
                nn.utils.clip_grad_norm_(parameters, self.case.settings.shared.clip_norm)
        for optimiser in self.optimisers:
            optimiser.step()


@contextmanager
def algorithms(variant: Variant) -> Iterator[None]:
    """Choose algorithms as a variant asks, and as before afterwards."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark
    torch.use_deterministic_algorithms(variant.deterministic, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # as the trainer does
    torch.backends.cudnn.benchmark = variant.tuned
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=True)
        torch.backends.cudnn.benchmark = before[1]


def recorded(step: Step) -> torch.cuda.CUDAGraph:
    """A CUDA graph of the whole step, on the step's own batch.

    Raises:
        OfGpuAlone: the step is on no CUDA device.
        RuntimeError: the host reads something from the device within the step.
    """
    if step.device.type != "cuda":
        raise OfGpuAlone
    side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    step.task.zero_grad(set_to_none=True)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph


def _group_of(case: Case, name: str) -> Any:
    return case.training.group_of(name, case.options)
