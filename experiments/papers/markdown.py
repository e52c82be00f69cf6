"""Tables as Markdown: the paper's numbers and ours, mean and spread over seeds, and whether the paper's ordering holds."""

from __future__ import annotations

import re
import statistics
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
        number: the paper's.
        table: its rows and claims.
        metrics: how those that it names are shown, by name.
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


def _verdict(claim: Claim, metric: Metric, measured: Mapping[str, Measured]) -> tuple[bool | None, str]:
    """Whether a claim holds of the means (None: not measured), in words."""
    better, than = measured[claim.better].values(claim.metric), measured[claim.than].values(claim.metric)
    told = f"{claim.metric}: {claim.better} better than {claim.than}"
    if not better or not than:
        return None, f"{told}: not measured."
    first, second = statistics.fmean(better), statistics.fmean(than)
    holds = first < second if metric.less_is_better else first > second
    gap = abs(first - second)
    spread = max(statistics.stdev(values) if len(values) > 1 else 0.0 for values in (better, than))
    alone = len(better) < 2 or len(than) < 2
    doubt = ", one seed" if alone else ", within the spread of seeds" if gap <= spread else ""
    values = f"{_cell(metric, better)} against {_cell(metric, than)}"
    return holds, f"{told}: {'holds' if holds else 'does **not** hold'} ({values}{doubt})."


def _summary(claims: Sequence[tuple[bool | None, str]]) -> str:
    known = [holds for holds, _ in claims if holds is not None]
    if not known:
        return "The paper's ordering: not measured.\n"
    verdict = "holds" if all(known) else f"holds in {sum(known)} of {len(known)} comparisons"
    return f"The paper's ordering {verdict}.\n"
