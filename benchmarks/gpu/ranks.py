"""Two data-parallel processes on one device, by gloo, since NCCL refuses two ranks on one card: both end with the same parameters."""

from __future__ import annotations

import hashlib
import tempfile
import time
from datetime import timedelta
from functools import partial
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

import torch
from torch import distributed, multiprocessing, nn
from torch.nn.parallel import DistributedDataParallel

from benchmarks.gpu.card import synchronise
from benchmarks.gpu.cases import Case, batch_of
from benchmarks.gpu.step import TRAINER, Step, algorithms
from benchmarks.gpu.timing import Record

RANKS, STEPS, PATIENCE = 2, 3, 120  # processes, steps of each, seconds until they are given up


def two_ranks(case: Case, device: torch.device) -> Record:
    """Steps of two processes on batches of their own.

    Returns:
        `seconds` of the last step, and `within`: whether both ranks hold the same parameters, to the bit.

    Raises:
        RuntimeError: a process failed, or did not end in time.
    """
    context = multiprocessing.get_context("spawn")
    told: Queue[tuple[str, float]] = context.Queue()
    with tempfile.TemporaryDirectory() as folder:
        meeting = f"file://{Path(folder) / 'meeting'}"
        started = [context.Process(target=_train, args=(rank, meeting, case, str(device), told), daemon=True) for rank in range(RANKS)]
        for each in started:
            each.start()
        try:
            found = [told.get(timeout=PATIENCE) for _ in started]
        except Exception as error:
            codes = [each.exitcode for each in started]
            raise RuntimeError(f"{RANKS} ranks did not end within {PATIENCE} s; exit codes {codes}") from error
        finally:
            for each in started:
                each.join(10)
                each.kill()
    digests = {digest for digest, _ in found}
    return {"preset": case.name, "ranks": RANKS, "seconds": max(seconds for _, seconds in found), "within": len(digests) == 1}


def _train(rank: int, meeting: str, case: Case, where: str, told: Queue[tuple[str, float]]) -> None:
    device = torch.device(where)
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=RANKS, timeout=timedelta(seconds=PATIENCE))
    try:
        with algorithms(TRAINER):
            step, seconds = Step(case, device, TRAINER, batch_of(case, seed=rank), wrap=partial(_wrapped, device)), 0.0
            for _ in range(STEPS):
                began = time.perf_counter()
                step()
                synchronise(device)
                seconds = time.perf_counter() - began
        told.put((_digest(step.task), seconds))
    finally:
        distributed.destroy_process_group()


def _wrapped(device: torch.device, task: nn.Module) -> nn.Module:
    """The task wrapped as the training loop wraps it."""
    devices: Any = [device] if device.type == "cuda" else None
    return DistributedDataParallel(task, device_ids=devices, find_unused_parameters=True, gradient_as_bucket_view=True)


def _digest(task: nn.Module) -> str:
    """Digest of the parameters; buffers, such as running means, are each rank's own."""
    digest = hashlib.sha256()
    for parameter in task.parameters():
        digest.update(parameter.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
