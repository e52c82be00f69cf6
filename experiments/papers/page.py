"""The page of a paper's tables: its numbers beside ours on each data set (`throughline tables`).

Finished rows are kept in docs/tables.json with seed, commit and fingerprint; docs/papers/<system>.md is written from it. Trials are those
of a sweep: shared pretrainings are trained once, and the same command goes on where a killed one was. A change of the code that a row
depends on makes it stale; a change of comments or docstrings does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from experiments.papers.markdown import insert
from experiments.papers.rows import Rows
from experiments.papers.tables import Paper
from pipeline.artifacts.store import write_text
from pipeline.errors import UserError

PAGES = Path("docs") / "papers"


def write(rows: Rows, system: str, wanted: Sequence[int], overrides: Sequence[str], root: Path) -> None:
    """Bring docs/papers/<system>.md up to date for this data set; what stands outside its markers stays.

    Args:
        rows: of this data set.
        system: whose paper.
        wanted: tables to show even when rows of them are missing.
        overrides: what --set changed, for the command on the page.
        root: the repository.

    Raises:
        UserError: there is no such page, or it has no markers for this data set.
    """
    path, shown = root / PAGES / f"{system}.md", rows.shown(wanted)
    if not path.is_file():
        raise UserError(f"{path}: no such page\nnext: write its heading, and markers for {rows.data} as in docs/papers/outrack.md")
    measured = [rows.measured(rows.paper.tables[number], row) for number in shown for row in rows.paper.tables[number].rows]
    records = [found.record for item in measured for found in item.found if found is not None]
    seeds = ", ".join(str(seed) for seed in sorted({record.seed for record in records}))
    commits = ", ".join(sorted({record.commit for record in records})) or "none"
    asked = ["all"] if shown == list(rows.paper.tables) else [str(number) for number in shown]
    command = " ".join(["throughline tables", system, *asked, *(f"--set {override}" for override in overrides)])
    head = (
        f"`{command}` with `sweep.budget: {rows.budget.epochs:g}` and seeds {seeds or 'none'}; "
        f"commits {commits}. Ours: **mean** ± standard deviation over n seeds.\n"
    )
    body = "\n".join(rows.text(number) for number in shown)
    write_text(path, insert(path.read_text(), rows.data, f"{head}\n{body}"))


def numbers(words: Sequence[str], paper: Paper) -> list[int]:
    """The tables that the command line names.

    Raises:
        UserError: there is no such table.
    """
    known = {str(number): number for number in paper.tables}
    unknown = [word for word in words if word != "all" and word not in known]
    if unknown:
        raise UserError(f"there is no table {', '.join(unknown)}; there are {', '.join(known)}, and all\nnext: correct the number")
    return list(paper.tables) if "all" in words else [known[word] for word in words]
