"""The JSON of a run as Markdown, and the section of docs/performance.md that comes from it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.gpu.aims import aims

ROOT = Path(__file__).resolve().parents[2]
RESULTS, ON_PAPER, PAGE = (
    ROOT / "benchmarks" / "gpu" / "results.json",
    ROOT / "benchmarks" / "gpu" / "paper.json",
    ROOT / "docs" / "performance.md",
)
NAME = "gpu"
SMALL = 0.01  # of a step, below which a layer has no row of its own
NONE = (
    "No card has been at hand yet: nothing in this section was measured on one. `python -m benchmarks gpu --page`, where there is a card,\n"
    "fills it; CI runs the command on tiny images on a CPU. What follows is counted by `python -m benchmarks.gpu.on_paper`, not measured."
)

Entry = Mapping[str, Any]


def write(found: Entry | None, page: Path = PAGE) -> None:
    """Put a run, or the word that there was none, and the counted roofline between the page's markers."""
    begin, end = f"<!-- {NAME}: generated -->", f"<!-- {NAME}: end -->"
    text = page.read_text()
    assert begin in text, f"{page} has no marker {begin}"
    page.write_text(re.sub(f"{begin}.*?{end}", lambda _: f"{begin}\n{section(found)}\n{end}", text, flags=re.DOTALL))


def section(found: Entry | None, counted: Entry | None = None) -> str:
    """The text of the page's section.

    Args:
        found: a run; None, or one without a CUDA device: the text says that nothing was measured on a card.
        counted: the counted roofline; None: that of benchmarks/gpu/paper.json, if there is such a file.
    """
    paper = counted if counted is not None else (json.loads(ON_PAPER.read_text()) if ON_PAPER.exists() else None)
    measured = NONE if found is None or found["card"]["device"] != "cuda" else markdown(found)
    return "\n\n".join(part for part in (measured, _paper(paper) if paper else "") if part)


def markdown(found: Entry) -> str:
    """All parts of a run as tables, then what failed and what there was no time for."""
    card = found["card"]
    basis = "as its data sheet states" if card["stated"] else "as one product and one copy reached"
    head = (
        f"{card['name']}: {card['peak'] / 1e12:,.3g} TFLOP/s and {card['bandwidth'] / 1e12:.3g} TB/s, {basis}; "
        f"PyTorch {found['torch']}, commit {found['commit']}."
    )
    if found["tiny"]:
        head += " Tiny images: this shows that all runs, and no time here is worth quoting."
    parts = [
        head,
        _steps(found),
        _parts(found),
        _waits(found),
        _forward(found),
        _operators(found),
        _parity(found),
        _need(found),
        _aims(found),
        _missing(found),
    ]
    return "\n\n".join(part for part in parts if part)


def roofline(found: Entry) -> str:
    """Layer by layer, longest first; those that take less than a hundredth are one row."""
    whole, least = found["total"], SMALL * found["total"]["eager"]
    rows = sorted(found["layers"], key=lambda row: -row["eager"])
    small = [row for row in rows if row["eager"] < least]
    cells = [_layer(row["layer"], row, f"{row['intensity']:.0f}", row["bounded"]) for row in rows if row["eager"] >= least]
    if small:
        cells.append(_layer(f"{len(small)} smaller ones", {key: sum(row[key] for row in small) for key in whole}, "", ""))
    cells.append(_layer("all", whole, "", ""))
    return _table(("layer", "GFLOP", "MB", "FLOP/byte of products", "bounded by", "bound, fused", "bound, eager"), cells, 1)


def _layer(name: str, row: Entry, intensity: str, bounded: str) -> tuple[str, ...]:
    moved = (row["product_bytes"] + row["other_bytes"]) / 1e6
    times = (_time(row[kind]) for kind in ("fused", "eager"))
    return (name, f"{row['operations'] / 1e9:,.1f}", f"{moved:,.0f}", intensity, bounded, *times)


def _steps(found: Entry) -> str:
    bounds = {row["preset"]: row["total"] for row in found["steps"] if "layers" in row}
    cells = []
    for row in found["steps"]:
        if "per_second" in row:
            bound = bounds.get(row["preset"])
            shares: tuple[str, ...] = ("", "", "")
            if bound is not None:
                operations = bound["operations"] / row["seconds"] / found["card"]["peak"]
                moved = (bound["product_bytes"] + bound["other_bytes"]) / row["seconds"] / found["card"]["bandwidth"]
                shares = (f"{operations:.0%}", f"{moved:.0%}", f"{bound['eager'] / row['seconds']:.0%}")
            host = f"{row['launched'] / row['seconds']:.0%}"
            cells.append(
                (
                    row["preset"],
                    row["variant"],
                    _time(row["seconds"]),
                    f"{row['per_second']:,.1f}",
                    *shares,
                    host,
                    f"{row['peak_bytes'] / 2**30:.1f}",
                )
            )
    head = ("preset", "variant", "step", "images/s", "of peak FLOP/s", "of bandwidth", "bound / step", "host busy", "GiB")
    return "### Training step\n\n" + _table(head, cells, 2) if cells else ""


def _parts(found: Entry) -> str:
    lines = [
        f"- {row['preset']}: " + ", ".join(f"{name} {_time(seconds)}" for name, seconds in row["parts"].items())
        for row in found["steps"]
        if "parts" in row
    ]
    return "Time by part, of the trainer's step under the profiler:\n\n" + "\n".join(lines) if lines else ""


def _waits(found: Entry) -> str:
    lines = [
        f"- {row['preset']}: {row['waits']} times" + "".join(f"; {line} ({count})" for line, count in row["lines"].items())
        for row in found["steps"]
        if "waits" in row
    ]
    return "Where the host waits for the device in a step:\n\n" + "\n".join(lines) if lines else ""


def _forward(found: Entry) -> str:
    cells = [
        (
            row["preset"],
            f"{row['width']}x{row['height']}",
            str(row["batch"]),
            _time(row["bare"]),
            _time(row["decoded"]),
            f"{row['over_bare']:+.0%}",
            _time(row["from_pictures"]),
            f"{row['frames_per_second']:,.1f}",
        )
        for row in found["forward"]
        if "bare" in row
    ]
    head = ("preset", "size", "batch", "network", "with decode", "more", "from pictures", "frames/s")
    return "### Tracking\n\n" + _table(head, cells, 2) if cells else ""


def _operators(found: Entry) -> str:
    cells = [
        (row["operator"], _time(row["ours"]), _time(row["plain"]), f"{row['ratio']:.2f}", _yes(row["same_bits"]), _yes(row["agrees"]))
        for row in found["operators"]
        if "ours" in row
    ]
    return (
        "### Operators\n\n" + _table(("operator", "ours", "plain", "ratio", "same bits twice", "as the plain form"), cells, 1)
        if cells
        else ""
    )


def _parity(found: Entry) -> str:
    lines = []
    for row in found["parity"]:
        if "apart" in row:
            lines += [
                f"- {row['name']}, {kind}: {apart:.1e} apart, within bounds: {_yes(row['within'][kind])}"
                for kind, apart in row["apart"].items()
            ]
        elif "within" in row:
            lines.append(f"- {row['name']}: {_yes(row['within'])}")
    return "### As on the CPU\n\n" + "\n".join(lines) if lines else ""


def _need(found: Entry) -> str:
    cells = [
        (
            row["preset"],
            f"{row['per_second']:,.0f}",
            f"{row['bytes_per_second'] / 1e6:,.0f}",
            f"{row['core_images_per_second']:.1f}",
            f"{row['cores']:.0f}",
        )
        for row in found["need"]
    ]
    return "### Feeding\n\n" + _table(("preset", "images/s", "MB/s", "images/s of a core", "cores for a card"), cells, 1) if cells else ""


def _aims(found: Entry) -> str:
    cells = [(aim.preset, aim.what, f"{aim.found:.2f}", f"{aim.limit:g}", _yes(aim.reached)) for aim in aims(found)]
    return "### Aims\n\n" + _table(("preset", "what", "found", "aim", "reached"), cells, 2) if cells else ""


def _missing(found: Entry) -> str:
    rows = [row for part in ("steps", "forward", "operators", "parity") for row in found[part]]
    failed = [f"- {row['name']}: {row['failed']}" for row in rows if "failed" in row]
    lines = ["Could not be measured:", "", *failed] if failed else []
    if found["left_out"]:
        lines += ["", f"Left out: {'; '.join(found['left_out'])}."]
    return "\n".join(lines).strip()


def _paper(counted: Entry) -> str:
    """The counted roofline of each preset, and the estimate for many cards."""
    parts = []
    for each in counted["presets"]:
        eager, fused = (each["images"] / each["total"][kind] for kind in ("eager", "fused"))
        parts.append(
            f"### On paper: the step of {each['preset']}, {each['images']} images, on {counted['card']}\n\n{roofline(each)}\n\n"
            f"{eager:,.0f} images/s at most, operator by operator; {fused:,.0f} where what is done number by number is fused."
        )
    return "\n\n".join([*parts, f"### On paper: many cards, {counted['presets'][0]['preset']}\n\n{counted['scaling']}"])


def _table(head: Sequence[str], cells: Iterable[Sequence[str]], left: int) -> str:
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * left + "---:|" * (len(head) - left), *(f"| {' | '.join(row)} |" for row in cells)]
    return "\n".join(lines)


def _time(seconds: float) -> str:
    return f"{1e3 * seconds:,.3g} ms" if seconds >= 1e-3 else f"{1e6 * seconds:.3g} µs"


def _yes(value: bool | None) -> str:
    return "" if value is None else "yes" if value else "no"
