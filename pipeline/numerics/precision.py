"""The floating-point format in which a network computes."""

from __future__ import annotations

from typing import Literal

from pipeline.params.sections.common import Precision


def resolved(precision: Precision, use_gpu: bool) -> Literal["float32", "bfloat16"]:
    """What `auto` means: bfloat16 where the device multiplies it natively (twice as fast), float32 elsewhere."""
    import torch

    if precision != "auto":
        return precision
    capable = torch.cpu.get_capabilities()
    return "bfloat16" if use_gpu or capable.get("avx512_bf16") or capable.get("amx_bf16") else "float32"
