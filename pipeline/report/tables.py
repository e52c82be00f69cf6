"""Numbers as HTML: cards, score tables, lists of facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

COLUMNS = ("HOTA", "DetA", "AssA", "MOTA", "MOTP", "IDF1", "IDSW", "FP", "FN", "MT", "ML", "Frag")
MEANINGS = {
    "HOTA": "higher order tracking accuracy, percent",
    "DetA": "detection part of HOTA, percent",
    "AssA": "association part of HOTA, percent",
    "MOTA": "multiple object tracking accuracy, percent",
    "MOTP": "mean overlap of matched boxes, percent",
    "IDF1": "identity F1, percent",
    "IDSW": "identity switches",
    "FP": "false boxes",
    "FN": "missed boxes",
    "MT": "identities tracked in more than 80 % of their frames",
    "ML": "identities tracked in less than 20 % of their frames",
    "Frag": "interruptions of tracks",
}


def cards(values: Mapping[str, Any]) -> str:
    """A few numbers, large."""
    items = "\n".join(f'<div class="card"><dt>{escape(name)}</dt><dd>{number(value)}</dd></div>' for name, value in values.items())
    return f'<dl class="cards">\n{items}\n</dl>'


def scores(sequences: Mapping[str, Mapping[str, Any]], combined: Mapping[str, Any] | None = None, of: str = "sequence") -> str:
    """One row of tracking scores per sequence, or per class as `of` says, and all together as the last; empty columns are left out."""
    rows = [*sequences.items(), *([("all sequences", combined)] if combined is not None else [])]
    columns = [name for name in COLUMNS if any(name in row for _, row in rows)]
    head = "".join(f'<th title="{escape(MEANINGS[name])}">{name}</th>' for name in columns)
    lines = []
    for name, row in rows:
        total = ' class="total"' if row is combined else ""
        lines.append(f"<tr{total}><td>{escape(name)}</td>" + "".join(f"<td>{number(row.get(column))}</td>" for column in columns) + "</tr>")
    return _table(f"<thead><tr><th>{of}</th>{head}</tr></thead>", lines)


def rows(names: Sequence[str], values: Sequence[Sequence[Any]]) -> str:
    """A plain table; the first column is text."""
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    lines = ["<tr>" + "".join(f"<td>{number(cell)}</td>" for cell in line) + "</tr>" for line in values]
    return _table(f"<thead><tr>{head}</tr></thead>", lines)


def facts(values: Mapping[str, Any]) -> str:
    """Names and what they stand for, one per line."""
    lines = [f"<tr><td>{escape(name)}</td><td>{escape(str(value))}</td></tr>" for name, value in values.items()]
    return _table("", lines, kind="facts")


def number(value: Any) -> str:
    """A cell: two decimals for fractions, thin spaces in large counts, a dash for what was not measured."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.2f}"
    return f"{value:,}".replace(",", "\u2009") if isinstance(value, int) else escape(str(value))


def _table(head: str, lines: Sequence[str], kind: str = "scores") -> str:
    return f'<div class="scroll"><table class="{kind}">{head}<tbody>\n' + "\n".join(lines) + "\n</tbody></table></div>"
