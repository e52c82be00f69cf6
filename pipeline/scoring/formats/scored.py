"""What scoring files gives, whatever the task, and how the files of ground truth and results are paired."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from rich.table import Table

from pipeline.artifacts.store import write_text
from pipeline.errors import UserError
from pipeline.scoring.tables import COMBINED, DECIMALS, METRICS, PER_SEQUENCE, print_whole

Row = Mapping[str, float]


class Scored(NamedTuple):
    """Scores of a task.

    Attributes:
        combined: over everything.
        parts: by sequence, object or class.
        remarks: what is to be said of the files.
    """

    combined: Row
    parts: Mapping[str, Row]
    remarks: Sequence[str] = ()


def by_sequence(root: Path, inner: str | None, suffix: str) -> dict[str, Path]:
    """Files by their sequence: <root>/<sequence>/<inner>; where there is none, or `inner` is None, <root>/<sequence><suffix>."""
    folders = {path.relative_to(root).parts[0]: path for path in sorted(root.glob(f"*/{inner}"))} if inner else {}
    return folders or {path.stem: path for path in sorted(root.glob(f"*{suffix}"))}


def paired(truth: Mapping[str, Path], results: Mapping[str, Path], where: tuple[Path, Path], wanted: str) -> list[str]:
    """Remarks on results that no ground truth claims.

    Args:
        truth: the sequences of the ground truth.
        results: those of the results.
        where: the folders of both.
        wanted: how a sequence's file of the ground truth is found, for messages.

    Raises:
        UserError: there is no ground truth, or a sequence of it has no results.
    """
    if not truth:
        raise UserError(f"{where[0]}: no ground truth\nnext: expected {wanted}")
    missing = sorted(truth.keys() - results.keys())
    if missing:
        raise UserError(
            f"{where[1]}: no results for {', '.join(missing[:5])}{', ...' if len(missing) > 5 else ''}\n"
            "next: write them, under the names of the ground truth"
        )
    strays = sorted(results.keys() - truth.keys())
    return [f"not scored, no ground truth in {where[0]}: {', '.join(strays)}"] if strays else []


def write(scored: Scored, task: str, out: Path) -> None:
    """Write metrics.json and per_sequence.csv to a folder, which is made."""
    out.mkdir(parents=True, exist_ok=True)
    rows = {**scored.parts, COMBINED: scored.combined}
    document = {"task": task, "combined": _rounded(scored.combined), "parts": {name: _rounded(row) for name, row in scored.parts.items()}}
    write_text(out / METRICS, json.dumps(document, indent=1) + "\n")
    with (out / PER_SEQUENCE).open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["sequence", *scored.combined])
        for name, row in rows.items():
            writer.writerow([name, *(_rounded(row).get(key) for key in scored.combined)])


def show(scored: Scored, title: str) -> None:
    """Print one row per part, then that of all together."""
    table = Table("sequence", title=title, title_justify="left")
    for name in scored.combined:
        table.add_column(name, justify="right")
    for name, row in scored.parts.items():
        table.add_row(name, *(_text(row.get(key)) for key in scored.combined))
    table.add_section()
    table.add_row(COMBINED, *map(_text, scored.combined.values()))
    print_whole(table)


def _rounded(row: Row) -> dict[str, float | None]:
    """NaN, which JSON does not know, becomes null: nothing was there to score."""
    return {name: None if math.isnan(value) else round(value, DECIMALS) for name, value in row.items()}


def _text(value: float | None) -> str:
    if value is None or math.isnan(value):
        return "-"
    return f"{value:.2f}" if isinstance(value, float) else str(value)
