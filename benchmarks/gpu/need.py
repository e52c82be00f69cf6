"""Part 5 of the command: how many images a card's step consumes, and how many cores of loader processes feed it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from benchmarks.gpu.cases import Case
from benchmarks.gpu.timing import Record

RESULTS = Path(__file__).resolve().parents[1] / "results.json"
LINE = "feeding, 0 processes, processor time"  # seconds of a core per pair of the default preset
PIXELS = 2 * 448 * 256  # of such a pair


def measure(cases: Sequence[Case], steps: Sequence[Record]) -> list[Record]:
    """One record per preset whose step was timed, of its fastest variant."""
    found = []
    for case in cases:
        timed = [each for each in steps if each.get("preset") == case.name and "per_second" in each]
        if timed:
            fastest = max(timed, key=lambda each: each["per_second"])
            found.append(need(case, float(fastest["per_second"]), core_seconds()))
    return found


def need(case: Case, per_second: float, seconds: float) -> Record:
    """Bytes per second and cores that a number of images per second needs.

    Args:
        case: says the size of an image.
        per_second: images per second of the step.
        seconds: processor time per pixel; decoding and augmentation are taken to be proportional to pixels.
    """
    pixels = case.width * case.height
    return {
        "name": f"{case.name}: loader",
        "preset": case.name,
        "per_second": per_second,
        "bytes_per_second": 3 * pixels * per_second,
        "core_images_per_second": 1 / (seconds * pixels),
        "cores": per_second * seconds * pixels,
    }


def core_seconds() -> float:
    """Seconds of processor time per pixel of a training image, as `make bench` measured it."""
    line = next(each for each in json.loads(RESULTS.read_text()) if each["what"] == LINE)
    return float(line["ours"]) / PIXELS
