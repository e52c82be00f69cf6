"""Whether what is claimed of our scores is seen in them."""

from __future__ import annotations

import statistics

from experiments.represent.board import Board
from experiments.represent.paper import Claim
from experiments.represent.table import cell

NOT_SHOWN = "**not shown**"


def verdict(claim: Claim, board: Board) -> str:
    """A line: the claim, the values, and whether it holds.

    An order is not shown where the range of the random starts of one side holds the mean of the other: another start could turn it round.
    """
    better, than = (board.values(claim.task, claim.data, *side, claim.metric) for side in (claim.better, claim.than))
    gap = f" by {claim.by:g}" if claim.by else ""
    where = f" ({claim.data})" if claim.data else ""
    said = f"{claim.task} {claim.metric}{where}: {', '.join(claim.better)} over {', '.join(claim.than)}{gap}"
    if not better or not than:
        return f"- {said}: not measured."
    first, second = statistics.fmean(better), statistics.fmean(than)
    values = f"{cell(better, claim.metric)} to {cell(than, claim.metric)}"
    alone = any(board.is_random(name) and len(found) == 1 for (name, _), found in ((claim.better, better), (claim.than, than)))
    doubt = ", of one random start, whose spread is not known" if alone else ""
    return f"- {said}: {_found(better, than, first - second, claim.by)} ({values}{doubt})."


def _found(better: list[float], than: list[float], gap: float, by: float) -> str:
    first, second = statistics.fmean(better), statistics.fmean(than)
    if _holds(better, second) or _holds(than, first):
        return f"{NOT_SHOWN}, within the spread of starts"
    if gap <= 0:
        return "does **not** hold, they are equal" if gap == 0 else "does **not** hold"
    if gap < by:
        return f"holds, but by {gap:.1f} alone"
    return "holds"


def _holds(values: list[float], other: float) -> bool:
    return len(values) > 1 and min(values) <= other <= max(values)
