"""Run benchmarks, print a table, write benchmarks/results.json and the generated part of docs/performance.md.

    python -m benchmarks
    python -m benchmarks association
    python -m benchmarks gpu --help     (a card, or a CPU in its place: benchmarks/gpu/)

Peers are those of benchmarks/peers.txt: `make bench` installs them. Threads are pinned to one; quote ratios of one run, not times.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # before NumPy and torch are imported
from benchmarks.harness import Footprint, Growth, Timed

STEPS = (
    "extraction",
    "packing",
    "growth",
    "memory",
    "pairs",
    "feeding",
    "loss",
    "step",
    "maps",
    "regions",
    "queries",
    "parts",
    "association",
    "tracking",
    "unitrack",
    "evaluation",
    "startup",
)
HEAD = f"{'what':48} {'ours':>10} {'peer':>10} {'ratio':>7} {'aim':>5}  against"


def main(words: Sequence[str] | None = None) -> None:
    """Entry point."""
    given = list(sys.argv[1:] if words is None else words)
    if given[:1] == ["gpu"]:  # which needs little of what the others import
        import_module("benchmarks.gpu.command").main(given[1:])
        return
    from benchmarks import page, results

    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("steps", nargs="*", help=f"of {', '.join(STEPS)}; all, unless named")
    parser.add_argument("--no-page", action="store_true", help="only print: write no file")
    chosen = parser.parse_args(given)
    if unknown := set(chosen.steps) - set(STEPS):
        parser.error(f"no step {', '.join(sorted(unknown))}; known: {', '.join(STEPS)}")
    print(HEAD)
    steps: Sequence[str] = chosen.steps or STEPS
    fresh: list[dict[str, Any]] = []
    for step in steps:
        for measured in import_module(f"benchmarks.{step}").measure():
            fresh.append(results.entry(step, measured))
            print("\n".join(lines(measured)), flush=True)
    if not chosen.no_page:
        page.write(results.save(steps, fresh))


def lines(measured: Timed | Growth | Footprint) -> list[str]:
    """What is printed of a measurement: one line for each peer, or one line where there are none, as of a growth or a footprint."""
    from benchmarks import page

    if isinstance(measured, Footprint):
        sizes = ", ".join(map(page.mebibytes, measured.bytes))
        return [
            f"{measured.what:48} {sizes} at {', '.join(map(str, measured.sizes))} {measured.unit}, below {page.mebibytes(measured.bound)}"
        ]
    if isinstance(measured, Growth):
        times = ", ".join(page.duration(seconds) for seconds in measured.seconds)
        return [f"{measured.what:48} {times} at {', '.join(map(str, measured.sizes))} {measured.unit}: exponent {measured.exponent:.2f}"]
    head = f"{measured.what:48} {page.duration(measured.ours):>10}"
    aim = "" if measured.aim is None else f"{measured.aim:g}"
    limit = "" if measured.share is None else f"  ({measured.share:.0%} of it unavoidable)"
    rows = [f" {page.duration(seconds):>10} {measured.ratios[name]:7.2f} {aim:>5}  {name}" for name, seconds in measured.peers.items()]
    return [head + row + limit if number == 0 else " " * len(head) + row for number, row in enumerate(rows)] or [head + limit]


if __name__ == "__main__":
    main()
