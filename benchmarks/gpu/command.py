"""`python -m benchmarks gpu`: everything about a card in one run of given minutes.

Most of the time goes to the training step; parity, operators and tracking come before it with small shares, so that all parts appear in
a short run. What there was no time for is listed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # before CUDA is first used
import torch

from benchmarks.gpu import card, cases, forward, need, operators, parity, report, steps
from benchmarks.gpu.timing import Budget


def main(words: Sequence[str] | None = None) -> dict[str, Any]:
    """Entry point; returns what it writes to DIR/gpu.json."""
    chosen = _parsed(words)
    device = torch.device(chosen.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    tiny = chosen.tiny or device.type == "cpu"
    if tiny:
        print("tiny shapes, to see that all runs: nothing here is worth quoting", flush=True)
    found = run(device, chosen.minutes, tiny=tiny)
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "gpu.json").write_text(json.dumps(found, indent=1) + "\n")
    text = report.markdown(found)
    (chosen.out / "gpu.md").write_text(text + "\n")
    print(text)
    if chosen.page:
        report.RESULTS.write_text(json.dumps(found, indent=1) + "\n")
        report.write(found)
    return found


def run(device: torch.device, minutes: float, *, tiny: bool) -> dict[str, Any]:
    """All parts, as plain data."""
    budget, one, all_cases, small = Budget.of_minutes(minutes), card.read(device), cases.cases(tiny), cases.cases(tiny=True)
    found: dict[str, Any] = {
        "card": {"device": device.type, **asdict(one)},
        "torch": torch.__version__,
        "commit": _commit(),
        "tiny": tiny,
    }
    with budget.share(0.1):
        found["operators"] = operators.measure(device, budget, tiny=tiny)
    with budget.share(0.25):
        found["forward"] = forward.measure(all_cases, device, budget, tiny=tiny)
    with budget.share(0.85):
        found["steps"] = steps.measure(all_cases, device, one, budget)
    papers = [cases.in_small(case) for case in cases.cases()] if tiny else []  # the papers' networks as they are, on tiny images
    found["steps"] += steps.once(papers, device, budget)
    found["parity"] = parity.measure(small, device, budget)
    found["need"] = need.measure([*all_cases, *papers], found["steps"])
    return {**found, "left_out": [*budget.left_out, *(f"{name}: no preset" for name in cases.without_preset(tiny))]}


def _parsed(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks gpu", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=6.0, help="nothing more is begun after these")
    parser.add_argument("--out", type=Path, default=Path("artifacts/gpu"), help="folder for gpu.json and gpu.md")
    parser.add_argument("--device", choices=("cpu", "cuda"), help="cuda where there is one")
    parser.add_argument("--tiny", action="store_true", help="tiny shapes; always so on a CPU")
    parser.add_argument("--page", action="store_true", help="also write benchmarks/gpu/results.json and docs/performance.md")
    return parser.parse_args(words)


def _commit() -> str:
    try:
        told = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=report.ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return told.stdout.strip()
