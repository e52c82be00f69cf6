"""docs/performance.md: the generated part, from benchmarks/results.json, and its picture, docs/growth.svg."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import plot
from experiments.papers.markdown import insert
from pipeline.artifacts.code import ROOT

PAGE = ROOT / "docs" / "performance.md"
NAME = "benchmarks"
PICTURE = "growth.svg"
HEAD = "| what | ours | against | theirs | ratio | aim | limit | share of the limit |\n|---|---:|---|---:|---:|---:|---:|---:|\n"
GROWTH = "| what | sizes | time at the smallest, the largest | exponent |\n|---|---|---|---:|\n"
MEMORY = "| what | sizes | most of its process | bound |\n|---|---|---|---:|\n"

Entry = Mapping[str, Any]


def write(entries: Sequence[Entry], page: Path = PAGE) -> None:
    """Put the tables into the page, and the picture beside it."""
    page.write_text(insert(page.read_text(), NAME, markdown(entries)))
    if grown := [item for item in entries if "exponent" in item]:
        page.with_name(PICTURE).write_text(plot.growth(grown))


def markdown(entries: Sequence[Entry]) -> str:
    """The generated part: what was timed, how times grow, what memory stages hold, and where all that was measured."""
    timed = "".join(_line(item) for item in entries if "ours" in item)
    grown = "".join(_growth(item) for item in entries if "exponent" in item)
    picture = f"\n![Time over size]({PICTURE})\n" if grown else ""
    held = "".join(_held(item) for item in entries if "bytes" in item)
    places = sorted({(item["machine"], item["commit"]) for item in entries})
    where = "".join(f"- {machine}; commit {commit}\n" for machine, commit in places)
    growth = f"\n### Growth\n\n{GROWTH}{grown}{picture}" if grown else ""
    memory = f"\n### Memory\n\n{MEMORY}{held}" if held else ""
    return f"{HEAD}{timed}{growth}{memory}\n### Measured on\n\n{where}".rstrip()


def duration(seconds: float) -> str:
    """Seconds as text, in s, ms or µs."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def mebibytes(count: int) -> str:
    """Bytes in MiB."""
    return f"{count / 1024**2:,.0f} MiB"


def _line(item: Entry) -> str:
    """A row for the first peer with ours, one more for each further peer."""
    aim = "" if item["aim"] is None else f"{item['aim']:g}{' ✓' if _first(item['ratios']) >= item['aim'] else ' ✗'}"
    limit = ("", "") if item["limit"] is None else (duration(item["limit"]), f"{item['share']:.0%}")
    ours = f"{duration(item['ours'])} a {item['unit']}"
    peers = list(item["peers"].items()) or [("", None)]
    rows = []
    for number, (name, seconds) in enumerate(peers):
        theirs = ("", "") if seconds is None else (duration(seconds), f"{item['ratios'][name]:.3g}")
        first = number == 0
        cells = [item["what"] if first else "", ours if first else "", name, *theirs, aim if first else "", *(limit if first else ("", ""))]
        rows.append(f"| {' | '.join(cells)} |\n")
    return "".join(rows)


def _growth(item: Entry) -> str:
    sizes, seconds = item["sizes"], item["seconds"]
    ends = f"{duration(seconds[0])}, {duration(seconds[-1])}"
    return f"| {item['what']} | {', '.join(map(str, sizes))} {item['unit']} | {ends} | {item['exponent']:.2f} |\n"


def _held(item: Entry) -> str:
    held = ", ".join(map(mebibytes, item["bytes"]))
    return f"| {item['what']} | {', '.join(map(str, item['sizes']))} {item['unit']} | {held} | {mebibytes(item['bound'])} |\n"


def _first(ratios: Mapping[str, float]) -> float:
    return next(iter(ratios.values()), 0.0)
