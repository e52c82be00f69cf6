"""docs/representations.json: every score, with digests of weights, code and data, command, commit and machine."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path

from experiments.papers.ledger import Ledger, Record
from experiments.represent.run import Result
from pipeline.params.file import digest
from pipeline.registry.runs import git_state
from pipeline.runtime.machine import kind

PATH = Path("docs") / "representations.json"


def read(root: Path) -> list[Record]:
    """All records of docs/representations.json; none if the file does not exist.

    Raises:
        UserError: the file is no ledger.
    """
    return Ledger(root / PATH).records


def enter(results: Sequence[Result], parameters: str, root: Path) -> None:
    """Enter scores in the ledger, in place of earlier ones of the same representation, start, task and data.

    A score that is there already, measured with the same weights, code and data, stays as it is, with the commit that measured it.

    Args:
        results: of a command.
        parameters: digest of its parameter file.
        root: the repository.
    """
    ledger = Ledger(root / PATH)
    known = {record.fingerprint: record for record in ledger.records}
    new = [result for result in results if (there := known.get(result.key)) is None or there.metrics != _metrics(result)]
    if not new:
        return
    state = git_state(root, but=("docs",))
    commit = state["throughline.git_commit"][:10] + ("+" if state["throughline.git_dirty"] == "true" else "")
    ledger.add([_record(result, parameters, commit) for result in new])
    ledger.save()


def _record(result: Result, parameters: str, commit: str) -> Record:
    made = {
        "parameters": {"file": parameters, "task": result.task, "sequences": str(result.sequences)},
        "data": {result.data: result.contents},
        "weights": {result.name: result.weights} | ({"registered": result.registered} if result.registered else {}),
        "code": {result.task: result.code},
        "machine": kind(),
        "command": {"line": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])},
    }
    setting = digest(result.name, result.task)
    return Record(result.data, result.name, result.start, setting, result.key, commit, _metrics(result), made)


def _metrics(result: Result) -> dict[str, float]:
    """By task, row and metric, to four digits; what is not known is left out."""
    every = {(row, name): value for row, metrics in result.scores.items() for name, value in metrics.items()}
    return {f"{result.task}/{row}/{name}": round(value, 4) for (row, name), value in sorted(every.items()) if not math.isnan(value)}
