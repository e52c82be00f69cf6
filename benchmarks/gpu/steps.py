"""Part 1 of the command: the training step of each preset, in all variants, by layer and by part."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.profiler import ProfilerActivity, profile, record_function

from benchmarks.gpu import roofline
from benchmarks.gpu.card import Card, synchronise
from benchmarks.gpu.cases import Case, batch_of, move, pinned
from benchmarks.gpu.step import TRAINER, VARIANTS, Step, Variant, algorithms, recorded
from benchmarks.gpu.timing import Budget, OfGpuAlone, Record, timed
from benchmarks.gpu.waits import waits
from pipeline.contract.clips import Batch

KERNELS = 12  # kernels of a profile that are reported, those that take longest
SECONDS = 4.0  # per variant, after which no further step begins, in the warm-up and again in what is timed


def measure(cases: Sequence[Case], device: torch.device, card: Card, budget: Budget) -> list[Record]:
    """One record per preset and variant; the trainer's own way comes first, so that a short run has it."""
    found = []
    for number, case in enumerate(cases):
        with budget.share(1 / (len(cases) - number)):
            found.append(budget.measure(f"{case.name}: roofline", lambda case=case: bounds(case, device, card)))  # type: ignore[misc]
            host = batch_of(case)
            found += [
                budget.measure(f"{case.name}: {each.name}", lambda case=case, each=each, host=host: step(case, device, each, host))  # type: ignore[misc]
                for each in _variants(device, first=number == 0)
            ]
            found.append(budget.measure(f"{case.name}: waits", lambda case=case: waits(case, device)))  # type: ignore[misc]
            found.append(budget.measure(f"{case.name}: parts", lambda case=case: parts(case, device)))  # type: ignore[misc]
            found.append(budget.measure(f"{case.name}: with transfer", lambda case=case: transferred(case, device)))  # type: ignore[misc]
    return found


def once(cases: Sequence[Case], device: torch.device, budget: Budget) -> list[Record]:
    """One record per preset, of the trainer's step alone."""
    return [budget.measure(f"{case.name}: {TRAINER.name}", lambda case=case: step(case, device, TRAINER)) for case in cases]  # type: ignore[misc]


def _variants(device: torch.device, first: bool) -> list[Variant]:
    """The trainer's way first; on a CPU, the graph that a compiler would get is captured for the first preset alone, which takes long."""
    wanted = sorted(VARIANTS, key=lambda each: each != TRAINER)
    return [each for each in wanted if device.type == "cuda" or first or not each.compiled]


def step(case: Case, device: torch.device, variant: Variant, batch: Batch | None = None) -> Record:
    """Time of a step in one variant.

    Raises:
        OfGpuAlone: the variant needs a CUDA device, and this is none.
    """
    if device.type == "cpu" and (variant.graph or (variant.compiled and variant.tuned)):
        raise OfGpuAlone
    with algorithms(variant):
        work = Step(case, device, variant, batch)
        images = work.batch.images.shape[0] * work.batch.images.shape[1]
        if variant.graph:
            graph = recorded(work)
            timing = timed(graph.replay, device, seconds=SECONDS)
        else:
            many = {"repeats": 2, "warm_up": 1} if device.type == "cpu" else {"repeats": 10, "warm_up": 5}
            timing = timed(work, device, seconds=SECONDS, **many)  # type: ignore[arg-type]
    return {"preset": case.name, "variant": variant.name, "images": images, "per_second": images / timing.seconds, **timing.record()}


def bounds(case: Case, device: torch.device, card: Card) -> Record:
    """Operations and bytes of the trainer's step by layer, and what they bound on this card."""
    with algorithms(TRAINER):
        layers = roofline.count(Step(case, device), card)
    everything = roofline.total(layers.values())
    return {"preset": case.name, "total": vars(everything), "layers": roofline.rows(roofline.grouped(layers), card)}


def parts(case: Case, device: torch.device) -> Record:
    """Where a step's time goes: forward by child of the network, losses, optimiser, the rest (backward), and waiting for the host."""
    with algorithms(TRAINER):
        work = Step(case, device)
        hooks = [hook for name, child in work.task.network.named_children() for hook in _marked(name, child)]
        few = device.type == "cpu"
        alone = timed(work, device, repeats=1 if few else 3, warm_up=1 if few else 3).seconds
        activities = [ProfilerActivity.CPU] + ([ProfilerActivity.CUDA] if device.type == "cuda" else [])
        synchronise(device)
        with profile(activities=activities) as seen:
            _one(work)
            synchronise(device)
        for hook in hooks:
            hook.remove()
    events = seen.key_averages()
    on_device = device.type == "cuda"
    spent = {
        event.key.removeprefix("part: "): (event.device_time_total if on_device else event.cpu_time_total) / 1e6
        for event in events
        if event.key.startswith("part: ")
    }
    own = sorted(
        (((event.self_device_time_total if on_device else event.self_cpu_time_total) / 1e6, event.key, event.count) for event in events),
        reverse=True,
    )
    own = [item for item in own if not item[1].startswith("part: ")]
    busy = sum(item[0] for item in own)
    inner = sum(seconds for name, seconds in spent.items() if name not in ("forward", "optimiser"))
    spent["losses"] = max(spent.pop("forward", 0.0) - inner, 0.0)
    spent["backward"] = max(busy - inner - spent["losses"] - spent.get("optimiser", 0.0), 0.0)
    longest = [{"seconds": seconds, "name": name, "calls": calls} for seconds, name, calls in own[:KERNELS]]
    waiting = max(alone - busy, 0.0) if on_device else 0.0
    return {"preset": case.name, "parts": spent | {"waiting": waiting}, "busy": busy, "step": alone, "longest": longest}


def transferred(case: Case, device: torch.device) -> Record:
    """A step whose batch is copied from page-locked memory first, as in training."""
    with algorithms(TRAINER):
        work, host = Step(case, device), batch_of(case)
        host = pinned(host) if device.type == "cuda" else host

        def run() -> None:
            work.batch = move(host, device)
            work()

        timing = timed(run, device, repeats=2 if device.type == "cpu" else 10, warm_up=1)
    moved = sum(tensor.nbytes for tensor in (host.images, *host.targets.values()))
    images = host.images.shape[0] * host.images.shape[1]
    return {
        "preset": case.name,
        "variant": "with transfer",
        "images": images,
        "bytes": moved,
        "per_second": images / timing.seconds,
        **timing.record(),
    }


def _one(work: Step) -> None:
    with record_function("part: forward"):
        losses = work.forward()
    work.task.zero_grad(set_to_none=True)
    losses.total.backward()  # type: ignore[no-untyped-call]
    with record_function("part: optimiser"):
        work.move()


def _marked(name: str, child: torch.nn.Module) -> list[torch.utils.hooks.RemovableHandle]:
    """Hooks that put a name around a child's forward."""
    open_marks: list[record_function] = []

    def before(*_: object) -> None:
        open_marks.append(record_function(f"part: {name}"))
        open_marks[-1].__enter__()  # type: ignore[no-untyped-call]

    def after(*_: object) -> None:
        open_marks.pop().__exit__(None, None, None)  # type: ignore[no-untyped-call]

    return [child.register_forward_pre_hook(before), child.register_forward_hook(after)]
