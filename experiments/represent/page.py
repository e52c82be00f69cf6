"""docs/representations.md: what frozen representations are worth in tracking, the paper's numbers beside ours."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from experiments.papers.ledger import Record
from experiments.represent import paper as papers
from experiments.represent.board import COLUMNS, RANKED, Board, Column
from experiments.represent.claims import verdict
from experiments.represent.ledger import PATH
from experiments.represent.paper import Paper, Table
from experiments.represent.radar import radar
from experiments.represent.representations import Entry
from experiments.represent.table import ABSENT, cell
from pipeline.artifacts.store import write_text
from pipeline.scoring.correlation import correlate, ranks

PAGE, PICTURE = Path("docs") / "representations.md", Path("docs") / "representations.svg"
FILES = f"experiments/represent/representations.yaml, unitrack.yaml beside it and {PATH}"
HEAD = f"""# What frozen representations are worth in tracking

Written by `throughline represent` from {FILES}; type nothing here.
UniTrack (Wang et al., NeurIPS 2021) asks of a network not what it was trained for, but how well its map serves tracking as it is.
Nothing is trained here. Of random weights several starts are judged: the mean, and in brackets the least and the most. Where the range of
one side of an order holds the mean of the other, the order is not shown.

```bash
make repro                                      # or as far as pack_samples, for mot and sot
throughline represent lite0 lite0-random outrack outrack-random
dvc repro experiments/represent/dvc.yaml:walkers  # the same, as a stage
```

mot and sot look at the held-out frames of the data that the pipeline tracks. Default people are 9 to 19 cells of the map tall, so masks
and joints are judged on sequences drawn for it: scenes of many people with what an imitated detector finds of them, and close-ups, fixed
windows around one person who walks his height or more. None of the paper's benchmarks is here: compare orders with it, never values.
The command also leaves artifacts/represent/index.html, a page with these scores and a drawn clip of each task, to be looked at.
"""
CORNERS = {"SOT AUC, DCF": "SOT", "VOS J": "VOS", "MOT IDF1": "MOT", "MOTS IDF1": "MOTS", "Pose IDF1": "pose", "PCK@0.1": "joints",
           "VIS AP": "VIS"}  # fmt: skip


def write(text: str, records: Sequence[Record], entries: Mapping[str, Entry], root: Path) -> None:
    """Write the page and its picture, where they differ from what is there."""
    drawn = picture(Board(records, dict(entries))).replace(">", '><rect width="100%" height="100%" fill="white"/>', 1) + "\n"
    for path, wanted in ((root / PAGE, text), (root / PICTURE, drawn)):
        if not path.is_file() or path.read_text() != wanted:
            write_text(path, wanted)


def text(records: Sequence[Record], entries: Mapping[str, Entry], root: Path) -> str:
    """The whole page.

    Args:
        records: of the ledger.
        entries: of representations.yaml.
        root: the repository, whose unitrack.yaml is read.

    Raises:
        UserError: a value of unitrack.yaml cannot be used.
    """
    board, paper = Board(records, dict(entries)), papers.load(root)
    parts = [HEAD, _first(board), _ranks(board), _claims(board, paper), _correlations(board)]
    parts += ["## The paper's tables, and ours beside them\n", *(_table(number, table, board) for number, table in paper.tables.items())]
    return "\n".join([*parts, _origin(board)])


def picture(board: Board) -> str:
    """The radar of ranks, as SVG."""
    return radar(list(CORNERS.values()), _places(board), [name for name in board.entries if board.is_random(name)])


def _first(board: Board) -> str:
    """Tables 1 and 2 in the paper's form."""
    lines = [_line(["representation", *(column.name for column in COLUMNS)]), "|---" + "|---:" * len(COLUMNS) + "|"]
    best = {column: _best(column, board) for column in COLUMNS}
    for name in board.entries:
        cells = []
        for column in COLUMNS:
            shown = cell(board.values(column.task, None, name, column.row, column.metric), column.metric)
            cells.append(f"**{shown}**" if name == best[column] else shown)
        lines.append(_line([name, *cells]))
    return (
        "## Every representation in every task (the form of Tables 1 and 2)\n\nAssociation is by appearance alone. Each column's best is "
        f"**bold**; PCK and VIS are none of the paper's columns there. {_judged(board)}\n\n" + "\n".join(lines) + "\n"
    )


def _judged(board: Board) -> str:
    """How many sequences of each kind of data representations were judged on, as one sentence."""
    counts: dict[str, set[int]] = {}
    for record in board.records:
        counts.setdefault(record.data, set()).add(int((record.made or {}).get("parameters", {}).get("sequences", 0)))
    ranges = {data: f"{min(found)} to {max(found)}" if len(found) > 1 else f"{min(found)}" for data, found in sorted(counts.items())}
    return "Sequences: " + (", ".join(f"{count} of {data}" for data, count in ranges.items()) or "none") + "."


def _best(column: Column, board: Board) -> str | None:
    known = {name: value for name in board.entries if not math.isnan(value := board.mean(column, name))}
    return None if not known else min(known, key=known.__getitem__) if column.less_is_better else max(known, key=known.__getitem__)


def _places(board: Board) -> dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Ranks (tasks,) of each representation, 1 for the best."""
    columns = [ranks(np.array([board.mean(RANKED[key], name) for name in board.entries]), largest_first=True) for key in CORNERS]
    return {name: np.array([column[number] for column in columns]) for number, name in enumerate(board.entries)}


def _ranks(board: Board) -> str:
    lines = [_line(["representation", *CORNERS.values()]), "|---" + "|---:" * len(CORNERS) + "|"]
    for name, places in _places(board).items():
        lines.append(_line([name, *(ABSENT if math.isnan(place) else f"{place:g}" for place in places)]))
    return (
        f"## Ranks (Figs. 1 and 6)\n\n![Ranks by task: the outermost is the best, random starts are dashed]({PICTURE.name})\n\n"
        + "\n".join(lines)
        + "\n"
    )


def _claims(board: Board, paper: Paper) -> str:
    return "## What is claimed, and what is seen\n\n" + "\n".join(verdict(claim, board) for claim in paper.claims) + "\n"


def _correlations(board: Board) -> str:
    """Pearson and Spearman of each task's scores with facts and with the other tasks (Figs. 7 and 8)."""
    values = {CORNERS[key]: np.array([board.mean(RANKED[key], name) for name in board.entries]) for key in CORNERS}
    facts = dict.fromkeys(fact for entry in board.entries.values() for fact in entry.facts)
    others = {fact: np.array([entry.facts.get(fact, math.nan) for entry in board.entries.values()]) for fact in facts} | values
    lines = [_line(["", *values]), "|---" + "|---:" * len(values) + "|"]
    for name, column in others.items():
        cells = []
        for task, mine in values.items():
            found = correlate(column, mine)
            few = f"{ABSENT} (n = {found.rows})"
            cells.append(
                ""
                if name == task
                else few
                if math.isnan(found.pearson)
                else f"{found.pearson:.2f} / {found.spearman:.2f} (n = {found.rows})"
            )
        lines.append(_line([name, *cells]))
    return (
        "## What goes together (Figs. 7 and 8)\n\nPearson's and Spearman's coefficients over representations (means over random starts), "
        "of facts in representations.yaml and of other tasks; fewer than three say nothing. The paper finds -.38 to .20 and -.36 to .26 "
        "between ImageNet's top-1 accuracy and five tasks, over 16 representations; with so few, all trained ones above all random ones, "
        "ours are large whatever is compared.\n\n" + "\n".join(lines) + "\n"
    )


def _table(number: str, table: Table, board: Board) -> str:
    head = f"### Table {number}: {table.title}\n"
    theirs = [_line(["paper", *table.columns]), "|---" + "|---:" * len(table.columns) + "|"]
    theirs += [_line([label, *map(str, cells)]) for label, cells in table.rows.items()]
    parts = [head, "\n".join(theirs) + "\n"]
    if table.task is None:
        return "\n".join([*parts, f"Ours: {table.lacks}.\n" if table.lacks else "Ours: the first table of this page.\n"])
    for data in board.data(table.task):
        ours = [_line(["ours", "by", *table.metrics]), "|---|---" + "|---:" * len(table.metrics) + "|"]
        for name in board.entries:
            for row in table.by:
                found = [board.values(table.task, data, name, row, metric) for metric in table.metrics]
                if any(found):
                    cells = [cell(values, metric) for values, metric in zip(found, table.metrics, strict=True)]
                    ours.append(_line([name, row, *cells]))
        parts.append(f"Ours, on {data} ({table.lacks}):\n\n" + "\n".join(ours) + "\n")
    if table.note:
        parts.append(f"{table.note}\n")
    return "\n".join(parts if board.data(table.task) else [*parts, f"Ours: not measured ({table.lacks}).\n"])


def _origin(board: Board) -> str:
    commits = ", ".join(sorted({record.commit for record in board.records})) or "none"
    told = f"{PATH} has weights, code, data, command, commit and machine of each; commits {commits}"
    changed = " (with + and changes to it that were not committed then)" if "+" in commits else ""
    return f"## Where the numbers come from\n\n{told}{changed}.\n{OWN}"


OWN = """
## Results of your own

`throughline evaluate --task mots|vos|sot|pose|vis --gt GT --results RESULTS --out OUT` scores anyone's files in the benchmarks' layouts:
MOTSChallenge's text, DAVIS' indexed images, OTB's text, PoseTrack 2018's JSON, YouTube-VIS' JSON.
"""


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
