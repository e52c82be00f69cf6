"""Part 4 of the command: the device computes what the CPU does, and a short training ends where the CPU's ends."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from benchmarks.gpu.cases import Case, batch_of
from benchmarks.gpu.forward import network_of
from benchmarks.gpu.ranks import two_ranks
from benchmarks.gpu.step import TRAINER, Step, algorithms
from benchmarks.gpu.timing import Budget, Record

# Norm of the difference of a map, relative to the map's own norm. TF32 in convolutions rounds to 10 bits, bfloat16 to 7: the bound of
# bfloat16 is one and a half times the difference that the CPU's own bfloat16 makes.
TOLERANCES = {"float32": 1e-4, "tf32": 5e-3}
HALF = 1.5
RESUMED = 1e-2  # two devices' losses from one state in bfloat16, relative
STEPS, SEEDS = 10, (0, 1, 2)
ON_CPU = 3, (0, 1)  # a CPU is compared with itself, to see that the comparison runs and that two runs agree


def measure(cases: Sequence[Case], device: torch.device, budget: Budget) -> list[Record]:
    """Three records per preset, and one of two ranks for the first; presets should be light, since the CPU computes them as well."""
    found: list[Record] = []
    for case in cases:
        found.append(budget.measure(f"{case.name}: outputs", lambda case=case: outputs(case, device)))  # type: ignore[misc]
        found.append(budget.measure(f"{case.name}: training", lambda case=case: training(case, device)))  # type: ignore[misc]
        found.append(budget.measure(f"{case.name}: resumed elsewhere", lambda case=case: resumed(case, device)))  # type: ignore[misc]
    found.append(budget.measure(f"{cases[0].name}: two ranks on one device", lambda: two_ranks(cases[0], device)))
    return found


def outputs(case: Case, device: torch.device) -> Record:
    """How far the device's maps are from the CPU's float32 ones."""
    image = torch.rand(1, 3, case.height, case.width, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        host = network_of(case, torch.device("cpu"))
        expected = _maps(host(image))
        with torch.autocast("cpu", torch.bfloat16):
            half = _furthest(_maps(host(image)), expected)
        apart, bounds = {}, {**TOLERANCES, "bfloat16": HALF * half}
        for name in bounds if device.type == "cuda" else ("float32", "bfloat16"):
            torch.backends.cudnn.allow_tf32 = name != "float32"
            with torch.autocast(device.type, torch.bfloat16, enabled=name == "bfloat16"):
                found = _maps(network_of(case, device)(image.to(device)))
            apart[name] = _furthest(found, expected)
    torch.backends.cudnn.allow_tf32 = True
    return {"preset": case.name, "apart": apart, "bounds": bounds, "within": {name: value <= bounds[name] for name, value in apart.items()}}


def training(case: Case, device: torch.device) -> Record:
    """Final losses of a few steps on the CPU and on the device, several batches each; together with the spread over the batches."""
    steps, seeds = ON_CPU if device.type == "cpu" else (STEPS, SEEDS)
    expected, found = ([_end(case, where, seed, steps) for seed in seeds] for where in (torch.device("cpu"), device))
    spread = max(expected) - min(expected)
    apart = max(abs(a - b) for a, b in zip(expected, found, strict=True))
    return {"preset": case.name, "steps": steps, "cpu": expected, "device": found, "spread": spread, "within": apart <= max(spread, 1e-6)}


def resumed(case: Case, device: torch.device) -> Record:
    """A state saved on the device goes on on the CPU, and one of the CPU on the device; both losses after one more step."""
    with algorithms(TRAINER):
        first = Step(case, device)
        first()
        there = _moved_on(first, torch.device("cpu"))
        back = _moved_on(there, device)
        losses = [float(step().total.detach()) for step in (there, back)]
    return {"preset": case.name, "losses": losses, "within": math.isclose(*losses, rel_tol=RESUMED)}


def _moved_on(step: Step, device: torch.device) -> Step:
    other = Step(step.case, device, step.variant)
    stream = io.BytesIO()
    torch.save({"task": step.task.state_dict(), "optimisers": [each.state_dict() for each in step.optimisers]}, stream)
    stream.seek(0)
    kept = torch.load(stream, map_location="cpu", weights_only=True)  # as `pipeline.training.checkpoints` does
    other.task.load_state_dict(kept["task"])
    for optimiser, state in zip(other.optimisers, kept["optimisers"], strict=True):
        optimiser.load_state_dict(state)
    return other


def _end(case: Case, device: torch.device, seed: int, steps: int) -> float:
    with algorithms(TRAINER):
        step = Step(case, device, replace(TRAINER, bfloat16=False), batch_of(case, seed=seed))
        for _ in range(steps - 1):
            step()
        return float(step().total.detach())


def _maps(found: Any) -> list[Tensor]:
    return [each for each in found if isinstance(each, Tensor) and each.is_floating_point()]


def _furthest(found: list[Tensor], expected: list[Tensor]) -> float:
    """The relative difference of the map that differs most."""
    pairs = zip(found, expected, strict=True)
    return max(float((a.float().cpu() - b).norm() / b.norm().clamp(min=1e-12)) for a, b in pairs)
