"""benchmarks/results.json: what was measured, on which machine and commit. A run of some steps keeps the others' lines."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.harness import Footprint, Growth, Timed
from pipeline.artifacts.code import ROOT
from pipeline.registry.runs import git_state

RESULTS = Path(__file__).with_name("results.json")


def entry(step: str, measured: Timed | Growth | Footprint) -> dict[str, Any]:
    """A line of the file: the measurement, its step, and where it was made."""
    derived: dict[str, Any] = {"exponent": measured.exponent} if isinstance(measured, Growth) else {}
    if isinstance(measured, Timed):
        derived = {"ratios": measured.ratios, "share": measured.share}
    commit = git_state(ROOT)["throughline.git_commit"][:10]
    return {"step": step, "commit": commit, "machine": machine()} | asdict(measured) | derived


def machine() -> str:
    """Processor and cores, in words."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{named[0] if named else platform.machine()}, {os.cpu_count()} cores"


def save(done: Sequence[str], fresh: Iterable[dict[str, Any]], path: Path = RESULTS) -> list[dict[str, Any]]:
    """Put fresh lines in place of all lines of the steps that were done; returns the whole file."""
    entries = [item for item in load(path) if item["step"] not in done] + list(fresh)
    path.write_text(json.dumps(entries, indent=1) + "\n")
    return entries


def load(path: Path = RESULTS) -> list[dict[str, Any]]:
    """All lines; none before the first run."""
    return json.loads(path.read_text()) if path.exists() else []
