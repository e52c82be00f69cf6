"""Memory of each stage on one long sequence: the most that its process held, as the sequence grows to 100,000 frames.

A stage runs in one process that does the driver's part and the worker's, so each of the two alone holds less. The aim is below 2 GiB.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.harness import Footprint
from benchmarks.page import mebibytes

FRAMES = (6_250, 25_000, 100_000)
STAGES = ("extract_frames", "label_depth", "pack_samples", "track", "evaluate", "report")
BOUND = 2 * 1024**3


def measure(frames: Sequence[int] = FRAMES, stages: Sequence[str] = STAGES) -> Iterator[Footprint]:
    """One line per stage, once the longest sequence is through."""
    peaks: dict[str, list[int]] = {stage: [] for stage in stages}
    for count in frames:
        with tempfile.TemporaryDirectory(prefix="throughline-memory-") as folder:
            build(Path(folder), count)
            for stage in stages:
                peaks[stage].append(peak(stage, Path(folder)))
                print(f"{stage}, {count} frames: {mebibytes(peaks[stage][-1])}", file=sys.stderr, flush=True)
    for stage, sizes in peaks.items():
        yield Footprint(f"memory, {stage}", "frames", tuple(frames), tuple(sizes), BOUND)


def build(root: Path, frames: int) -> None:
    """Make the repository in a process of its own."""
    _run(f"from benchmarks.longvideo import build; build(Path({str(root)!r}), {frames})")


def peak(stage: str, root: Path) -> int:
    """Bytes that the stage's process held at most."""
    return int(_run(f"from benchmarks.memory import work; print(work({stage!r}, Path({str(root)!r})))").splitlines()[-1])


def work(stage: str, root: Path) -> int:
    """Run a stage here, its tasks one after the other; returns the bytes that this process held at most."""
    from pipeline.runtime import cluster
    from stages import execute

    cluster.map_tasks = _map_tasks  # type: ignore[assignment]
    cluster.attached = lambda _: nullcontext()  # type: ignore[assignment, return-value]
    cluster.gpus = lambda: 0
    execute(stage, getattr(import_module(f"stages.{stage}"), stage), root / "params.yaml", root)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _map_tasks(function: Callable[[Any], Any], items: Sequence[Any], **_: object) -> list[Any]:
    return [function(item) for item in items]


def _run(code: str) -> str:
    command = [sys.executable, "-c", f"from pathlib import Path; {code}"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
