"""docs/systems.md: systems side by side, and what crosses of detectors, embeddings and associations."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.papers.ledger import Record
from experiments.systems.comparison import FILE, Comparison, Crossing, System, run_of
from experiments.systems.finished import LEDGER

PAGE = Path("docs") / "systems.md"
ABSENT, NOT_RUN = "–", "not run"
DIGITS = {"IDSW": 0, "parameters": 2, "frames/s": 0}  # of others: 1
COLUMNS = ("HOTA", "DetA", "AssA", "IDF1", "MOTA", "IDSW", "AP50", "R1", "frames/s", "parameters", "training minutes")
BRIEF = ("HOTA", "IDF1", "MOTA", "IDSW")
MILLION = 1e6
HEAD = f"""# Systems side by side

Written by `throughline tables systems` from {FILE} and {LEDGER}; type nothing here.
A cell is filled by running its pipeline and then `throughline tables systems --record`. Values of several seeds are their **mean** ±
standard deviation, with n seeds; parameters are in millions, frames a second and minutes are of the machine that the ledger names.
A run counts for a cell while all its parameters are those of the cell today; the commit says by which code it was made.
"""


def text(comparison: Comparison, records: Sequence[Record], root: Path) -> str:
    """The whole page.

    Args:
        comparison: what is compared.
        records: what was run.
        root: the repository, whose presets the cells name.

    Raises:
        UserError: a cell names a preset or a parameter that there is not.
    """
    parts = [HEAD]
    for data, words in comparison.data.items():
        parts.append(f"## {data}\n\n{words[0].upper()}{words[1:]}.\n\n" + _head(("system", "n", *COLUMNS, "commit")))
        parts[-1] += "\n".join(_row(system, data, comparison, records, root) for system in comparison.systems) + "\n"
    parts.append(
        "## What crosses\n\nDetector, embedding and association, on the data set of the preset: a figure, how to run "
        "it, or why there is none.\n\n" + _head(("detector", "embedding", "association", "result"))
    )
    parts[-1] += "\n".join(_crossing(crossing, comparison, records, root) for crossing in comparison.crossings) + "\n"
    return "\n".join(parts)


def found(preset: str, changes: Mapping[str, Any], seeds: Sequence[int], records: Sequence[Record], root: Path) -> list[Record]:
    """Records of a cell, one for each seed that was run."""
    settings = {run_of(preset, changes, seed, root).digest() for seed in seeds}
    return [record for record in records if record.setting in settings]


def command(preset: str, changes: Mapping[str, Any]) -> str:
    """How a cell is run, in Markdown."""
    with_them = ", ".join(f"`{key}: {_yaml(value)}`" for key, value in changes.items())
    return f"`make repro PRESET={preset}`" + (f" with {with_them}" if with_them else "")


def _row(system: System, data: str, comparison: Comparison, records: Sequence[Record], root: Path) -> str:
    if data not in system.presets:
        return _line([system.label, "0", f"no preset of {data}", *[""] * len(COLUMNS)])
    preset = system.presets[data]
    runs = found(preset, system.changes, comparison.seeds, records, root)
    if not runs:
        return _line([system.label, "0", f"{NOT_RUN}: {command(preset, system.changes)}", *[""] * len(COLUMNS)])
    commits = ", ".join(sorted({record.commit for record in runs}))
    return _line([system.label, str(len(runs)), *(_cell(name, runs) for name in COLUMNS), commits])


def _crossing(crossing: Crossing, comparison: Comparison, records: Sequence[Record], root: Path) -> str:
    words = [crossing.detector, crossing.embedding, crossing.association]
    if crossing.preset is None:
        reason = f"impossible: {crossing.impossible}" if crossing.impossible else f"not built: {crossing.missing}"
        return _line([*words, reason])
    runs = found(crossing.preset, crossing.changes, comparison.seeds, records, root)
    if not runs:
        return _line([*words, f"{NOT_RUN}: {command(crossing.preset, crossing.changes)}"])
    return _line([*words, f"n = {len(runs)}: " + ", ".join(f"{name} {_cell(name, runs)}" for name in BRIEF)])


def _cell(name: str, runs: Sequence[Record]) -> str:
    scale = MILLION if name == "parameters" else 1.0
    values = [record.metrics[name] / scale for record in runs if name in record.metrics]
    if not values:
        return ABSENT
    digits = DIGITS.get(name, 1)
    mean = f"**{statistics.fmean(values):.{digits}f}**"
    return f"{mean} ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 and name != "parameters" else mean


def _head(names: Sequence[str]) -> str:
    return _line(names) + "\n" + "|---" * len(names) + "|\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _yaml(value: object) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)
