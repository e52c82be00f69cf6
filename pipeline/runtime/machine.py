"""What kind of machine this is, as far as it can decide a byte: processor, instruction sets, libraries, threads, environment."""

from __future__ import annotations

import functools
import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

INSTRUCTIONS = (
    "avx2",
    "fma",
    "avx512f",
    "avx512bw",
    "avx512vl",
    "avx512_vnni",
    "avx512_bf16",
    "amx_bf16",
    "amx_tile",
    "asimd",
    "sve",
    "bf16",
)
LIBRARIES = ("torch", "numpy", "numba", "opencv-python-headless", "av")
ENVIRONMENT = re.compile(r"(OMP|MKL|OPENBLAS|ONEDNN|DNNL|ATEN|NUMBA|CUBLAS)_\w+|CUDA_VISIBLE_DEVICES")


# Variables by which numerical libraries choose their machine code.
CHOOSES_CODE = re.compile(r"(MKL|OPENBLAS|ONEDNN|DNNL|ATEN|NUMBA|CUBLAS)_\w+|NVIDIA_TF32_OVERRIDE|TORCH_ALLOW_TF32_CUBLAS_OVERRIDE")
# Of every worker process: how a sum is split over threads decides its last digits. PyTorch's own count is a parameter.
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
# Variables of that form that decide no result, or that stages set themselves.
HARMLESS = frozenset({*THREADS, "CUBLAS_WORKSPACE_CONFIG", "NUMBA_CACHE_DIR", "NUMBA_NUM_THREADS"})


def arithmetic() -> dict[str, str]:
    """Variables of the environment by which numerical libraries choose their machine code, such as ATEN_CPU_CAPABILITY.

    Rounding in the last digit alone moves a trained network's scores by points, so these count as code does (`fingerprint.code_of`) and
    are handed to worker processes.
    """
    return {name: value for name, value in sorted(os.environ.items()) if CHOOSES_CODE.fullmatch(name) and name not in HARMLESS}


@functools.cache
def kind() -> dict[str, str]:
    """The machine that this process runs on; imports no library and so costs nothing.

    Returns:
        `cpu`, the model's name; `cores`; `instructions`, sets by which libraries choose their code; `gpu`, model names or `none`;
        `libraries` with versions; `threads`, what OMP_NUM_THREADS says or `all`; `environment`, other variables that numerical libraries
        read.
    """
    facts = _processor()
    flags = set((facts.get("flags") or facts.get("Features") or "").split())
    kept = {key: value for key, value in sorted(os.environ.items()) if ENVIRONMENT.fullmatch(key) and key != "OMP_NUM_THREADS"}
    return {
        "cpu": facts.get("model name") or platform.processor() or platform.machine(),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "instructions": " ".join(name for name in INSTRUCTIONS if name in flags) or "unknown",
        "gpu": ", ".join(_gpus()) or "none",
        "libraries": ", ".join(f"{name} {found}" for name in LIBRARIES if (found := version_of(name))),
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
        "environment": " ".join(f"{key}={value}" for key, value in kept.items()) or "none",
    }


def _processor() -> dict[str, str]:
    """The first processor of /proc/cpuinfo; nothing where there is no such file."""
    try:
        first = Path("/proc/cpuinfo").read_text().split("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _gpus() -> list[str]:
    """Models of NVIDIA cards, as their driver names them."""
    texts = (path.read_text() for path in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")))
    return [found[1].strip() for text in texts if (found := re.search(r"^Model:(.*)$", text, re.MULTILINE))]


def version_of(name: str) -> str | None:
    """The version of an installed package; None where it is not there."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None
