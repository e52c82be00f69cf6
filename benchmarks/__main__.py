"""Run benchmarks, print a table and write benchmarks/results.json.

    python -m benchmarks
    python -m benchmarks association

Peers are those of benchmarks/peers.txt: `make bench` installs them. Threads are pinned to one; quote ratios of one run, not times.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # before NumPy and torch are imported
from benchmarks.harness import Timed

STEPS = ("association",)
RESULTS = Path(__file__).with_name("results.json")
HEAD = f"{'what':48} {'ours':>10} {'peer':>10} {'ratio':>7} {'aim':>5}  against"


def main(words: Sequence[str] | None = None) -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("steps", nargs="*", choices=STEPS, help="all, unless named")
    chosen = parser.parse_args(words)
    print(HEAD)
    done: list[Timed] = []
    for step in chosen.steps or STEPS:
        for timed in import_module(f"benchmarks.{step}").measure():
            done.append(timed)
            print("\n".join(lines(timed)), flush=True)
    machine = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
    results = [asdict(item) | {"ratios": item.ratios, "share": item.share} for item in done]
    RESULTS.write_text(json.dumps({"machine": machine, "results": results}, indent=1) + "\n")


def lines(timed: Timed) -> list[str]:
    """A line for each peer, or one without."""
    head = f"{timed.what:48} {_time(timed.ours):>10}"
    aim = "" if timed.aim is None else f"{timed.aim:g}"
    rows = [f" {_time(seconds):>10} {timed.ratios[name]:7.2f} {aim:>5}  {name}" for name, seconds in timed.peers.items()]
    return [head + row if number == 0 else " " * len(head) + row for number, row in enumerate(rows)] or [head]


def _time(seconds: float) -> str:
    return f"{seconds * 1e3:.3f} ms" if seconds < 1 else f"{seconds:.2f} s"


if __name__ == "__main__":
    main()
