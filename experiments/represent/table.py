"""Scores as a table in Markdown, one row for each representation and way to track."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from experiments.represent.run import Result
from experiments.represent.tasks import TASKS

ABSENT = "–"
COUNTS = ("IDSW", "people", "objects", "classes")


def table(task: str, results: Sequence[Result]) -> str:
    """The scores of a task; of several random starts the mean, and in brackets the least and the most."""
    columns = TASKS[task].columns
    lines = [f"| {task}: representation | by | {' | '.join(columns)} |", "|---|---|" + "---:|" * len(columns)]
    for name in dict.fromkeys(result.name for result in results):
        starts = [result.scores for result in results if (result.name, result.task) == (name, task)]
        for row in starts[0] if starts else ():
            cells = [cell([scores[row][column] for scores in starts if column in scores[row]], column) for column in columns]
            lines.append(f"| {name} | {row} | {' | '.join(cells)} |")
    return "\n".join(lines)


def cell(values: Sequence[float], column: str) -> str:
    """One value, or the mean of several with their range; a dash where no value is known."""
    known = [value for value in values if not math.isnan(value)]
    if not known:
        return ABSENT
    digits = 0 if column in COUNTS else 1
    mean = f"{statistics.fmean(known):.{digits}f}"
    return mean if len(known) == 1 or min(known) == max(known) else f"{mean} [{min(known):.{digits}f}, {max(known):.{digits}f}]"
