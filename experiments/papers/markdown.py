"""Tables as Markdown: the paper's numbers and ours, mean and spread over seeds, and whether the paper's order of rows is shown."""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from experiments.papers.ledger import Found
from experiments.papers.tables import Claim, Metric, Row, Table
from pipeline.errors import UserError

ABSENT = "–"
STALE = "†"


@dataclass(frozen=True)
class Measured:
    """Our values of a row: what the ledger has of each seed (None: not run), or no trial at all."""

    found: Sequence[Found | None]

    @property
    def metrics(self) -> list[Mapping[str, float]]:
        """Metrics of the seeds that were run."""
        return [item.record.metrics for item in self.found if item is not None]

    @property
    def stale(self) -> bool:
        """Whether something that it depends on has changed since."""
        return any(item is not None and not item.fresh for item in self.found)

    def values(self, metric: str) -> list[float]:
        """One value for each seed."""
        return [float(item[metric]) for item in self.metrics if metric in item]


def markdown(number: int, table: Table, metrics: Mapping[str, Metric], measured: Mapping[str, Measured]) -> str:
    """One table as Markdown.

    Args:
        number: the table's number in the paper.
        table: its rows and claims.
        metrics: how the metrics that it names are shown, by name.
        measured: our values by the labels of rows.

    Returns:
        Two lines for each row, the paper's and ours; then a line for each claim.
    """
    head = f"### Table {number}: {table.title}\n\n| | | {' | '.join(table.names)} |\n|---|---|{'---:|' * len(table.names)}\n"
    lines = [line for row in table.rows for line in _lines(row, table, metrics, measured[row.label])]
    claims = [_verdict(claim, metrics[claim.metric], measured) for claim in table.claims]
    stale = any(item.stale for item in measured.values())
    note = f"\n{STALE} measured before a change of code or data that the row depends on.\n" if stale else ""
    return head + "\n".join(lines) + "\n" + note + "\n" + _summary(claims) + "\n" + "\n".join(f"- {text}" for _, text in claims) + "\n"


def insert(page: str, name: str, text: str) -> str:
    """Replace what stands between the markers of that name.

    Raises:
        UserError: the page has no such markers.
    """
    begin, end = f"<!-- {name}: generated -->", f"<!-- {name}: end -->"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if not pattern.search(page):
        raise UserError(f"the page has no markers for {name}\nnext: add the lines {begin} and {end} where the tables shall stand")
    return pattern.sub(lambda _: f"{begin}\n{text}\n{end}", page)


def _lines(row: Row, table: Table, metrics: Mapping[str, Metric], measured: Measured) -> list[str]:
    paper: Sequence[float | str] = row.paper if isinstance(row.paper, list) else [row.paper or ABSENT] * len(table.columns)
    ours = [_cell(metrics[name], measured.values(name)) for name in table.names]
    kind = "not implemented" if row.method is None else f"ours{STALE if measured.stale else ''}, n = {len(measured.metrics)}"
    theirs = [value if isinstance(value, str) else _number(metrics[name], value) for name, value in zip(table.columns, paper, strict=True)]
    theirs += [ABSENT] * len(table.ours)
    return [f"| {row.label} | paper | {' | '.join(theirs)} |", f"| | {kind} | {' | '.join(ours)} |"]


def _cell(metric: Metric, values: Sequence[float]) -> str:
    if not values:
        return ABSENT
    mean = _number(metric, statistics.fmean(values))
    return f"**{mean}** ± {_number(metric, statistics.stdev(values))}" if len(values) > 1 else f"**{mean}**"


def _number(metric: Metric, value: float) -> str:
    return f"{value:.{metric.digits}f}"


def _verdict(claim: Claim, metric: Metric, measured: Mapping[str, Measured]) -> tuple[str, str]:
    """Whether our means order two rows as a claim says, and the claim in words.

    An order within the spread of seeds, or of one seed, is not shown.
    """
    better, than = measured[claim.better].values(claim.metric), measured[claim.than].values(claim.metric)
    told = f"{claim.metric}: {claim.better} better than {claim.than}"
    if not better or not than:
        return "not measured", f"{told}: not measured."
    gap = statistics.fmean(than) - statistics.fmean(better) if metric.less_is_better else statistics.fmean(better) - statistics.fmean(than)
    values = f"{_cell(metric, better)} against {_cell(metric, than)}"
    if len(better) < 2 or len(than) < 2:
        return "not shown", f"{told}: not shown ({values}, one seed)."
    if abs(gap) <= max(statistics.stdev(better), statistics.stdev(than)):
        return "not shown", f"{told}: not shown ({values}, within the spread of seeds)."
    return ("shown", f"{told}: shown ({values}).") if gap > 0 else ("reversed", f"{told}: **reversed** ({values}).")


def _summary(claims: Sequence[tuple[str, str]]) -> str:
    """How many of a table's claims are shown, reversed, not shown or not measured."""
    counts = Counter(verdict for verdict, _ in claims)
    told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in ("shown", "reversed", "not shown", "not measured") if counts[verdict])
    return f"Of the paper's {len(claims)} orders: {told}.\n"
