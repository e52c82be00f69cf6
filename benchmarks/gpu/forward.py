"""Part 2 of the command: tracking's forward with decode, beside the bare network, at the papers' sizes and several batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.gpu.cases import Case
from benchmarks.gpu.letterbox import letterbox
from benchmarks.gpu.timing import Budget, Record, timed
from pipeline.contract.clips import to_float

SIZES, BATCHES = ((1088, 608), (1440, 800)), (1, 2, 4, 8, 16)
PICTURE = (1080, 1920)  # rows and columns of a frame of MOT17
TINY_SIZES, TINY_BATCHES, TINY_PICTURE = ((128, 96),), (1, 2), (135, 240)


def measure(cases: Sequence[Case], device: torch.device, budget: Budget, *, tiny: bool = False) -> list[Record]:
    """One record per preset, size and batch."""
    found, sizes, batches = [], TINY_SIZES if tiny else SIZES, TINY_BATCHES if tiny else BATCHES
    for number, case in enumerate(cases):
        with budget.share(1 / (len(cases) - number)):
            for width, height in sizes:
                shown = replace(case, width=width, height=height)
                for batch in batches:
                    name = f"{case.name}: {width}x{height}, batch {batch}"
                    found.append(budget.measure(name, lambda shown=shown, batch=batch: look(shown, device, batch, tiny)))  # type: ignore[misc]
    return found


def look(case: Case, device: torch.device, batch: int, tiny: bool = False) -> Record:
    """Times of the bare network, of network and decode, and of everything from pictures in page-locked memory on."""
    network = network_of(case, device)
    rows, columns = TINY_PICTURE if tiny else PICTURE
    host = torch.randint(0, 256, (batch, rows, columns, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    host = host.pin_memory() if device.type == "cuda" else host
    canvases = torch.randint(0, 256, (batch, 3, case.height, case.width), dtype=torch.uint8, device=device)
    images, memory = to_float(canvases), memory_of(case, batch, device)
    decode = case.spec.detection.decode
    assert decode is not None

    def run(shown: Tensor) -> Any:
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16):
            return network(shown, *memory)

    def decoded(shown: Tensor) -> Any:
        outputs = run(shown)
        with torch.inference_mode():
            return decode(network, outputs, case.options)

    repeats = {"repeats": 3, "warm_up": 1} if device.type == "cpu" else {"repeats": 20, "warm_up": 3}
    bare = timed(lambda: run(images), device, seconds=2, **repeats)  # type: ignore[arg-type]
    with_decode = timed(lambda: decoded(images), device, seconds=2, **repeats)  # type: ignore[arg-type]
    whole = timed(lambda: decoded(letterbox(host.to(device, non_blocking=True), case.width, case.height)), device, seconds=2, **repeats)  # type: ignore[arg-type]
    return {
        "preset": case.name,
        "width": case.width,
        "height": case.height,
        "batch": batch,
        "bare": bare.seconds,
        "decoded": with_decode.seconds,
        "from_pictures": whole.seconds,
        "frames_per_second": batch / whole.seconds,
        "over_bare": with_decode.seconds / bare.seconds - 1,
        "peak_bytes": whole.peak_bytes,
    }


def network_of(case: Case, device: torch.device) -> nn.Module:
    """The network as tracking has it, with random weights."""
    torch.manual_seed(0)
    network = case.spec.build_network(case.options)
    ready: nn.Module = network.to(device=device, memory_format=torch.channels_last).eval().requires_grad_(False)  # type: ignore[call-overload]
    return ready


def memory_of(case: Case, batch: int, device: torch.device) -> tuple[Tensor, ...]:
    """Zeros for what a network that looks back is shown of the frame before, of the shape that `remember` gives; else nothing."""
    remember = case.spec.detection.remember(case.options)
    if remember is None:
        return ()
    decode = case.spec.detection.decode
    assert decode is not None
    image = torch.zeros(1, 3, case.height, case.width, device=device)
    network = network_of(case, device)
    with torch.inference_mode():
        seen = decode(network, network(image), case.options)[0]
        kept = remember(image, seen)
    return (kept.expand(batch, *kept.shape[1:]).contiguous(memory_format=torch.channels_last),)
