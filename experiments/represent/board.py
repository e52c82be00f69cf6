"""The ledger's scores as a board to look values up on: by task, representation, row and metric, one value for each random start."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple

from experiments.papers.ledger import Record
from experiments.represent.representations import RANDOM, Entry


class Column(NamedTuple):
    """A column of the first table: what ranks representations in a task."""

    name: str
    task: str
    row: str
    metric: str
    less_is_better: bool = False


COLUMNS = (
    Column("SOT AUC, XCorr", "sot", "XCorr", "AUC"),
    Column("SOT AUC, DCF", "sot", "DCF", "AUC"),
    Column("VOS J", "vos", "propagation", "J"),
    Column("MOT IDF1", "mot", "RSM", "IDF1"),
    Column("MOT HOTA", "mot", "RSM", "HOTA"),
    Column("MOTS IDF1", "mots", "RSM", "IDF1"),
    Column("MOTS HOTA", "mots", "RSM", "HOTA"),
    Column("Pose IDF1", "pose", "RSM", "IDF1"),
    Column("Pose IDs", "pose", "RSM", "IDSW", less_is_better=True),
    Column("PCK@0.1", "propagation", "propagation", "PCK@0.1"),
    Column("VIS AP", "vis", "RSM", "AP"),
)
RANKED = {
    column.name: column for column in COLUMNS if column.metric in ("J", "IDF1", "PCK@0.1", "AP") or "DCF" in column.name
}  # one per task


class Board:
    """Scores of the representations of a file, in its order.

    Args:
        records: of the ledger.
        entries: of representations.yaml; a record of none of them is not shown.
    """

    def __init__(self, records: Sequence[Record], entries: dict[str, Entry]) -> None:
        self.records = [record for record in records if record.label in entries]
        there = {record.label for record in self.records}
        self.entries = {name: entry for name, entry in entries.items() if name in there}

    def data(self, task: str) -> list[str]:
        """What a task was judged on, the most representations first."""
        found = [record.data for record in self.records if _task(record) == task]
        return sorted(dict.fromkeys(found), key=lambda name: (-found.count(name), name))

    def rows(self, task: str, data: str, name: str) -> list[str]:
        """The rows of a representation in a task."""
        every = [key.split("/")[1] for record in self._of(task, data, name) for key in record.metrics]
        return list(dict.fromkeys(every))

    def values(self, task: str, data: str | None, name: str, row: str, metric: str) -> list[float]:
        """One value for each random start, on `data`; None: on what most representations of the task were judged on."""
        where = data or next(iter(self.data(task)), "")
        key = f"{task}/{row}/{metric}"
        return [record.metrics[key] for record in self._of(task, where, name) if key in record.metrics]

    def mean(self, column: Column, name: str) -> float:
        """The mean of a column over random starts; NaN where there is no value."""
        found = self.values(column.task, None, name, column.row, column.metric)
        return statistics.fmean(found) if found else float("nan")

    def is_random(self, name: str) -> bool:
        """Whether a representation is a random start."""
        return self.entries[name].weights == RANDOM

    def _of(self, task: str, data: str, name: str) -> list[Record]:
        return [record for record in self.records if (record.data, record.label, _task(record)) == (data, name, task)]


def _task(record: Record) -> str:
    return next(iter(record.metrics), "").split("/")[0] if record.made is None else record.made["parameters"]["task"]
