"""The device: its name, and the two numbers that bound every operator on it."""

from __future__ import annotations

import platform
import time
from dataclasses import dataclass

import torch

# Dense bfloat16 FLOP/s and bytes/s of memory, from NVIDIA's data sheets; the first name that the card's contains counts.
STATED = (
    ("H200", 989.4e12, 4.8e12),
    ("H100 NVL", 835e12, 3.9e12),
    ("H100 PCIe", 756e12, 2.0e12),
    ("H100", 989.4e12, 3.35e12),
    ("A100-SXM4-40", 312e12, 1.555e12),
    ("A100", 312e12, 2.039e12),
    ("L40S", 362e12, 0.864e12),
)
PAPER = "NVIDIA H100 SXM (as stated, not measured)"


@dataclass(frozen=True)
class Card:
    """A device.

    Attributes:
        name: as the device states it.
        peak: floating-point operations per second, bfloat16 on a GPU.
        bandwidth: bytes per second of its memory.
        stated: whether both are of the data sheet; else they were measured by one product and one copy.
    """

    name: str
    peak: float
    bandwidth: float
    stated: bool

    @property
    def ridge(self) -> float:
        """Operations per byte below which memory bounds an operator."""
        return self.peak / self.bandwidth

    def bound(self, operations: float, moved: float) -> float:
        """Least seconds of so many operations and bytes (the roofline)."""
        return max(operations / self.peak, moved / self.bandwidth)


H100 = Card(PAPER, 989.4e12, 3.35e12, True)


def read(device: torch.device) -> Card:
    """The card of a device, from its data sheet if `STATED` lists its name; otherwise measured."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    for part, peak, bandwidth in STATED:
        if part in name and device.type == "cuda":
            return Card(name, peak, bandwidth, True)
    return Card(name, *_measured(device), False)


def synchronise(device: torch.device) -> None:
    """Wait for all that was launched."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _measured(device: torch.device) -> tuple[float, float]:
    """Operations per second of a product, bytes per second of a copy; best of three."""
    side = 8192 if device.type == "cuda" else 512
    matrix = torch.randn(side, side, device=device, dtype=torch.bfloat16 if device.type == "cuda" else torch.float32)
    target = torch.empty_like(matrix)
    product, copy = list[float](), list[float]()
    for _ in range(4):
        for times, work in ((product, lambda: torch.mm(matrix, matrix, out=target)), (copy, lambda: target.copy_(matrix))):
            synchronise(device)
            begun = time.perf_counter()
            work()
            synchronise(device)
            times.append(time.perf_counter() - begun)
    return 2 * side**3 / min(product[1:]), 2 * matrix.nbytes / min(copy[1:])
