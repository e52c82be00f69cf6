"""Where in a step the host waits for the device: CUDA tells by itself; on a CPU the calls that would wait on a GPU are watched for.

What is watched for on a CPU is what no GPU can answer without being waited for: numbers that Python reads, shapes that depend on values
(`nonzero`, masks as indices), and copies to the host. Copies from pageable memory to the device are not seen there.
"""

from __future__ import annotations

import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.gpu.card import synchronise
from benchmarks.gpu.cases import Case
from benchmarks.gpu.step import TRAINER, Step, algorithms
from benchmarks.gpu.timing import Record

ROOT = Path(__file__).resolve().parents[2]
READ = {"_local_scalar_dense", "nonzero", "masked_select", "_unique", "_unique2", "unique_dim", "unique_consecutive", "equal", "is_nonzero"}
TO_HOST: set[Callable[..., Any]] = {Tensor.cpu, Tensor.numpy, Tensor.tolist}
MASKED = {"index", "index_put", "index_put_", "_index_put_impl_"}


def waits(case: Case, device: torch.device) -> Record:
    """Where in a step the host waits for the device, by line; nowhere, if all is well."""
    with algorithms(TRAINER):
        work = Step(case, device)
        for _ in range(2 if device.type == "cuda" else 1):
            work()
        synchronise(device)
        with (told_by_cuda if device.type == "cuda" else watched)() as lines:
            work()
    return {"preset": case.name, "waits": sum(lines.values()), "lines": dict(lines)}


@contextmanager
def told_by_cuda() -> Iterator[Counter[str]]:
    """Count the lines that CUDA's debug mode warns of."""
    lines: Counter[str] = Counter()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            yield lines
        finally:
            torch.cuda.set_sync_debug_mode("default")
    lines.update(f"{Path(each.filename).name}:{each.lineno}" for each in seen if "synchroniz" in str(each.message))


@contextmanager
def watched() -> Iterator[Counter[str]]:
    """Count the lines of this repository that would wait for a GPU."""
    lines: Counter[str] = Counter()
    with _Functions(lines), _Operators(lines):
        yield lines


class _Operators(TorchDispatchMode):
    def __init__(self, lines: Counter[str]) -> None:
        super().__init__()
        self.lines = lines

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name.split("::")[1]
        if name in READ or (name in MASKED and _has_mask(args)):
            self.lines[_line()] += 1
        return func(*args, **(kwargs or {}))


class _Functions(TorchFunctionMode):
    def __init__(self, lines: Counter[str]) -> None:
        super().__init__()
        self.lines = lines

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in TO_HOST:
            self.lines[_line()] += 1
        return func(*args, **(kwargs or {}))


def _has_mask(args: Any) -> bool:
    return any(isinstance(index, Tensor) and index.dtype == torch.bool for index in args[1])


def _line() -> str:
    """The innermost line of this repository, this file apart; of autograd's own calls, that of the backward pass."""
    here = Path(__file__)
    own = [frame for frame in traceback.extract_stack() if _is_ours(Path(frame.filename)) and Path(frame.filename) != here]
    return f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else "outside"


def _is_ours(path: Path) -> bool:
    """Whether a file is the repository's, in which the environment with other people's may lie too."""
    return path.is_relative_to(ROOT) and "site-packages" not in path.parts
